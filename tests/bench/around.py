"""What stands around the desk in the bench: its process, the mailbox's bell, and the sink's counter."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.servers.dovecot import Dovecot
from tests.servers.postfix import SmtpSink

PATIENCE = 300.0  # seconds that anything may take


class DeskProcess:
    """A running desk."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    async def line(self) -> Any:
        """The next line of JSON; RuntimeError with the log's end if the desk has died."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), PATIENCE)
        if not line:
            raise RuntimeError(f"the desk has ended:\n{self._log.read_text()[-3000:]}")
        return json.loads(line)

    async def ask(self, what: str) -> Any:
        """``figures`` or ``kept``."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n".encode())
        return await self.line()

    def pause(self) -> None:
        """Stop it where it stands, so that a box can be filled behind its back."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def memory(self, line: str = "VmRSS") -> float:
        """Resident memory in MB, now or (``VmHWM``) at its highest since :meth:`forget_peak`."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(rf"{line}:\s+(\d+) kB", status)
        assert found
        return int(found[1]) / 1024

    def forget_peak(self) -> None:
        """Begin the search for the highest point anew (Linux, proc(5), clear_refs)."""
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")

    async def end(self) -> None:
        """Close its input and wait."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), 60)


@asynccontextmanager
async def a_desk(config: Path) -> AsyncIterator[DeskProcess]:
    """A desk that has read its mailbox once."""
    log = config.parent / "log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.desk", str(config), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=out,
            cwd=Path(__file__).parent.parent.parent,
        )  # fmt: skip
    desk = DeskProcess(process, log)
    try:
        await desk.line()
        yield desk
        await desk.end()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


class Sink:
    """The counter of an smtp-sink, read from the end of its log."""

    def __init__(self, server: SmtpSink) -> None:
        self._log = server.root / "log"

    def accepted(self) -> int:
        """Messages accepted so far."""
        with self._log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 400))
            found = re.findall(rb"mesg=(\d+)", log.read())
        return int(found[-1]) if found else 0

    async def reached(self, count: int, every: float) -> float:
        """When (monotonic seconds) ``count`` messages were accepted; looks ``every`` so many seconds."""
        end = time.monotonic() + PATIENCE
        while self.accepted() < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{self.accepted()} of {count} letters arrived")
            await asyncio.sleep(every)
        return time.monotonic()


def _announces(data: bytes) -> bool:
    """True for an EXISTS line that does not answer SELECT: that one comes with the UIDVALIDITY (RFC 9051, section 6.3.2)."""
    return b"UIDVALIDITY" not in data and re.search(rb"^\* \d+ EXISTS\r\n", data, re.MULTILINE) is not None


class Tap:
    """Stands between the desk and the IMAP server, passes everything on, and notes when the server announces mail."""

    def __init__(self, server: Dovecot) -> None:
        self._server = server
        self._rang: asyncio.Future[float] | None = None
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def between(cls, server: Dovecot) -> AsyncIterator[Tap]:
        """Listen on ``port``."""
        tap = cls(server)
        async with await asyncio.start_server(tap._connected, "127.0.0.1", 0) as listener:
            tap.port = listener.sockets[0].getsockname()[1]
            yield tap

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", self._server.port)
        await asyncio.gather(self._pass(reader, forth), self._pass(back, writer, listen=True))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, listen: bool = False) -> None:
        while data := await reader.read(65536):
            if listen and self._rang and not self._rang.done() and _announces(data):
                self._rang.set_result(time.monotonic())
            writer.write(data)
        writer.close()

    def listen(self) -> asyncio.Future[float]:
        """The moment (monotonic seconds) at which the next ``* n EXISTS`` passes."""
        self._rang = asyncio.get_running_loop().create_future()
        return self._rang
