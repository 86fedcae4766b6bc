"""Telephone numbers in the national forms of our countries: possible ones, for the ranges kept for fiction are not valid."""

from __future__ import annotations

import re
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

from worker.rules.model import Column, Language

#: In which countries' national form a number is tried, likeliest first.
REGIONS: Final = {
    Language.EN: ("BE", "GB", "IE", "NL", "DE"),
    Language.NL: ("BE", "NL"),
    Language.FR: ("BE", "FR", "LU", "CH"),
    Language.DE: ("DE", "AT", "CH", "BE", "LU"),
}
_MOBILE: Final = re.compile(r"0(?:4[5-9]\d{8}$|6\d{8,11}$|7[4-9]\d{7,8}$|1[567]\d{8,9}$|8[35679]\d{7}$)")
MOST_DIGITS: Final = 15  # E.164
FEWEST_DIGITS: Final = 8


def kind(written: str, language: Language) -> Column | None:
    """Mobile or telephone, or None if no country of ours numbers like this."""
    digits = re.sub(r"\D", "", written)
    if not FEWEST_DIGITS <= len(digits) <= MOST_DIGITS:
        return None
    for region in REGIONS[language]:
        try:
            number = phonenumbers.parse(written, region)
        except NumberParseException:
            continue
        if phonenumbers.is_possible_number(number):
            return _column(digits, number, abroad=written.lstrip().startswith(("+", "00")))
    return None


def _column(digits: str, number: phonenumbers.PhoneNumber, *, abroad: bool) -> Column:
    if _MOBILE.match(f"0{number.national_number}" if abroad else digits):
        return Column.MOBILE
    return Column.MOBILE if phonenumbers.number_type(number) is PhoneNumberType.MOBILE else Column.TELEPHONE
