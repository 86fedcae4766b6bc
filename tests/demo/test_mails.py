"""The customers' mails: enough wordings, and the desk understands each as it must."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime

import pytest

from worker.app import load_reader
from worker.demo.customers import customers
from worker.demo.mails import STYLES, Envelope, Kind, SampleMail, Wording, dressed, samples, wordings, written
from worker.errors import UnreadableMail
from worker.mail.parse import parse
from worker.rules.model import Language
from worker.rules.reading.model import Exit

DAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
DESK = "privacy@example.org"
PEOPLE = customers(1, DAY)


def test_there_are_five_wordings_or_more_of_each_request_in_each_language() -> None:
    counted = Counter((wording.kind, wording.language) for wording in wordings())
    for language in Language:
        for kind in (Kind.ACCESS, Kind.CORRECTION, Kind.DELETION, Kind.UNSUBSCRIBE):
            assert counted[kind, language] >= 5
        for kind in (Kind.SEVERAL, Kind.NEW_ADDRESS, Kind.UNCLEAR, Kind.NEGATED, Kind.AUTOMATIC):
            assert counted[kind, language] >= 1


@pytest.mark.parametrize("wording", wordings(), ids=lambda w: f"{w.language}-{w.kind}-{w.subject}")
def test_each_wording_is_understood_whoever_writes_it_with_whatever_program(wording: Wording) -> None:
    chance = random.Random(wording.subject)
    for customer in [c for c in PEOPLE if c.language is wording.language][:3]:
        mail = written(chance, wording, customer)
        check(mail, mail.raw(DESK, NOW))


def check(mail: SampleMail, raw: bytes) -> None:
    reading = load_reader().read(parse(raw))
    assert reading.language is mail.language
    if mail.rights:
        assert (reading.exit, set(reading.rights)) == (Exit.AUTOMATIC, set(mail.rights)), reading
        assert {change.column: change.new for change in reading.fields.changes} == dict(mail.changes)
    else:
        assert reading.exit is (Exit.QUIET if mail.kind is Kind.AUTOMATIC else Exit.STAFF), reading


@pytest.mark.parametrize("style", range(STYLES))
def test_a_mail_keeps_its_words_in_every_dress(style: int) -> None:
    text = "Geachte,\n\nEén vraag: “mijn gegevens” – graag.\n"
    mail = parse(dressed(Envelope("ann@example.com", "Ann Müller", DESK, "Één vraag", "<1@example.com>", NOW), text, style))
    assert mail.sender is not None
    assert (mail.sender.name, mail.subject) == ("Ann Müller", "Één vraag")
    assert mail.text.split() == text.split()


@pytest.mark.parametrize("seed", range(10))
def test_a_seed_gives_at_least_32_mails_and_nobody_writes_twice(seed: int) -> None:
    found = samples(customers(seed, DAY), seed)
    assert found == samples(customers(seed, DAY), seed)
    assert len(found) >= 32
    assert set(Kind) == {mail.kind for mail in found}
    assert len({mail.sender for mail in found}) == len({mail.message_id for mail in found}) == len(found)
    for mail in found:
        if mail.kind is Kind.BROKEN:
            with pytest.raises(UnreadableMail):
                parse(mail.raw(DESK, NOW))
        else:
            check(mail, mail.raw(DESK, NOW))
