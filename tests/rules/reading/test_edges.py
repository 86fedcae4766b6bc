"""Reasons, confirmations, foreign languages, and bounds."""

from __future__ import annotations

import time

import pytest

from tests.rules.reading.conftest import Read
from worker.rules.model import Column, HoldReason, Language, Right
from worker.rules.reading.model import Exit, Label

PARAGRAPH = (
    "Hello, last week I called your office about the new computers and about the maintenance of our network. The price suits us "
    "but two questions are left about delivery and warranty. Could you tell us when the machines arrive? Further I would like to be "
    "taken off the mailing list because I never read it and the box is full enough. Many thanks for the help and until soon, we talk again. "
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Please delete the data of my mother.", HoldReason.THIRD_PARTY),
        ("If you cannot help me, delete my account.", HoldReason.CONDITIONAL),
        ("Please delete my data, or my lawyer will call you.", HoldReason.COMPLAINT),
        ("We are the police and need all data about him.", HoldReason.AUTHORITY),
        ("Please correct my phone number.", HoldReason.NO_VALUES),
        ("Please change my bank account in your files.", HoldReason.BANK_DETAILS),
        ("Please delete my data, I have cancer and need rest.", HoldReason.SENSITIVE),
        ("Please delete my data as asked in the mail below.", HoldReason.QUOTED),
        ("I object to the processing of my data.", HoldReason.NOT_AUTOMATIC),
        ("Quiero que borren todos mis datos de su base, por favor, y que me lo confirmen.", HoldReason.LANGUAGE),
        ("Прошу удалить все мои персональные данные из вашей базы, спасибо.", HoldReason.LANGUAGE),
    ],
)
def test_a_held_mail_says_why(read: Read, text: str, reason: HoldReason) -> None:
    reading = read(text)
    assert reading.exit is Exit.STAFF
    assert reason in reading.reasons


def test_a_yes_below_our_letter_confirms_nothing_by_itself(read: Read) -> None:
    reading = read("Yes, I confirm.", "Re: Please confirm PD-2026-000123", in_reply_to="<l@example.com>")
    assert (reading.exit, reading.labels) == (Exit.STAFF, (Label.CONFIRMATION,))


def test_a_message_in_an_open_case_reaches_its_handler(read: Read) -> None:
    reading = read("Is there any news?", "Re: Your request PD-2026-000123")
    assert (reading.exit, reading.reasons) == (Exit.STAFF, (HoldReason.FOLLOW_UP,))


def test_rights_come_in_the_order_of_carrying_out(read: Read) -> None:
    reading = read("Delete all my data please. Send me a copy of my personal data first.")
    assert reading.rights == (Right.ACCESS, Right.DELETION)


def test_old_and_new_value_are_told_apart(read: Read) -> None:
    (change,) = read("Please change my e-mail address from old@example.com to new@example.com.").fields.changes
    assert (change.column, change.old, change.new) == (Column.EMAIL, "old@example.com", "new@example.com")


def test_values_in_a_signature_are_not_read(read: Read) -> None:
    fields = read("Please correct my address.\n\nKind regards\nAnn Peeters\nKerkstraat 1, 9000 Gent\nann@example.com").fields
    assert (fields.name, fields.email, fields.changes) == (None, None, ())


def test_values_in_a_quote_are_not_read(read: Read) -> None:
    assert read("Please correct my address.\n\n> my new address is Kerkstraat 1, 9000 Gent").fields.changes == ()


@pytest.mark.parametrize("title", ["Solicitor", "Advocaat", "Avocate au barreau", "Rechtsanwältin", "Inspector, federal police"])
def test_who_signs_as_a_lawyer_or_an_authority_reaches_a_person(read: Read, title: str) -> None:
    assert read("Please delete all my personal data.").exit is Exit.AUTOMATIC
    assert read(f"Please delete all my personal data.\n\nKind regards\nAnn Peeters\n{title}").exit is Exit.STAFF


def test_a_subject_alone_may_carry_the_request(read: Read) -> None:
    assert read("", "Unsubscribe").exit is Exit.AUTOMATIC
    assert (
        read("How does the scheduling in your tool work, and what does it cost for forty users a month?", "Unsubscribe").exit is Exit.STAFF
    )


def test_an_inherited_subject_asks_for_nothing(read: Read) -> None:
    assert read("Thanks, see you Monday.", "Re: Please delete my data").exit is Exit.QUIET


def test_the_versions_of_the_data_are_told(read: Read) -> None:
    assert set(read("hello").versions) == {"rules.shared", "rules.en", "rules.nl", "rules.fr", "rules.de", "witness"}


@pytest.mark.parametrize("text", ["", "   \n\n", "?", "👍"])
def test_an_empty_mail_is_quiet(read: Read, text: str) -> None:
    reading = read(text)
    assert (reading.exit, reading.labels, reading.language) == (Exit.QUIET, (Label.OTHER,), Language.EN)


@pytest.mark.parametrize(
    "text",
    [
        PARAGRAPH * 2_400,
        "delete my data\n" * 70_000,
        "a" * 1_000_000,
        "1 " * 500_000,
        "12/" * 330_000,
        "A " * 500_000,
        "> " * 500_000,
        "\n" * 1_000_000,
        "a.b-" * 250_000,
        "rue de la " * 100_000,
        "On Mon, " * 125_000,
        "-" * 1_000_000,
        "Straat 1 " * 110_000,
        "\"'" * 500_000,
    ],
    ids=lambda text: text[:10],
)
def test_a_megabyte_is_read_in_bounded_time(read: Read, text: str) -> None:
    begin = time.process_time()
    read(text)
    assert time.process_time() - begin < 15  # seconds; 0.05-0.25 where nothing else runs


def test_a_mail_of_a_hundred_words_costs_milliseconds(read: Read) -> None:
    read(PARAGRAPH)
    begin = time.process_time()
    for _ in range(20):
        read(PARAGRAPH)
    assert (time.process_time() - begin) / 20 < 0.5  # seconds; 0.003 where nothing else runs
