"""Mail that a machine wrote opens nothing and is answered by nothing."""

from __future__ import annotations

import pytest

from tests.rules.reading.conftest import Read
from worker.rules.reading.model import Exit, Label

ASKING = "Please delete all my personal data."


@pytest.mark.parametrize(
    "header",
    [
        ("auto-submitted", "auto-replied"),
        ("auto-submitted", "Auto-Generated; owner-email=x"),
        ("x-autoreply", "yes"),
        ("x-autorespond", "holiday"),
        ("precedence", "Auto_Reply"),
    ],
)
def test_a_robots_header_makes_it_an_automatic_reply(read: Read, header: tuple[str, str]) -> None:
    reading = read(ASKING, headers=(header,))
    assert (reading.exit, reading.labels, reading.machine) == (Exit.QUIET, (Label.AUTO_REPLY,), True)


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: your letter",
        "Out of office",
        "Automatisch antwoord: uw vraag",
        "Afwezigheidsbericht",
        "Réponse automatique : votre lettre",
        "Absence du bureau",
        "Automatische Antwort: Ihre Anfrage",
        "Abwesenheitsnotiz",
    ],
)
def test_an_out_of_office_subject_is_known_in_four_languages(read: Read, subject: str) -> None:
    assert read(ASKING, subject).labels == (Label.AUTO_REPLY,)


@pytest.mark.parametrize(
    "mail",
    [
        {"content_type": "multipart/report"},
        {"headers": (("x-failed-recipients", "bob@example.com"),)},
        {"sender": "MAILER-DAEMON@mx.example.com"},
        {"subject": "Undelivered Mail Returned to Sender", "headers": (("return-path", "<>"),)},
        {"subject": "Onbestelbaar: uw bericht", "headers": (("return-path", "<>"),)},
    ],
)
def test_a_delivery_report_is_a_bounce(read: Read, mail: dict[str, object]) -> None:
    reading = read(ASKING, **mail)
    assert (reading.exit, reading.labels, reading.machine) == (Exit.QUIET, (Label.BOUNCE,), True)


def test_a_newsletter_of_others_asks_for_nothing(read: Read) -> None:
    headers = (("list-unsubscribe", "<https://example.com/u>"), ("list-id", "<news.example.com>"))
    reading = read("Our offers of May. Unsubscribe me.", headers=headers)
    assert (reading.exit, reading.labels, reading.machine) == (Exit.QUIET, (Label.OTHER,), True)


def test_a_list_header_on_a_humans_reply_flags_and_does_not_act(read: Read) -> None:
    reading = read(ASKING, "Re: news", headers=(("precedence", "list"),), in_reply_to="<x@example.com>")
    assert (reading.exit, reading.labels, reading.machine) == (Exit.STAFF, (Label.DELETION,), False)
