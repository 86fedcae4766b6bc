"""Values that their own form gives away: e-mail addresses, telephone numbers, postal addresses of five countries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

from worker.rules.model import Column, Language

#: In which countries' national form a number is tried, likeliest first.
REGIONS: Final = {
    Language.EN: ("BE", "GB", "NL"),
    Language.NL: ("BE", "NL"),
    Language.FR: ("BE", "FR", "LU"),
    Language.DE: ("DE", "BE", "AT", "CH"),
}
SHORTEST_STREET: Final = 4  # letters, where it does not begin with a capital
MOST_CANDIDATES: Final = 30  # telephone numbers tried per mail

_WORD: Final = r"[^\W\d_][\w.'’-]{0,30}"
_EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{2,63}){1,4}")
_DIGITS: Final = re.compile(r"(?<![\w@./-])(?:\+|00|\()?\d(?:[ ./()-]{0,3}\d){7,14}(?![\w@-])")
_VAT: Final = re.compile(r"^[01]?\d{3}\.\d{3}\.\d{3}$|^\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|^\d{4}-\d{2}-\d{2}")
POSTCODE: Final = re.compile(r"(?:[BFDL]-? ?)?\d{4,5}(?: ?[A-Z]{2}\b)?|[A-Z]{1,2}\d[\dA-Z]? \d[A-Z]{2}\b")
_PLACE: Final = r"(?P<postcode>(?:(?:B|F|D|L|NL|BE|FR|DE)[- ]{1,2})?(?:\d{4} ?[A-Z]{2}(?![\w])|\d{5}|\d{4}))[ ,]{1,2}(?P<town>[^\W\d_][\w'’-]{1,30}(?:(?: |-)(?:[A-ZÀ-Þ][\w'’-]{1,30}|am|an|aan|den|der|de|la|le|lez|sur|sous|in|im|op)){0,4})"
_NUMBER: Final = r"(?P<number>\d{1,4}(?:[ ]?[a-zA-Z](?![\w'’]))?(?:[/-]\d{1,4})?)"
_BOX: Final = r"(?:[ ,]{0,3}(?:bus|box|bo[iî]te|bte|bt|b\.|flat|apt\.?|postbus)[ .:]{0,2}(?P<box>[\w.]{1,6}))?"
_NL_KINDS: Final = r"(?:straat|laan|weg|plein|steenweg|dreef|lei|kaai|kade|markt|gracht|singel|hof|baan|pad|park|veld|berg|heide|dijk|vest|stwg|str\.|stra(?:ß|ss)e|strasse|allee|platz|gasse|ring|ufer|damm|weide|zicht|wijk|brug|steeg|poort|akker|ln\.|rei|plaats)"
_FR_KINDS: Final = r"(?:rue|avenue|av\.|chauss[ée]e|place|boulevard|bd\.?|bld\.?|quai|square|all[ée]e|impasse|chemin|route|clos|drève|cours|sentier|venelle|faubourg)"
_EN_KINDS: Final = r"(?:street|st\.?|road|rd\.?|lane|avenue|ave\.?|close|drive|square|court|way|terrace|gardens|crescent|place|hill|row|walk|mews|park|grove)"
_NORTH: Final = re.compile(
    rf"(?P<street>(?:(?:(?-i:[A-ZÀ-Þ])[\w.'’-]{{0,30}}|van|de|der|den|het|von|zur|zum|am|an|ten|ter|'t|lange|korte|oude|nieuwe|grote) ){{0,4}}(?:[^\W\d_][\w.'’-]{{0,40}})?{_NL_KINDS}) {{1,3}}(?:nr\.? ?)?{_NUMBER}(?!\d){_BOX}",
    re.IGNORECASE,
)
_FRENCH: Final = re.compile(
    rf"(?:(?P<before>\d{{1,4}} ?(?:bis|ter|[a-zA-Z](?![\w'’]))?),? {{1,2}})?(?P<street>{_FR_KINDS} (?:(?!et\b|au\b|bo[iî]te\b|bte\b|à\b|et\b)[^\W\d_][\w.'’-]{{0,30}} ?){{1,6}}(?<! ))(?(before)|(?:,? {{1,2}}(?:n[°o]?\.? ?)?{_NUMBER}(?!\d))?){_BOX}",
    re.IGNORECASE,
)
_BRITISH: Final = re.compile(
    rf"(?P<number>\d{{1,4}}[a-zA-Z]?),? (?P<street>(?:(?-i:[A-Z])[\w'’-]{{0,30}} ){{1,4}}{_EN_KINDS})(?!\w)", re.IGNORECASE
)
_PLAIN: Final = re.compile(
    rf"(?P<street>[A-ZÀ-Þ][\w.'’-]{{1,40}}(?: [A-ZÀ-Þ][\w.'’-]{{1,40}}){{0,3}}) {_NUMBER}{_BOX}[ ,\n(–-]{{1,4}}(?={_PLACE})"
)
_AFTER: Final = re.compile(rf"[ ,\n(–-]{{0,5}}(?:(?:in|te|à|a|zu) )?{_PLACE}")
_BRITISH_AFTER: Final = re.compile(
    r"[ ,\n]{1,4}(?P<town>[A-Z][\w'’-]{1,30}(?: [A-Z][\w'’-]{1,30}){0,2})[ ,\n]{1,4}(?P<postcode>[A-Z]{1,2}\d[\dA-Z]? \d[A-Z]{2})\b"
)
_PLACE_ALONE: Final = re.compile(rf"(?<![\w./-]){_PLACE}")
_COUNTRY: Final = re.compile(
    r"[ ,\n(]{1,3}(?P<country>Belgi[ëe]|Belgique|Belgien|Belgium|Nederland|Netherlands|Pays-Bas|Niederlande|France|Frankrijk|Frankreich|Deutschland|Duitsland|Allemagne|Germany|Luxembourg|Luxemburg|United Kingdom|UK)\b"
)
_WORDS_OF_SENTENCE: Final = frozenset(
    [
        "to",
        "naar",
        "from",
        "van",
        "is",
        "in",
        "now",
        "my",
        "mijn",
        "new",
        "nieuw",
        "nu",
        "address",
        "adres",
        "the",
        "het",
        "de",
        "old",
        "oud",
        "live",
        "at",
        "now",
        "woon",
        "wohne",
        "be",
        "wordt",
        "und",
        "and",
        "en",
        "at",
        "op",
        "zu",
        "nach",
        "in",
        "not",
        "niet",
        "nicht",
        "but",
        "maar",
        "sondern",
        "statt",
        "instead",
        "of",
        "naar",
        "aan",
        "an",
        "lautet",
        "street",
        "straat",
        "ist",
        "jetzt",
        "it",
        "s",
        "we",
        "ik",
        "ich",
        "verhuisd",
        "moved",
    ]
)


class Kind(StrEnum):
    """What form a value has."""

    EMAIL = "email"
    PHONE = "phone"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Value:
    """One value and its characters; ``column`` and ``parts`` say where it would go."""

    kind: Kind
    start: int
    end: int
    text: str = field(repr=False)
    column: Column = Column.EMAIL
    parts: tuple[tuple[Column, str], ...] = field(default=(), repr=False)


def find(text: str, language: Language) -> list[Value]:
    """All typed values of ``text``, in order, none overlapping another."""
    found: list[Value] = []
    for value in (*_emails(text), *_addresses(text), *_phones(text, language)):
        if not any(value.start < other.end and other.start < value.end for other in found):
            found.append(value)
    return sorted(found, key=lambda v: v.start)


def _emails(text: str) -> Iterable[Value]:
    for match in _EMAIL.finditer(text):
        yield Value(Kind.EMAIL, match.start(), match.end(), match.group(), Column.EMAIL)


def _phones(text: str, language: Language) -> Iterable[Value]:
    for count, match in enumerate(_DIGITS.finditer(text)):
        if count >= MOST_CANDIDATES:
            return
        column = _phone_kind(match.group(), language)
        if column is not None:
            yield Value(Kind.PHONE, match.start(), match.end(), match.group().strip(), column)


def _phone_kind(written: str, language: Language) -> Column | None:
    """Mobile or telephone, or None if no country of ours numbers like this."""
    if _VAT.match(written):
        return None
    for region in REGIONS[language]:
        try:
            number = phonenumbers.parse(written, region)
        except NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return Column.MOBILE if phonenumbers.number_type(number) is PhoneNumberType.MOBILE else Column.TELEPHONE
    return None


def _addresses(text: str) -> Iterable[Value]:
    if not any(c.isdigit() for c in text):
        return
    for pattern in (_BRITISH, _FRENCH, _NORTH, _PLAIN):
        for match in pattern.finditer(text):
            value = _address(text, match)
            if value is not None:
                yield value
    for match in _PLACE_ALONE.finditer(text):
        if match.group("town")[0].isupper():
            yield Value(Kind.ADDRESS, match.start(), match.end(), match.group(), parts=_columns(match.groupdict()))


def _address(text: str, match: re.Match[str]) -> Value | None:
    """A street with its number; postcode, town and country are read on if they follow."""
    groups = {name: part for name, part in match.groupdict().items() if part}
    number = groups.get("number") or groups.pop("before", None)
    if number is None:
        return None
    street, cut = _without_lead(groups["street"])
    after = _BRITISH_AFTER.match(text, match.end()) or _AFTER.match(text, match.end())
    if street == "" or (after is None and not _looks_like_street(street)):
        return None
    end = after.end() if after else match.end()
    place = {name: part for name, part in after.groupdict().items() if part} if after else {}
    country = _COUNTRY.match(text, end)
    if country:
        place["country"], end = country.group("country"), country.end()
    start = match.start() + (cut if match.start("street") == match.start() else 0)
    parts = _columns({"street": street, "number": number.strip(), "box": groups.get("box", ""), **place})
    return Value(Kind.ADDRESS, start, end, text[start:end], parts=parts)


def _without_lead(street: str) -> tuple[str, int]:
    """Cut the words of the sentence that stand before the street's name; also say how many characters that was."""
    words = street.split(" ")
    kept = list(words)
    while len(kept) > 1 and kept[0].lower().strip(".,") in _WORDS_OF_SENTENCE and kept[0][:1].islower():
        kept.pop(0)
    return " ".join(kept).strip(), len(street) - len(" ".join(kept))


def _looks_like_street(street: str) -> bool:
    return street[:1].isupper() or (len(street) > SHORTEST_STREET and street.lower() not in {"markt", "straat", "street", "plein", "weg"})


def _columns(groups: dict[str, str | None]) -> tuple[tuple[Column, str], ...]:
    wanted = (Column.STREET, Column.NUMBER, Column.BOX, Column.POSTCODE, Column.TOWN, Column.COUNTRY)
    return tuple((c, part.strip(" ,.")) for c in wanted if (part := groups.get(c.value)))
