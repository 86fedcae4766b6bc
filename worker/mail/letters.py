"""Letters: a dataclass of :mod:`worker.rules.letters` and a language in, a mail in text and HTML out.

One file per letter and language, ``templates/mail/<letter>/<language>.txt``, holds the words of both renderings, in the
markup of :mod:`worker.mail.markup`. Where ``<language>.html`` stands beside it, that is the HTML instead.
A template sees ``letter`` and ``desk``, and the filters of :func:`_filters`; nothing else.
"""

from __future__ import annotations

from dataclasses import fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, Template, TemplateError, meta, nodes

from worker.errors import ConfigurationError
from worker.mail.markup import as_html, as_text, blocks, shield, unshield
from worker.mail.words import TEMPLATES, Words, authority, load_words
from worker.rules.letters import LETTERS, NEW_CODE, AnyLetter, DeskCard, NewLink
from worker.rules.mail import Address, OutboundMail
from worker.rules.model import Language

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

#: The name of a letter and a language.
_Which = tuple[str, Language]


class Letters:
    """Every letter in every language, compiled once; safe to share between threads."""

    __slots__ = ("_card", "_html", "_text", "_words")

    def __init__(self, card: DeskCard, folder: Path | None = None) -> None:
        """Compile all templates. ``folder`` may hold the company's own, of the same names, which win over ours.

        Raises ConfigurationError for a template that does not compile or uses a field that its letter does not have.
        """
        self._card: Final = card
        self._words: Final[Mapping[Language, Words]] = MappingProxyType({each: load_words(each) for each in Language})
        text: dict[_Which, Template] = {}
        html: dict[_Which, Template] = {}
        for language in Language:
            environment = _environment(folder, _filters(card, self._words, language))
            text |= _compiled(environment, language, "txt", own=folder is not None)
            html |= _compiled(environment.overlay(autoescape=True, finalize=_issued), language, "html", own=folder is not None)
        self._text: Final = MappingProxyType(text)
        self._html: Final = MappingProxyType(html)

    def render(
        self,
        letter: AnyLetter,
        language: Language,
        *,
        to: Address,
        message_id: str,
        in_reply_to: str = "",
        references: tuple[str, ...] = (),
    ) -> OutboundMail:
        """``letter`` as a mail to ``to``; its links are URLs by now. The customer's own words and subject are never in it."""
        marked = self._text[letter.name, language].render(letter=letter, desk=self._card)
        first, _, rest = self._words[language].typeset(marked).lstrip().partition("\n")
        subject = " ".join(unshield(first).split())
        body = blocks(rest)
        own = self._html.get((letter.name, language))
        html = own.render(letter=letter, desk=self._card) if own else as_html(body, language=language, title=subject)
        return OutboundMail(
            message_id=message_id,
            to=to,
            subject=subject,
            text=as_text(body),
            html=html,
            language=language,
            in_reply_to=in_reply_to,
            references=references,
        )


def _filters(card: DeskCard, all_words: Mapping[Language, Words], language: Language) -> Mapping[str, Callable[..., str]]:
    """The filters of one language's templates; those on ``desk`` say what its card means in this language."""
    words, zone = all_words[language], ZoneInfo(card.timezone)
    named = authority(card, words, all_words.values())
    return {
        "right": words.right,
        "column": words.column,
        "item": words.item,
        "reason": lambda reason: words.reason(reason, card.country),
        "day": words.day,
        "moment": lambda moment: words.moment(moment.astimezone(zone)),
        "authority": lambda _desk: named,
        "court": lambda desk: words.court(desk.country),
        "policy_url": lambda desk: f"{desk.base_url}/privacy",
    }


def _issued(value: object) -> object:
    """``value``, unless it is a link or code that nobody issued: that must never leave as text."""
    if isinstance(value, NewLink) or value == NEW_CODE:
        raise ValueError("a letter was rendered before its links and codes were issued")
    return value


def _environment(folder: Path | None, filters: Mapping[str, Callable[..., str]]) -> Environment:
    """One language's environment. Values are made inert by ``finalize``; the HTML is escaped when it is made of them."""
    folders = [TEMPLATES / "mail"] if folder is None else [folder, TEMPLATES / "mail"]
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(each) for each in folders]),
        undefined=StrictUndefined,
        finalize=lambda value: shield(_issued(value)),
        autoescape=False,  # noqa: S701 - as above
        auto_reload=False,
        cache_size=-1,
    )
    environment.filters.update(filters)
    return environment


def _compiled(environment: Environment, language: Language, kind: str, *, own: bool) -> dict[_Which, Template]:
    """Every letter's template of one kind, its layout and parts compiled as well, so that no mistake waits for the letter's day.

    Text is always there, HTML only where it takes the place of ours. ``own``: the company has a folder, so fields are checked.
    """
    found: dict[_Which, Template] = {}
    there = {name: _template(environment, name) for name in environment.list_templates() if name.endswith(f"/{language}.{kind}")}
    for letter in LETTERS:
        name = f"{letter.name}/{language}.{kind}"
        if name in there:
            found[letter.name, language] = there[name]
            surplus = fields_used(environment, name) - {each.name for each in fields(letter)} if own else ()
            if surplus:
                raise _wrong(name, f"the letter has no field {', '.join(sorted(surplus))}")
    return found


def _template(environment: Environment, name: str) -> Template:
    try:
        return environment.get_template(name)
    except TemplateError as error:
        raise _wrong(name, str(error)) from error


def fields_used(environment: Environment, name: str) -> set[str]:
    """The fields of ``letter`` that the template ``name``, its layout and its parts use."""
    loader = environment.loader or FileSystemLoader(TEMPLATES / "mail")
    source, _, _ = loader.get_source(environment, name)
    tree = environment.parse(source, name)
    used = {node.attr for node in tree.find_all(nodes.Getattr) if isinstance(node.node, nodes.Name) and node.node.name == "letter"}
    return used.union(*(fields_used(environment, part) for part in meta.find_referenced_templates(tree) if part))


def _wrong(name: str, problem: str) -> ConfigurationError:
    return ConfigurationError(f"templates/mail/{name}", problem, "See docs/letters.md for what a template may use")
