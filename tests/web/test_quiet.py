"""What the pages leave behind in logs, and how they end."""

from __future__ import annotations

import asyncio
import logging
import signal

import pytest
from structlog.testing import capture_logs

from tests.desks import House
from tests.web.conftest import Site, served
from worker.web import server
from worker.web.app import combined_app
from worker.web.settings import WebSettings


async def test_no_log_holds_a_token_a_code_or_a_person(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await site.house.write("Please delete all my data. Ann Peeters, ann@example.com")
    letter = await site.house.last("confirm")
    token = letter.link("c")
    await site.get(f"/c/{token}")
    await site.post(f"/c/{token}", {"right": "deletion", "code": "222222"})
    await site.post(f"/c/{token}", {"right": "deletion", "code": letter.code}, origin="https://evil.example")
    await site.post("/", {"right": "access", "address": "ann@example.com", "words": "canary-4711"})
    await site.web.delete(f"/c/{token}")
    site.house.desk.store.close()
    with capture_logs() as ours:
        assert (await site.get(f"/c/{token}")).status_code in {500, 503}
    assert [each["route"] for each in ours] == ["/c"]
    logged = "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith(("httpx", "httpcore"))) + str(ours)
    for secret in (token, letter.code, "ann@example.com", "Peeters", "canary-4711"):
        assert secret not in logged
    assert "ASGI" not in logged


async def test_the_server_takes_no_signals_from_its_process(house: House) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    async with served(combined_app(house.desk, WebSettings(), lambda: True)) as web:
        assert (await web.get("/healthz")).status_code == 200
        assert {number: signal.getsignal(number) for number in before} == before


async def test_a_request_in_hand_is_answered_before_the_server_ends(house: House) -> None:
    bound = server.listening("127.0.0.1", 0)
    host, port = bound.getsockname()[:2]
    running = asyncio.ensure_future(server.serve(combined_app(house.desk, WebSettings(), lambda: True), bound))
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"POST /u/unknown HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
    await writer.drain()
    await asyncio.sleep(0.2)
    running.cancel()
    await asyncio.sleep(0.1)
    writer.write(b"cd")
    answer = await reader.read(100)
    assert answer.startswith(b"HTTP/1.1 404")
    writer.close()
    await asyncio.gather(running, return_exceptions=True)


async def test_only_a_trusted_proxy_is_believed_who_the_client_is(house: House) -> None:
    app = combined_app(house.desk, WebSettings(form_per_network_hour=1), lambda: True)
    form = {"right": "access", "address": "ann@example.com"}
    async with served(app) as web:
        answers = [await web.post("/", data=form, headers={"x-forwarded-for": f"192.0.2.{n}"}) for n in (1, 2)]
    assert [each.status_code for each in answers] == [200, 429]
    app = combined_app(house.desk, WebSettings(form_per_network_hour=1), lambda: True)
    async with served(app, trusted_proxies=("127.0.0.1",)) as web:
        answers = [await web.post("/", data=form, headers={"x-forwarded-for": f"198.51.100.9, 192.0.2.{n}"}) for n in (1, 2, 2)]
    assert [each.status_code for each in answers] == [200, 200, 429]
