"""What a customer writes, and what is known of him, is found in no file of the desk but the register, and in no line of the log."""

from __future__ import annotations

import io
from base64 import b64encode
from pathlib import Path

import httpx
import pytest

from tests.journeys.running import a_journey, written
from tests.servers.dovecot import Dovecot
from tests.servers.smtp import ScriptedSmtp
from worker.logs import configure

NAME, PHONE, STREET = "Quirinus Zwaluwenberg", "+32 9 876 54 32", "Ibisnestpad"
ADDRESS = "quirinus.zwaluwenberg@example.com"
NEW_PHONE = "02 555 01 44"


def traces(value: str) -> set[bytes]:
    """How a value could stand in a file."""
    plain = {value, value.lower(), value.upper(), value.replace(" ", "")}
    return {each.encode(code) for each in plain for code in ("utf-8", "utf-16-le")} | {b64encode(value.encode())[:-4]}


def found_in(data: bytes) -> list[str]:
    values = (NAME, NAME.split()[1], PHONE, STREET, ADDRESS, NEW_PHONE)
    return [value for value in values if any(trace in data for trace in traces(value))]


async def test_no_canary_is_found_in_the_store_the_ledger_or_the_log(
    dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = io.StringIO()
    config = written(tmp_path, dovecot=dovecot, user=mailbox_user, smtp_port=scripted_smtp.port)
    configure(log)
    async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as journey, httpx.AsyncClient(trust_env=False) as client:
        await journey.customer(9, ADDRESS, name=NAME, telephone=PHONE, street=STREET)
        sender = f"{NAME} <{ADDRESS}>"
        journey.deliver(f"What data do you have about me? {NAME}, {STREET} 12", sender=sender, subject=f"Data of {NAME}")
        letter = await journey.letter(ADDRESS)
        await client.post(letter.link("c"), data={"right": "access"})
        ready = await journey.letter(ADDRESS, 2)
        package = await client.post(ready.link("d"), data={"code": ready.code, "as": "json"})
        assert STREET in package.text
        journey.deliver(f"My new telephone number is {NEW_PHONE}. Please change it. {NAME}", sender=sender)
        correction = await journey.letter(ADDRESS, 3)
        await client.post(correction.link("c"), data={"right": "correction", "code": correction.code})
        journey.deliver(f"Why did {NAME} of {STREET} get a bill over 2 bicycles?", sender=sender)
        journey.drop(f"From: {ADDRESS}\n".encode() + b"X: y\n" * 20_000 + f"\n{NAME}\n".encode())
        await journey.settled(4)
        files = [path for path in tmp_path.rglob("*") if path.is_file() and "customers" not in path.name]
        names = {path.name for path in files}
        assert {"desk.sqlite3", "desk.sqlite3-wal"} <= names
        assert {path.name: found for path in files if (found := found_in(path.read_bytes()))} == {}
    said = log.getvalue() + "".join(capfd.readouterr())
    assert "mailbox connected" in said
    assert found_in(said.encode()) == []
