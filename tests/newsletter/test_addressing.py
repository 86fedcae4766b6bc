from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from worker.newsletter.addressing import TOKEN_LENGTH, message_id, token_in_subject, unsubscribe_mailto, unsubscribe_url
from worker.newsletter.audience import Still, edition_language, still
from worker.rules.model import Language
from worker.store import Vault

TOKEN = Vault(b"m" * 32, b"i" * 32).derived_token("unsubscribe", "p" * 64)


def test_a_readers_token_is_as_long_as_every_other() -> None:
    assert len(TOKEN) == TOKEN_LENGTH


def test_the_mail_that_a_readers_program_writes_leads_back_to_the_token() -> None:
    link = urlsplit(unsubscribe_mailto("privacy+x@example.com", TOKEN))

    assert link.path == "privacy%2Bx@example.com"
    (subject,) = parse_qs(link.query)["subject"]
    assert token_in_subject(subject) == TOKEN


@pytest.mark.parametrize(
    "subject", ["unsubscribe", "unsubscribe please", f"unsubscribe {TOKEN} now", f"Re: {TOKEN}", f"unsubscribe {TOKEN[:-1]}"]
)
def test_other_subjects_hold_no_token(subject: str) -> None:
    assert token_in_subject(subject) is None


def test_the_page_stands_under_the_base_url() -> None:
    assert unsubscribe_url("https://desk.example.com/", TOKEN) == f"https://desk.example.com/u/{TOKEN}"


def test_a_message_has_one_name_for_all_attempts_and_it_is_no_address() -> None:
    assert message_id("c" * 32, "a1" * 32, "example.com") == f"<{'c' * 32}.{'a1' * 8}@example.com>"


@pytest.mark.parametrize(
    ("wanted", "written", "expected"),
    [
        (Language.FR, [Language.NL, Language.FR], Language.FR),
        (Language.DE, [Language.FR, Language.NL], Language.NL),
        (Language.DE, [Language.EN], Language.EN),
    ],
)
def test_a_reader_gets_a_language_that_is_written(wanted: Language, written: list[Language], expected: Language) -> None:
    assert edition_language(wanted, written, (Language.NL, Language.FR)) is expected


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("sending", [True, False])
@pytest.mark.parametrize("suppressed", [True, False])
@pytest.mark.parametrize("subscribed", [True, False])
def test_a_message_leaves_only_if_everything_still_holds(*, ours: bool, sending: bool, suppressed: bool, subscribed: bool) -> None:
    decided = still(ours=ours, sending=sending, suppressed=suppressed, subscribed=subscribed)

    assert (decided is Still.SEND) == (ours and sending and subscribed and not suppressed)
    assert (decided is Still.HALT) == (not sending)
