"""uvicorn as a part of a larger process: it takes no signals, tells nothing about itself, and logs no tokens."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Final

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.applications import Starlette

_GRACE: Final = 5  # seconds that open requests get when the server stops
_BACKLOG: Final = 512
_SLOW: Final = 20  # seconds that a kept connection may stay silent


class Server(uvicorn.Server):
    """A server that leaves the signals to its owner; stop it with :meth:`stop`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: the process has one owner of its signals."""
        yield

    def stop(self) -> None:
        """End after the open requests."""
        self.should_exit = True


def listening(host: str, port: int) -> socket.socket:
    """A socket that takes connections from now on, served or not; port 0 takes a free one. Raises OSError if the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: asyncio sets TCP_NODELAY only then, and without it every page waits 40 ms for an acknowledgement.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(_BACKLOG)
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return bound


def make_server(app: Starlette, trusted_proxies: tuple[str, ...] = ()) -> Server:
    """A server for ``app``; only ``trusted_proxies`` are believed who the client is."""
    return Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,  # its lines would hold tokens
            server_header=False,
            proxy_headers=bool(trusted_proxies),
            forwarded_allow_ips=list(trusted_proxies),
            lifespan="off",
            ws="none",
            timeout_keep_alive=_SLOW,
            timeout_graceful_shutdown=_GRACE,
            backlog=_BACKLOG,
        )
    )


async def serve(app: Starlette, bound: socket.socket, trusted_proxies: tuple[str, ...] = ()) -> None:
    """Serve ``app`` on ``bound`` until the task is cancelled; open requests are finished first."""
    server = make_server(app, trusted_proxies)
    running = asyncio.ensure_future(server.serve(sockets=[bound]))
    try:
        await asyncio.shield(running)
    finally:
        server.stop()
        await asyncio.wait([running], timeout=_GRACE + 1)
        bound.close()
