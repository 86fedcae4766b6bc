from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.newsletter.world import opened
from worker.mail.campaign import TOKEN, Compiled, Imprint, Issue, Ways, address_field, compiled, one_line, quoted_printable, render
from worker.mail.markdown import as_html, as_text, facts
from worker.rules.mail import Address
from worker.rules.model import Language

IMPRINT = Imprint(
    "Müller & Zoon", "Kerkstraat 1, 9000 Gent", "news@example.com", "privacy@example.com", "https://desk.example.com", "example.com"
)
WAYS = Ways(
    f"https://desk.example.com/u/{TOKEN}",
    f"mailto:privacy@example.com?subject=unsubscribe%20{TOKEN}",
    f"https://desk.example.com/p/{TOKEN}",
)
MARKDOWN = "# Hé\n\nLees [de folder](https://example.com/a?b=c&d=e).\n\n- een\n- twee\n\nFrom here on\n"
ONE, TWO = "t" * 43, "-_" * 21 + "9"


def an_issue(markdown: str = MARKDOWN, subject: str = "Nieuws über vieles", language: Language = Language.NL) -> Issue:
    return Issue("c" * 32, "offers", "Aanbiedingen", language, subject, markdown, datetime(2026, 12, 1, 8, tzinfo=UTC))


def a_message(made: Compiled, token: str = ONE) -> bytes:
    return made.message(Address("ann@example.com", "Ann"), "<id@example.com>", token)


def test_two_readers_messages_differ_in_their_own_values_only() -> None:
    made = compiled(IMPRINT, an_issue(), WAYS)

    one = a_message(made, ONE)
    two = a_message(made, TWO)

    assert one.replace(ONE.encode(), TWO.encode()) == two
    assert one.count(ONE.encode()) == 6  # two in the text, two in the page, two in List-Unsubscribe


def test_the_same_newsletter_compiled_twice_gives_the_same_bytes() -> None:
    assert a_message(compiled(IMPRINT, an_issue(), WAYS)) == a_message(compiled(IMPRINT, an_issue(), WAYS))


@pytest.mark.parametrize("language", Language)
def test_text_and_page_say_the_same_and_lead_out(language: Language) -> None:
    message, text, page = opened(a_message(compiled(IMPRINT, an_issue(language=language), WAYS)))

    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    for shown in (text, page):
        assert f"https://desk.example.com/u/{ONE}" in shown
        assert f"https://desk.example.com/p/{ONE}" in shown
        assert "Aanbiedingen" in shown
        assert "Kerkstraat 1, 9000 Gent" in shown
    assert message["date"].datetime == datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert message["from"].addresses[0].display_name == "Müller & Zoon"
    assert "http://" not in page
    assert "<img" not in page
    assert "<script" not in page


def test_no_line_is_longer_than_mail_allows_whatever_is_written() -> None:
    long_words = "# " + "woord" * 400 + "\n\n" + "é" * 3000 + "\n\n[x](https://example.com/" + "a" * 2000 + ")\n"

    body = a_message(compiled(IMPRINT, an_issue(long_words), WAYS)).partition(b"\r\n\r\n")[2]

    assert max(map(len, body.split(b"\r\n"))) <= 76


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300), st.integers(0, 300))
def test_any_text_arrives_as_it_was_written(text: str, at: int) -> None:
    encoded = quoted_printable(text[:at] + TOKEN + text[at:]).replace(TOKEN.encode(), ONE.encode())

    head = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    assert max(map(len, encoded.split(b"\r\n"))) <= 76
    assert encoded.isascii()
    arrived = opened(head + encoded)[1]
    assert re.sub(r"\r\n?|\n", "\n", arrived).rstrip("\n") == re.sub(r"\r\n?|\n", "\n", text[:at] + ONE + text[at:]).rstrip("\n")


@given(st.text(max_size=300))
def test_any_name_stays_a_name(name: str) -> None:
    field = address_field(Address("ann@example.com", name))

    assert field.isascii()
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\r\n(?! )|\0", field)
    assert max(map(len, field.split(b"\r\n"))) <= 300
    message = opened(b"To: " + field + b"\r\nMIME-Version: 1.0\r\n\r\nx")[0]
    assert [each.addr_spec for each in message["to"].addresses] == ["ann@example.com"]


def test_one_line_leaves_nothing_that_breaks_a_line() -> None:
    assert one_line(" a\r\nb\u2028c\x00\x1b d ") == "a b c d"


# Markdown


def test_raw_html_is_shown_and_never_run() -> None:
    page = as_html("<script>alert(1)</script> <b onclick=x>hi</b>\n\n<div>block</div>\n")

    assert "<script" not in page
    assert "<b " not in page
    assert "<div" not in page
    assert "&lt;script&gt;" in page


def test_dangerous_links_are_no_links_and_pictures_are_not_there() -> None:
    markdown = "[a](javascript:alert(1)) [b](/relative) [c](data:text/html,x) ![p](https://x.example.com/p.png)\n"

    assert "href" not in as_html(markdown)
    assert "<img" not in as_html(markdown)
    assert "x.example.com" not in as_text(markdown)


def test_everything_that_a_text_refers_to_is_found() -> None:
    markdown = "[a](javascript:alert(1)) <https://b.example.com> [c][r] ![p](https://x.example.com/p.png)\n\n[r]: /relative\n"

    found = facts(markdown)

    assert found.links == ("javascript:alert(1)", "https://b.example.com", "/relative")
    assert found.images == 1


def test_the_text_reads_well_without_marks() -> None:
    markdown = "# Title\n\nSome *strong* **words** and `code`,\nsee [here](https://a.example.com) or <ann@example.com>.\n\n3. three\n4. four\n   - inner\n\n> said\n\n---\n\n    code\n"

    assert as_text(markdown) == (
        "Title\n=====\n\nSome strong words and code, see here (https://a.example.com) or ann@example.com.\n\n3. three\n4. four\n   - inner\n\n"
        f"> said\n\n{'-' * 40}\n\n    code\n"
    )


def test_the_preview_shows_the_readers_own_links() -> None:
    shown = render(IMPRINT, an_issue(), WAYS).with_token(TWO)

    assert "\0" not in shown.text + shown.html
    assert f"/u/{TWO}" in shown.text
