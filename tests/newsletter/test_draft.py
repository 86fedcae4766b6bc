from __future__ import annotations

import pytest

from worker.errors import ConfigurationError
from worker.newsletter.draft import Edition, parse_file, parse_folder
from worker.newsletter.guards import can_be_mailed, check_edition, check_topic, is_link
from worker.rules.model import Language

FILE = """\
+++ nl
subject: Nieuws   over uw hosting

# Beste lezer

+++ is hier gewoon tekst

+++ FR
Subject: Des nouvelles

Bonjour.
"""


def test_one_file_holds_every_language() -> None:
    assert parse_file(FILE, "news.md") == {
        Language.NL: Edition("Nieuws over uw hosting", "# Beste lezer\n\n+++ is hier gewoon tekst\n"),
        Language.FR: Edition("Des nouvelles", "Bonjour.\n"),
    }


def test_a_file_from_a_spreadsheet_machine_reads_the_same() -> None:
    assert parse_file("\ufeff" + FILE.replace("\n", "\r\n"), "news.md") == parse_file(FILE, "news.md")


def test_a_folder_holds_one_file_per_language() -> None:
    assert parse_folder({"nl": "subject: Dag\n\nTekst.\n"}, "news") == {Language.NL: Edition("Dag", "Tekst.\n")}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Hello", "does not begin with a language"),
        ("", "does not begin with a language"),
        ("+++ pl\nsubject: x\n\ny\n", "unknown language 'pl'"),
        ("+++ nl\nsubject: x\n\ny\n+++ nl\nsubject: x\n\ny\n", "twice"),
        ("+++ nl\n\nno subject\n", "subject is missing"),
        ("+++ nl\nsubject:\n\nx\n", "subject is missing"),
        ("+++ nl\nsubject: x\nno empty line\n", "subject is missing"),
        ("+++ nl\nsubject: x\n\n  \n", "no text"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem) as refused:
        parse_file(text, "news.md")
    assert "news.md" in str(refused.value)


def test_an_empty_folder_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"no \.md file"):
        parse_folder({}, "news")


@pytest.mark.parametrize("url", ["https://a.example.com", "http://a.example.com/b?c#d", "mailto:ann@example.com", "HTTPS://A.example.com"])
def test_absolute_links_may_leave(url: str) -> None:
    assert is_link(url)


@pytest.mark.parametrize(
    "url",
    ["/page", "page.html", "javascript:alert(1)", "https://", "ftp://a.example.com", "data:text/html,x", "mailto:", "//a.example.com"],
)
def test_other_links_stop_the_newsletter(url: str) -> None:
    with pytest.raises(ConfigurationError, match="leads nowhere"):
        check_edition("news.md (nl)", subject="x", links=["https://a.example.com", url], images=0)


def test_pictures_stop_the_newsletter() -> None:
    with pytest.raises(ConfigurationError, match="picture"):
        check_edition("news.md (nl)", subject="x", links=[], images=1)


@pytest.mark.parametrize("subject", ["x" * 201, "a\nb", "a\0b"])
def test_a_subject_is_one_short_line(subject: str) -> None:
    with pytest.raises(ConfigurationError, match="subject"):
        check_edition("news.md (nl)", subject=subject, links=[], images=0)


@pytest.mark.parametrize("name", ["Offers", "a b", "", "-a", "a" * 64, "a.b"])
def test_a_topic_is_named_so_that_it_can_stand_in_a_header(name: str) -> None:
    with pytest.raises(ConfigurationError, match="topic"):
        check_topic(name)


@pytest.mark.parametrize("mailbox", ["ann@example.com", "o'neil+news@mail.example.com", "a.b_c-d@x.test"])
def test_ordinary_addresses_can_be_mailed(mailbox: str) -> None:
    assert can_be_mailed(mailbox)


@pytest.mark.parametrize(
    "mailbox",
    [
        "ann",
        "@example.com",
        "a@",
        "a b@example.com",
        "a@b@example.com",
        ".a@example.com",
        "a..b@example.com",
        '"a"@example.com',
        "a@example.com\n",
    ],
)
def test_odd_addresses_cannot(mailbox: str) -> None:
    assert not can_be_mailed(mailbox)
