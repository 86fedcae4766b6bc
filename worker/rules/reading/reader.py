"""The whole of reading: one mail in, one Reading out. Pure: the data comes in, nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from worker.rules.mail import InboundMail
from worker.rules.reading import courtesy, extract, features, language, machine, strip, verdict
from worker.rules.reading.model import Part, Reading
from worker.rules.reading.rules import Rules, Words
from worker.rules.reading.tokens import sentences
from worker.rules.reading.witness import Witness

LONGEST_SUBJECT: Final = 300  # characters that are read
LONGEST_SIGNATURE: Final = 30  # sentences that are read


@dataclass(frozen=True, slots=True)
class Reader:
    """Compiled phrases of all languages and the witness. Build it once with :meth:`from_data`; reading changes nothing in it."""

    rules: Rules
    witness: Witness
    signs: machine.Signs
    marks: strip.Marks
    languages: language.Languages
    values: extract.Values
    courtesy: courtesy.Courtesy
    versions: Mapping[str, str]

    @classmethod
    def from_data(cls, data: Mapping[str, Mapping[str, Any]]) -> Reader:
        """Compile the tables of ``data``: ``shared``, ``witness`` and one per language code, as in the ``data`` folder.

        Raises ``KeyError`` or ``ValueError`` if a table or a word of a closed vocabulary is missing or unknown.
        """
        witness = Witness.from_data(data["witness"])
        data = {name: table for name, table in data.items() if name != "witness"}
        return cls(
            Rules.from_data(data),
            witness,
            machine.Signs.from_data(data),
            strip.Marks.from_data(data),
            language.Languages.from_data(data),
            extract.Values.from_data(data),
            courtesy.Courtesy.from_data(data),
            {**{f"rules.{name}": str(table["version"]) for name, table in sorted(data.items())}, "witness": witness.version},
        )

    def read(self, mail: InboundMail) -> Reading:
        """Understand ``mail``: where it goes, what it asks, in which language, with which values, and why."""
        seen = self.observe(mail)
        if isinstance(seen, Reading):
            return seen
        hearing = self.witness.hear(seen.views)
        reading = verdict.decide(seen, hearing, self.rules.thresholds, self.versions)
        heard = [
            e for right in reading.rights for word in self.witness.words_for(hearing, right) for e in verdict.places(seen, right, word)
        ]
        return replace(reading, because=(*reading.because, *heard)) if heard else reading

    def observe(self, mail: InboundMail) -> verdict.Seen | Reading:
        """Everything that is known about ``mail`` before the verdict; of a machine's mail the verdict itself."""
        stripped = strip.strip(mail.text, self.marks)
        body = sentences(mail.text, stripped.own, Part.BODY)
        subject = sentences(mail.subject[:LONGEST_SUBJECT], [(0, min(len(mail.subject), LONGEST_SUBJECT))], Part.SUBJECT)
        guess = self._guess(mail, stripped, [w.fold for s in (*body, *subject) for w in s.words])
        origin = machine.origin(mail, self.signs)
        if origin.kind in verdict.MACHINES:
            return verdict.of_machine(origin, guess, self.versions)
        text = {Part.SUBJECT: mail.subject, Part.BODY: mail.text}
        signature = sentences(mail.text, stripped.signature[:2], Part.BODY)[:LONGEST_SIGNATURE]
        found = self.rules.apply(Words(text, (*subject, *body), signature), guess.language, self.languages.stop)
        values = extract.extract(mail, stripped, guess.language, self.values)
        own = [each for each in found.tagged if each[0].part is Part.BODY or not verdict.inherited(mail.subject)]
        views = features.views(own, found, values)
        thanks = self.courtesy.only(mail, stripped, body)
        return verdict.Seen(mail, stripped, (*subject, *body), guess, origin, found, values, views, thanks)

    def _guess(self, mail: InboundMail, stripped: strip.Stripped, own: list[str]) -> language.Guess:
        quoted = sentences(mail.text, stripped.quoted[:1], Part.BODY) if len(own) < language.ENOUGH else ()
        return language.guess(own, [w.fold for s in quoted for w in s.words], self.languages)
