"""Every other mail that this repository holds: those of the reading's own tests and the demo's, as families of the corpus."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

from tests.bench.letters_in import WORDINGS
from tests.corpus.corpus import Sample, Why
from worker.demo.customers import customers
from worker.demo.mails import Kind, wordings, written
from worker.rules.reading.model import Exit, Label

_TESTS: Final = Path(__file__).parents[1] / "rules" / "reading"


def others() -> list[Sample]:
    """All of them; none is held out."""
    return [*_of_tests(), *_of_demo(), *_of_bench(), *_small_talk(), *_plain()]


def _of_tests() -> Iterator[Sample]:
    for file in sorted(_TESTS.glob("*_??.toml")):
        for number, mail in enumerate(tomllib.loads(file.read_text("utf-8"))["mails"]):
            if "labels" in mail:  # of the others only is told that they start nothing
                yield _sample(f"test-{file.stem}-{number}", file.stem[-2:], mail)


def _sample(family: str, language: str, mail: dict[str, Any]) -> Sample:
    exit_ = Exit(mail["exit"])
    why = (Why.UNCLEAR,) if exit_ is Exit.STAFF else ()
    headers = (("From", mail.get("sender", "ann@example.com")), ("Subject", mail.get("subject", "")))
    return Sample(f"{family}#1", family, language, tuple(Label(x) for x in mail["labels"]), exit_, why, headers, (), mail["text"] + "\n")


def _of_demo() -> Iterator[Sample]:
    people = customers(1, date(2026, 11, 22))
    for number, wording in enumerate(wordings()):
        chance = random.Random(wording.subject)
        for customer in [c for c in people if c.language is wording.language][:2]:
            mail = written(chance, wording, customer)
            if mail.rights or mail.kind in {Kind.UNCLEAR, Kind.NEGATED}:
                labels = tuple(Label(right.value) for right in mail.rights) or (Label.OTHER,)
                exit_, why = (Exit.AUTOMATIC, ()) if mail.rights else (Exit.STAFF, (Why.UNCLEAR,))
                headers = (("From", mail.sender), ("Subject", mail.subject))
                name = f"demo-{number}#{customer.id}"
                yield Sample(name, f"demo-{number}", mail.language.value, labels, exit_, why, headers, (), mail.text)


def _of_bench() -> Iterator[Sample]:
    for (language, label), texts in WORDINGS.items():
        for number, text in enumerate(texts):
            family = f"bench-{language}-{label}-{number}"
            headers = (("From", "ann@example.com"), ("Subject", ""))
            yield Sample(
                f"{family}#1",
                family,
                language,
                (Label(label),),
                Exit.AUTOMATIC,
                (),
                headers,
                (),
                text.replace("{phone}", "02 555 01 99") + "\n",
            )


def _plain() -> Iterator[Sample]:
    """The plainest requests, with the text in the body, and in the subject."""
    for label, texts in tomllib.loads((Path(__file__).parent / "plain.toml").read_text("utf-8")).items():
        for language, lines in texts.items():
            for number, line in enumerate(lines):
                family = f"plain-{label}-{language}-{number}"
                for place, subject, body in ((1, "", line), (2, "Hello", f"{line}\n\nKim"), (3, line, "")):
                    headers = (("From", "kim@example.com"), ("Subject", subject))
                    yield Sample(f"{family}#{place}", family, language, (Label(label),), Exit.AUTOMATIC, (), headers, (), body + "\n")


#: What is written above a quote, or alone, and asks for nothing.
_SMALL_TALK: Final = {
    "en": (
        "Thanks, see you Monday.",
        "Got it, thank you.",
        "OK for me.",
        "Fine, talk soon",
        "See attached.",
        "Noted, thanks!",
        "Sounds good, speak tomorrow.",
    ),
    "nl": (
        "Bedankt, tot maandag.",
        "Goed ontvangen, dank u.",
        "Is oké voor mij.",
        "Prima, tot gauw",
        "Zie bijlage.",
        "Genoteerd, merci!",
        "Top, we horen elkaar morgen.",
    ),
    "fr": (
        "Merci, à lundi.",
        "Bien reçu, merci.",
        "C'est bon pour moi.",
        "Parfait, à bientôt",
        "Voir pièce jointe.",
        "C'est noté, merci !",
        "Très bien, on se parle demain.",
    ),
    "de": (
        "Danke, bis Montag.",
        "Erhalten, vielen Dank.",
        "Passt für mich.",
        "Gut, bis bald",
        "Siehe Anhang.",
        "Notiert, danke!",
        "Alles klar, wir hören uns morgen.",
    ),
}


def _small_talk() -> Iterator[Sample]:
    for language, texts in _SMALL_TALK.items():
        for number, text in enumerate(texts):
            family = f"small-talk-{number}"
            headers = (("From", "ann@example.com"), ("Subject", "Re: hello"))
            yield Sample(f"{family}#{language}", family, language, (Label.OTHER,), Exit.QUIET, (), headers, (), text + "\n")
