from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jinja2 import Environment, FileSystemLoader
from selectolax.lexbor import LexborHTMLParser

from tests.mail.samples import CARD, REFERENCE, SAMPLES
from worker.errors import ConfigurationError
from worker.mail import words as words_module
from worker.mail.letters import Letters, fields_used
from worker.mail.words import TEMPLATES, Words, authority, load_words
from worker.rules.letters import LETTERS, NEW_CODE, AnyLetter, Confirm, Item, NewLink, Reason
from worker.rules.mail import Address, OutboundMail
from worker.rules.model import Column, Language, LinkKind, Right

READER = Address("reader@example.com")
REQUIRED = tomllib.loads((TEMPLATES / "mail" / "required.toml").read_text(encoding="utf-8"))
WORDS = {language: load_words(language) for language in Language}
EVERY = [pytest.param(samples, language, id=f"{name}-{language}") for language in Language for name, samples in SAMPLES.items()]
FIRST = [pytest.param(samples[0], language, id=f"{name}-{language}") for language in Language for name, samples in SAMPLES.items()]

#: Words that are frequent in one of the languages and no words of the others.
STOP_WORDS = {
    Language.EN: {"the", "you", "your", "and", "with", "this", "have"},
    Language.NL: {"uw", "het", "een", "niet", "wij", "hebben", "wordt", "deze", "van"},
    Language.FR: {"vous", "nous", "votre", "vos", "les", "une", "cette", "avec"},
    Language.DE: {"und", "sie", "ihre", "ihren", "nicht", "wir", "uns", "haben"},
}
#: Fields that choose between words and are not shown themselves.
FLAGS = {"reminder", "by_mail", "deletion_follows", "after_package"}


@pytest.fixture(scope="module")
def letters() -> Letters:
    return Letters(CARD)


def rendered(letters: Letters, letter: AnyLetter, language: Language) -> OutboundMail:
    return letters.render(letter, language, to=READER, message_id="<1@example.com>")


def flat(text: str) -> str:
    """One kind of space, so that line ends and typography do not matter."""
    return " ".join(text.split())


def page(html: str) -> LexborHTMLParser:
    return LexborHTMLParser(html)


def visible(html: str) -> str:
    body = page(html).body
    assert body is not None
    return flat(body.text(separator=" "))


def shown(value: Any, words: Words) -> list[str]:  # noqa: PLR0911 - one line per kind of value
    """What of ``value`` must stand in the letter, as its language writes it."""
    match value:
        case Right():
            return [words.right(value)]
        case Column():
            return [words.column(value)]
        case Reason():
            return [words.reason(value, CARD.country)]
        case Item():
            return [words.item(value), *shown(tuple(each for each in (value.reason, value.until) if each), words)]
        case datetime():
            return [words.moment(value.astimezone(ZoneInfo(CARD.timezone)))]
        case date():
            return [words.day(value)]
        case tuple():
            return [each for part in value for each in shown(part, words)]
        case _:
            return [str(value)]


def named(path: str, letter: AnyLetter, words: Words) -> list[str]:
    """The texts that ``letter.<field>`` or ``desk.<field>`` of the table of required elements stands for."""
    of, _, name = path.partition(".")
    special = {
        "desk.authority": words.authorities[CARD.country],
        "desk.court": words.courts[CARD.country],
        "desk.policy_url": f"{CARD.base_url}/privacy",
    }
    return shown(special.get(path) or getattr(letter if of == "letter" else CARD, name), words)


def required_of(letter: AnyLetter, element: str, language: Language) -> list[str]:
    table = REQUIRED["elements"][element]
    phrase = table["phrases"][letter.name] if "phrases" in table else table.get("phrase")
    texts = [text for path in table.get("shows", ()) for text in named(path, letter, WORDS[language])]
    return [*texts, *([phrase[language]] if phrase else [])]


def altered(value: Any, text: Callable[[str], str]) -> Any:
    """``value`` with every free string in it replaced; words of closed vocabularies stay."""
    if type(value) is str:
        return text(value)
    if isinstance(value, tuple):
        return tuple(altered(each, text) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: altered(getattr(value, each.name), text) for each in fields(value)})
    return value


# What the law and the design want ------------------------------------------------------------------------------


def test_there_is_a_sample_and_a_row_of_required_elements_for_every_letter() -> None:
    names = {letter.name for letter in LETTERS}
    assert set(SAMPLES) == names
    assert set(REQUIRED["letters"]) == names
    assert all(sample.name == name for name, samples in SAMPLES.items() for sample in samples)


@pytest.mark.parametrize(("letter", "language"), FIRST)
def test_a_letter_says_everything_that_is_required_of_it(letters: Letters, letter: AnyLetter, language: Language) -> None:
    mail = rendered(letters, letter, language)
    links = {node.attributes["href"] for node in page(mail.html).css("a")}
    for element in REQUIRED["every"] + REQUIRED["letters"][letter.name]:
        texts = required_of(letter, element, language)
        assert texts, f"{element} requires nothing"
        for text in map(flat, texts):
            assert text in flat(mail.text), f"{element}: {text}"
            assert text in visible(mail.html) or text in links, f"{element}: {text}"


def test_every_element_of_the_table_is_required_of_some_letter() -> None:
    wanted = {element for row in REQUIRED["letters"].values() for element in row} | set(REQUIRED["every"])
    assert wanted == set(REQUIRED["elements"])


@pytest.mark.parametrize("letter", LETTERS, ids=lambda letter: letter.name)
def test_every_field_of_a_letter_is_among_its_required_elements(letter: type[AnyLetter]) -> None:
    row = REQUIRED["every"] + REQUIRED["letters"][letter.name]
    shows = {path for element in row for path in REQUIRED["elements"][element].get("shows", ())}
    sample = SAMPLES[letter.name][0]
    values = {each.name for each in fields(letter)} - FLAGS - {each.name for each in fields(letter) if getattr(sample, each.name) is True}
    assert {f"letter.{name}" for name in values} <= shows


@pytest.mark.parametrize("letter", LETTERS, ids=lambda letter: letter.name)
def test_a_letter_that_can_refuse_names_complaint_and_court(letter: type[AnyLetter]) -> None:
    can_refuse = {"reason", "refused", "kept", "explanation", "words"} & {each.name for each in fields(letter)} or letter.name == "expired"
    if can_refuse:
        assert {"complaint", "court"} <= set(REQUIRED["letters"][letter.name])


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("letter", LETTERS, ids=lambda letter: letter.name)
def test_a_template_uses_exactly_the_fields_of_its_letter(letter: type[AnyLetter], language: Language) -> None:
    environment = Environment(loader=FileSystemLoader(TEMPLATES / "mail"), autoescape=True)
    assert fields_used(environment, f"{letter.name}/{language}.txt") == {each.name for each in fields(letter)}


@pytest.mark.parametrize("language", Language)
def test_every_reason_cites_the_article_it_stands_on(language: Language) -> None:
    law = {Language.EN: "GDPR", Language.NL: "AVG", Language.FR: "RGPD", Language.DE: "DSGVO"}[language]
    for reason in Reason:
        assert re.search(rf"\({law}, .*\d", WORDS[language].reason(reason, "BE")), reason


@pytest.mark.parametrize(
    ("language", "form"), [("en", "the form"), ("nl", "het formulier"), ("fr", "le formulaire"), ("de", "das Formular")]
)
def test_a_request_by_the_form_is_not_called_a_mail(letters: Letters, language: Language, form: str) -> None:
    by_form = next(letter for letter in SAMPLES["confirm"] if isinstance(letter, Confirm) and not letter.by_mail)
    assert form in rendered(letters, by_form, Language(language)).text
    assert form not in rendered(letters, replace(by_form, by_mail=True), Language(language)).text


@pytest.mark.parametrize("language", Language)
def test_each_reminder_is_told_from_the_first_letter_and_the_last_one_says_what_follows(letters: Letters, language: Language) -> None:
    first = SAMPLES["confirm"][0]
    assert isinstance(first, Confirm)
    mails = [rendered(letters, replace(first, reminder=number), language) for number in range(4)]
    assert len({mail.subject for mail in mails}) == 3
    assert mails[1].text == mails[2].text
    assert len({mail.text for mail in mails}) == 3


@pytest.mark.parametrize("language", Language)
def test_without_a_code_nobody_is_asked_to_type_one(letters: Letters, language: Language) -> None:
    letter = SAMPLES["confirm"][1]
    assert isinstance(letter, Confirm)
    assert letter.code == ""
    assert "code" not in rendered(letters, letter, language).text.lower()


# Both renderings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("samples", "language"), EVERY)
def test_text_and_html_say_the_same(letters: Letters, samples: tuple[AnyLetter, ...], language: Language) -> None:
    for letter in samples:
        mail = rendered(letters, letter, language)
        drawn = {"-", "[", "]", "-" * 40}
        url = re.compile(r"https?://\S+")
        in_text = [word for word in url.sub("", mail.text).split() if word not in drawn]
        assert in_text == [word for word in url.sub("", visible(mail.html)).split() if word not in drawn]
        assert set(url.findall(mail.text)) == {node.attributes["href"] for node in page(mail.html).css("a")}


@pytest.mark.parametrize(("samples", "language"), EVERY)
def test_html_fetches_nothing_and_runs_nothing(letters: Letters, samples: tuple[AnyLetter, ...], language: Language) -> None:
    for letter in samples:
        mail = rendered(letters, letter, language)
        tree = page(mail.html)
        assert not tree.css("script, link, style, img, iframe, object, form, input, base, [src], [background], [onclick], [id], [class]")
        assert "url(" not in mail.html
        assert [node.attributes["lang"] for node in tree.css("html")] == [language]
        assert [node.text() for node in tree.css("title")] == [mail.subject]


HOSTILE = "- # <b onclick=\"x\">&amp; 'q'</b> [[press | https://evil.test]] <https://evil.test> **bold** {{ 7 * 7 }} `c` [x | y] \\"


@pytest.fixture(scope="module")
def hostile_letters() -> Letters:
    return Letters(replace(altered(CARD, lambda _: HOSTILE), timezone=CARD.timezone, country=CARD.country))


@pytest.mark.parametrize(("samples", "language"), EVERY)
def test_a_value_stays_text_whatever_it_holds(
    letters: Letters, hostile_letters: Letters, samples: tuple[AnyLetter, ...], language: Language
) -> None:
    for letter in samples:
        mail = rendered(hostile_letters, altered(letter, lambda _: HOSTILE), language)
        tree = page(mail.html)
        assert not tree.css("b, [onclick]")
        assert {node.attributes["href"] for node in tree.css("a")} <= {HOSTILE, f"{HOSTILE}/privacy"}
        assert len(tree.css("h2, ul, table")) == len(page(rendered(letters, letter, language).html).css("h2, ul, table"))
        assert flat(HOSTILE) in flat(mail.text)
        assert flat(HOSTILE) in visible(mail.html)
        assert "49" not in flat(mail.text).replace(flat(HOSTILE), "")


def test_words_of_staff_keep_their_lines(letters: Letters) -> None:
    mail = rendered(letters, SAMPLES["answer"][0], Language.EN)
    assert "0042.\n\n- 1\n- 2\n" in mail.text
    assert not page(mail.html).css("li")
    assert len(page(mail.html).css("br")) == 4  # three in the words, one in the greeting


@pytest.mark.parametrize("words", ["word " * 2000, "w" * 3000, '&"<' * 700 + " " + "<" * 900])
@pytest.mark.parametrize("language", Language)
def test_no_line_is_longer_than_mail_allows(letters: Letters, language: Language, words: str) -> None:
    for samples in SAMPLES.values():
        letter = altered(samples[0], lambda text: text if text.startswith(("http", "PD-")) else words)
        mail = rendered(letters, letter, language)
        assert max(map(len, [*mail.text.splitlines(), *mail.html.splitlines()])) <= 998


def test_a_control_character_or_a_private_one_of_ours_does_not_leave(letters: Letters) -> None:
    answer = altered(SAMPLES["answer"][0], lambda text: text if text.startswith("PD-") else "a\x00\x1b[31mb\x7f\ue003c")
    mail = rendered(letters, answer, Language.EN)
    assert "a[31mbc" in mail.text
    assert "a[31mbc" in mail.html


# Subjects and languages -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("samples", "language"), EVERY)
def test_a_subject_holds_the_reference_and_nothing_of_the_person(
    letters: Letters, samples: tuple[AnyLetter, ...], language: Language
) -> None:
    for letter in samples:
        canary = altered(letter, lambda text: text if text == REFERENCE else "CANARY")
        subject = rendered(letters, canary, language).subject
        assert subject.endswith(f" [{REFERENCE}]")
        assert "CANARY" not in subject
        assert subject == rendered(letters, letter, language).subject
        assert len(subject) <= 78
        assert "\n" not in subject


@pytest.mark.parametrize(("samples", "language"), EVERY)
def test_a_letter_is_written_in_one_language(letters: Letters, samples: tuple[AnyLetter, ...], language: Language) -> None:
    for letter in samples:
        mail = rendered(letters, letter, language)
        found = set(re.findall(r"[^\W\d_]+", f"{mail.subject}\n{mail.text}".lower()))
        assert len(found & STOP_WORDS[language]) >= 3
        assert {other: found & words for other, words in STOP_WORDS.items() if other is not language and found & words} == {}


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ("Friday 25 December 2026", "Sunday 1 March 2026 at 08:05")),
        ("nl", ("vrijdag 25 december 2026", "zondag 1 maart 2026 om 08.05 uur")),
        ("fr", ("vendredi 25 décembre 2026", "dimanche 1er mars 2026 à 08 h 05")),
        ("de", ("Freitag, 25. Dezember 2026", "Sonntag, 1. März 2026, 08:05 Uhr")),
    ],
)
def test_dates_are_written_as_the_language_writes_them(language: str, expected: tuple[str, str]) -> None:
    words = WORDS[Language(language)]
    moment = datetime(2026, 3, 1, 8, 5, tzinfo=ZoneInfo("Europe/Brussels"))
    assert (words.day(date(2026, 12, 25)), flat(words.moment(moment))) == expected


def test_a_time_is_told_by_the_clock_of_the_controller() -> None:
    confirm = SAMPLES["confirm"][0]
    assert isinstance(confirm, Confirm)
    confirm = replace(confirm, expires=datetime(2026, 6, 30, 23, 30, tzinfo=UTC))
    assert "Wednesday 1 July 2026 at 01:30" in rendered(Letters(CARD), confirm, Language.EN).text
    assert "Wednesday 1 July 2026 at 08:30" in rendered(Letters(replace(CARD, timezone="Asia/Tokyo")), confirm, Language.EN).text


@pytest.mark.parametrize(
    ("language", "one", "three"),
    [
        ("en", "1 invoice", "3 invoices"),
        ("nl", "1 factuur", "3 facturen"),
        ("fr", "1 facture", "3 factures"),
        ("de", "1 Rechnung", "3 Rechnungen"),
    ],
)
def test_one_and_several_are_counted_in_words(language: str, one: str, three: str) -> None:
    words = WORDS[Language(language)]
    assert [words.item(Item("invoice", count)) for count in (1, 3)] == [one, three]
    assert words.item(Item("customer", 1)) == words.item(Item("customer", 2))
    assert "loyalty {cards}" in words.item(Item("loyalty {cards}", 2))


def test_every_language_knows_the_same_items() -> None:
    assert len({frozenset(words.items) for words in WORDS.values()}) == 1
    assert all("{count}" in words.items["invoice"][1] for words in WORDS.values())


def test_words_that_are_not_complete_stop_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "words").mkdir()
    text = (TEMPLATES / "words" / "nl.toml").read_text(encoding="utf-8")
    (tmp_path / "words" / "nl.toml").write_text(text.replace("portability =", "portabilty ="), encoding="utf-8")
    monkeypatch.setattr(words_module, "TEMPLATES", tmp_path)
    with pytest.raises(ConfigurationError, match=r"words/nl.toml \[right\]: missing or unknown: portability, portabilty"):
        load_words(Language.NL)


@pytest.mark.parametrize(
    "given", ["Gegevensbeschermingsautoriteit", "autorité de protection des données (APD)", "Data Protection Authority"]
)
def test_the_authority_of_the_country_is_named_in_the_language_of_the_letter(given: str) -> None:
    card = replace(CARD, authority=given)
    assert authority(card, WORDS[Language.FR], WORDS.values()) == "Autorité de protection des données (APD)"


def test_another_authority_is_named_as_the_settings_name_it() -> None:
    letters = Letters(replace(CARD, authority="Autoriteit Persoonsgegevens", country="NL"))
    mail = rendered(letters, SAMPLES["erased"][0], Language.DE)
    assert "beschweren: Autoriteit Persoonsgegevens," in mail.text
    assert "Gericht gehen." in mail.text
    assert "Belgien" not in mail.text


# What is handed on ----------------------------------------------------------------------------------------------


def test_a_letter_threads_under_the_mail_it_answers(letters: Letters) -> None:
    mail = letters.render(
        SAMPLES["held_note"][0],
        Language.EN,
        to=READER,
        message_id="<2@example.com>",
        in_reply_to="<1@example.org>",
        references=("<0@example.org>", "<1@example.org>"),
    )
    assert (mail.to, mail.message_id, mail.in_reply_to, mail.language) == (READER, "<2@example.com>", "<1@example.org>", "en")
    assert mail.references == ("<0@example.org>", "<1@example.org>")


@pytest.mark.parametrize("missing", [{"link": NewLink(LinkKind.CONFIRM)}, {"code": NEW_CODE}])
def test_a_link_or_code_that_was_not_issued_never_leaves(letters: Letters, missing: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="before its links and codes were issued"):
        rendered(letters, replace(SAMPLES["confirm"][0], **missing), Language.EN)


def own(folder: Path, name: str, text: str) -> Path:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_the_company_may_put_its_own_words_in_place_of_ours(tmp_path: Path) -> None:
    folder = own(
        tmp_path,
        "held_note/en.txt",
        '{% extends "parts/layout/en.txt" %}{% block subject %}Hi{% endblock %}{% block body %}By {{ letter.legal_due | day }}.{% endblock %}',
    )
    letters = Letters(CARD, folder)
    mail = rendered(letters, SAMPLES["held_note"][0], Language.EN)
    assert mail.subject == f"Hi [{REFERENCE}]"
    assert "By Monday 28 December 2026." in mail.text
    assert "By Monday 28 December 2026." in mail.html
    assert rendered(letters, SAMPLES["held_note"][0], Language.NL).subject.startswith("We hebben")


def test_html_of_its_own_takes_the_place_of_the_made_one_and_is_escaped(tmp_path: Path) -> None:
    letters = Letters(
        replace(CARD, company="A & <B>"), own(tmp_path, "held_note/en.html", "<p>{{ desk.company }} {{ letter.reference }}</p>")
    )
    mail = rendered(letters, SAMPLES["held_note"][0], Language.EN)
    assert mail.html == f"<p>A &amp; &lt;B&gt; {REFERENCE}</p>"
    assert "A & <B>" in mail.text


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("held_note/en.txt", "{{ letter.code }}", "has no field code"),
        ("held_note/nl.html", "{{ letter.code }}", "has no field code"),
        ("parts/layout/fr.txt", "{% block subject %}", "Unexpected end of template"),
        ("answer/de.txt", "{{ letter.words | shout }}", "No filter named 'shout'"),
    ],
)
def test_a_wrong_template_of_the_company_stops_the_start(tmp_path: Path, name: str, text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"templates/mail/{name}: .*{problem}"):
        Letters(CARD, own(tmp_path, name, text))


def test_the_documentation_names_every_letter_filter_and_element() -> None:
    text = (Path(__file__).parents[2] / "docs" / "letters.md").read_text(encoding="utf-8")
    assert {letter.name for letter in LETTERS} <= set(re.findall(r"`(\w+)`", text))
    for name in ("right", "column", "item", "reason", "day", "moment", "authority", "court", "policy_url"):
        assert f" \\| {name} }}}}`" in text


@pytest.mark.parametrize("language", Language)
def test_the_person_responsible_stands_on_every_letter_if_there_is_one(language: Language) -> None:
    with_one, without = Letters(replace(CARD, responsible="Lea Maes, dpo@example.com")), Letters(CARD)
    for samples in SAMPLES.values():
        assert "Lea Maes, dpo@example.com" in flat(rendered(with_one, samples[0], language).text)
        assert "data protection" not in rendered(without, samples[0], language).text
