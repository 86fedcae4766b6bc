"""Who uses the processor: public functions of the desk wrapped by the bench, each span without those inside it.

A thread counts its own CPU time, so a wait costs nothing. Of a coroutine every step is a span: what other tasks do
while it waits is theirs.
"""

from __future__ import annotations

import functools
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import worker.intake
from worker.casework import commit, take
from worker.intake import Intake
from worker.mail import smtp_connection
from worker.mail.imap_framing import FramedProtocol
from worker.mail.letters import Letters
from worker.mail.smtp import Relay
from worker.rules.reading.reader import Reader
from worker.store import Store

#: The name of the function that is a transaction's body, to the stage it belongs to.
_TRANSACTIONS = {
    "_commit": "store: raw mail",
    "load_waiting": "store: load",
    "decide": "store: decision",
    "_claim": "store: outbox",
    "_write": "store: outbox",
}


class Stages:
    """CPU seconds and number of calls by stage, of all threads."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._here = threading.local()

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Count what the block costs, without the spans inside it."""
        stack: list[list[Any]] = self._here.__dict__.setdefault("stack", [])
        frame: list[Any] = [name, 0.0]
        stack.append(frame)
        began = time.thread_time()
        try:
            yield
        finally:
            spent = time.thread_time() - began
            stack.pop()
            if stack:
                stack[-1][1] += spent
            with self._lock:
                self.seconds[frame[0]] += spent - frame[1]
                self.calls[frame[0]] += 1

    def rename(self, name: str) -> None:
        """Call the span that this thread is in by another name."""
        self._here.stack[-1][0] = name

    def calls_of(self, owner: Any, function: str, name: str) -> None:
        """Count a plain function or method."""
        inner = getattr(owner, function)

        @functools.wraps(inner)
        def counted(*args: Any, **kwargs: Any) -> Any:
            with self.span(name):
                return inner(*args, **kwargs)

        setattr(owner, function, counted)

    def steps_of(self, owner: Any, function: str, name: str) -> None:
        """Count every step of a coroutine function."""
        inner = getattr(owner, function)

        @functools.wraps(inner)
        async def counted(*args: Any, **kwargs: Any) -> Any:
            return await _Stepped(self, name, inner(*args, **kwargs))

        setattr(owner, function, counted)

    def transactions(self) -> None:
        """Count every transaction by its body, from its begin to the end of its commit."""
        run, transaction = Store.run, Store.transaction

        async def labelled(store: Store, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            def body(*inside: Any, **also: Any) -> Any:
                self.rename(_TRANSACTIONS.get(getattr(work, "__name__", ""), "store: other"))
                return work(*inside, **also)

            return await run(store, body, *args, **kwargs)

        @contextmanager
        def counted(store: Store) -> Iterator[Any]:
            with self.span("store: other"), transaction(store) as tx:
                yield tx

        Store.run, Store.transaction = labelled, counted  # type: ignore[method-assign,assignment]


class _Stepped:
    def __init__(self, stages: Stages, name: str, inner: Awaitable[Any]) -> None:
        self._stages = stages
        self._name = name
        self._inner = inner

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._inner.__await__()
        send: Callable[[], Any] = functools.partial(next, steps)
        while True:
            try:
                with self._stages.span(self._name):
                    wanted = send()
            except StopIteration as end:
                return end.value
            try:
                answer = yield wanted
                send = functools.partial(steps.send, answer)
            except BaseException as error:  # noqa: BLE001 - whatever it is, a cancellation too, is the inner coroutine's
                send = functools.partial(steps.throw, error)


def watched() -> Stages:
    """Wrap the desk's functions in this process."""
    stages = Stages()
    stages.steps_of(Intake, "run", "imap")
    stages.steps_of(Intake, "_move", "imap")
    stages.calls_of(FramedProtocol, "data_received", "imap")
    stages.calls_of(worker.intake, "parse", "content key")
    stages.calls_of(worker.intake, "content_key", "content key")
    stages.calls_of(take, "parse", "parse")
    stages.calls_of(Reader, "read", "read")
    stages.calls_of(Letters, "render", "letter")
    stages.calls_of(commit, "compose", "letter")
    stages.steps_of(Relay, "send", "smtp")
    stages.calls_of(smtp_connection._Wire, "data_received", "smtp")
    stages.transactions()
    return stages
