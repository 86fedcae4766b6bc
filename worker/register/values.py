"""Corrected values: what a column takes, and the form in which it is kept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

import phonenumbers

from worker.rules.model import Column

HOME: Final = "BE"  # the country of numbers and postcodes that name none

#: Names of countries as people write them, to ISO 3166-1. Other names are kept as they are.
COUNTRIES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("be", "belgium", "belgië", "belgie", "belgique", "belgien"), "BE"),
    **dict.fromkeys(("nl", "netherlands", "the netherlands", "nederland", "pays-bas", "niederlande", "holland"), "NL"),
    **dict.fromkeys(("fr", "france", "frankrijk", "frankreich"), "FR"),
    **dict.fromkeys(("de", "germany", "duitsland", "allemagne", "deutschland"), "DE"),
    **dict.fromkeys(("lu", "luxembourg", "luxemburg"), "LU"),
    **dict.fromkeys(("gb", "uk", "united kingdom", "verenigd koninkrijk", "royaume-uni", "vereinigtes königreich"), "GB"),
}

#: Postcodes of the countries that we know; elsewhere two to twelve letters, digits, spaces and dashes.
POSTCODES: Final[Mapping[str, re.Pattern[str]]] = {
    "BE": re.compile(r"[1-9]\d{3}"),
    "NL": re.compile(r"[1-9]\d{3} ?[A-Z]{2}"),
    "FR": re.compile(r"\d{5}"),
    "DE": re.compile(r"\d{5}"),
    "LU": re.compile(r"\d{4}"),
}
_ANY_POSTCODE: Final = re.compile(r"[A-Z\d][A-Z\d -]{0,10}[A-Z\d]")
_PREFIX: Final = re.compile(r"(?:B|BE|NL|F|FR|D|DE|L|LU)[- ]+(?=\d)")

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN: Final = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")
_LOCAL: Final = re.compile(r"[^\s@<>()\[\],;:\\\"]{1,64}")  # the dot-atom of RFC 5322, and letters beyond ASCII (RFC 6531)

#: A person has these; they cannot be corrected to nothing.
_NEEDED: Final = frozenset({Column.NAME, Column.EMAIL})
_LONGEST: Final = 254  # characters; RFC 5321 bounds an address, and no other contact detail is longer


def normalise(column: Column, value: str, country: str = "") -> str | None:
    """``value`` in the form in which ``column`` keeps it, or None if the column does not take it.

    ``country`` is the person's, as text; empty means Belgium. An empty value empties the column.
    """
    text = " ".join(unicodedata.normalize("NFC", value).split())
    if not text:
        return None if column in _NEEDED else ""
    if len(text) > _LONGEST or not text.isprintable():
        return None
    return _kept_form(column, text, country_code(country))


def _kept_form(column: Column, text: str, country: str) -> str | None:
    match column:
        case Column.EMAIL:
            return _email(text)
        case Column.TELEPHONE | Column.MOBILE | Column.FAX:
            return _phone(text, country)
        case Column.POSTCODE:
            return _postcode(text, country)
        case Column.COUNTRY:
            return COUNTRIES.get(text.casefold(), text)
        case Column.NAME | Column.TOWN | Column.STREET:
            return text if any(c.isalpha() for c in text) else None
        case Column.NUMBER | Column.BOX | Column.COMPANY | Column.FUNCTION | Column.OFFICE:
            return text


def country_code(country: str) -> str:
    """ISO 3166-1 of a country as people write it; empty is Belgium, an unknown name is empty."""
    if not country.strip():
        return HOME
    known = COUNTRIES.get(country.strip().casefold(), country.strip().upper())
    return known if re.fullmatch(r"[A-Z]{2}", known) else ""


def _email(text: str) -> str | None:
    local, _, domain = text.rpartition("@")
    domain = domain.lower()
    if domain.isascii() and _LOCAL.fullmatch(local) and not re.search(r"^\.|\.\.|\.$", local) and _DOMAIN.fullmatch(domain):
        return f"{local}@{domain}"
    return None


def _phone(text: str, region: str) -> str | None:
    """A number that could exist: lists of what is really given out are always behind, and a VAT number has letters."""
    try:
        number = phonenumbers.parse(text, region or HOME)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
    if not possible or any(c.isalpha() for c in text):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _postcode(text: str, country: str) -> str | None:
    code = _PREFIX.sub("", text.upper())
    return code if POSTCODES.get(country, _ANY_POSTCODE).fullmatch(code) else None
