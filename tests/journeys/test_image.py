"""Our Dockerfile, carried out in a fresh minimal Debian, answers a mail: not as root, and writing to its volumes only."""

from __future__ import annotations

import http.client
import signal
import subprocess
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.servers import process
from tests.servers.dovecot import Dovecot
from tests.servers.image import Image, built_image, ignored, parse
from tests.servers.smtp import ScriptedSmtp
from tests.servers.tree import Bind

ROOT = Path(__file__).parents[2]

SETTINGS = """
[desk]
company = "Example Company BV"
address = "Voorbeeldstraat 1, 9000 Gent, Belgium"
contact = "privacy@example.com"
base_url = "http://127.0.0.1:{web}"

[[mailbox]]
name = "privacy"
host = "127.0.0.1"
port = {imap}
tls = "none"
user = "{user}"
password_file = "../secrets/mailbox"

[smtp]
host = "127.0.0.1"
port = {smtp}
tls = "none"
from = "privacy@example.com"
"""

MAIL = b"""\
From: Ann Example <ann@example.com>
To: privacy@example.com
Subject: My personal data
Message-ID: <one@example.com>
Date: %s

Hello,

Please send me a copy of all the personal data that you hold about me.

Kind regards,
Ann Example
"""


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with built_image(ROOT) as built:
        yield built


class Container:
    """The image with its volumes, configured by an administrator as compose.yaml does it."""

    def __init__(self, image: Image, dovecot: Dovecot, user: str, smtp: ScriptedSmtp) -> None:
        self.image, self.web = image, process.free_port()
        self.root = image.tree.root.parent
        for name in ("volumes", "config", "secrets"):
            (self.root / name).mkdir()
        settings = SETTINGS.format(web=self.web, imap=dovecot.port, user=user, smtp=smtp.port)
        (self.root / "config" / "worker.toml").write_text(settings)
        (self.root / "config" / "policy").mkdir()
        (self.root / "secrets" / "mailbox").write_text(dovecot.password)

    def command(self, words: list[str]) -> list[str]:
        given = [Bind(self.root / name, f"{self.image.cwd}/{name}", read_only=True) for name in ("config", "secrets")]
        return self.image.running(words, self.root / "volumes", env={"PRIVACY_DESK__WEB__LISTEN": f"127.0.0.1:{self.web}"}, binds=given)

    def run(self, words: list[str]) -> str:
        done = subprocess.run(self.command(words), check=False, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.web, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


@pytest.fixture
def container(image: Image, dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp) -> Container:
    return Container(image, dovecot, mailbox_user, scripted_smtp)


@pytest.mark.image
async def test_the_image_answers_a_mail_as_nobody_and_writes_to_its_volumes_only(
    container: Container, dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp
) -> None:
    # -xdev leaves out /dev and /proc, which are other file systems.
    found = container.run(["sh", "-c", "id -u; find / -xdev -type d -writable 2>/dev/null || true"]).split()
    assert sorted(found) == sorted(["10001", *container.image.volumes])
    container.run([*container.image.entrypoint, "init"])
    log = container.root / "log"
    desk = process.spawn(container.command([*container.image.entrypoint, *container.image.command]), log=log)
    try:
        process.wait_until(container.is_ready, "the desk", desk, log)
        container.run(container.image.health)
        dovecot.deliver(mailbox_user, MAIL % time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime()).encode())
        [letter] = await scripted_smtp.arrived(1, recipient="ann@example.com", within=30)
    finally:
        process.stop(desk, signal.SIGTERM)
    assert desk.returncode == 0, log.read_text()
    body = message_from_bytes(letter.data, policy=policy.default).get_body(("plain",))
    assert body is not None
    assert f"http://127.0.0.1:{container.web}/c/" in body.get_content()
    owners = {path.stat().st_uid for path in (container.root / "volumes").rglob("*")}
    assert owners == {10001}


def test_what_an_administrator_wrote_stays_out_of_the_image() -> None:
    def kept(*names: str) -> list[str]:
        return [name for name in names if not ignored(ROOT, Path(name))]

    assert (
        kept("config/worker.toml", "config/register.toml", "secrets/mailbox", ".git/config", ".venv/bin/python", "var/keys/master.key")
        == []
    )
    assert kept("worker/__pycache__/cli.cpython-311.pyc", "worker/rules/__pycache__/model.cpython-311.pyc", "tests/conftest.py") == []
    ours = ["pyproject.toml", "requirements.lock", "LICENSE", "worker/cli.py", "worker/templates/mail/x/en.txt", "config/policy/nl.md"]
    assert kept(*ours) == ours


def test_the_image_is_declared_to_run_as_nobody_with_a_health_check() -> None:
    instructions = list(parse((ROOT / "Dockerfile").read_text()))
    last = instructions[max(number for number, each in enumerate(instructions) if each.name == "FROM") :]
    said = {each.name: each.rest for each in last}
    assert said["USER"] == "10001:10001"
    assert "/healthz" in said["HEALTHCHECK"]
    assert said["ENTRYPOINT"] == '["privacy-desk"]'
    assert [each for each in last if each.name == "ADD" or "http" in each.rest.partition("http.client")[0]] == []
