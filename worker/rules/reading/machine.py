"""Mail written by machines: the union of all signals of RFC 3834 and of what robots really send."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from worker.rules.mail import InboundMail
from worker.rules.reading.model import Evidence, Part

FIRST_CHARACTERS: Final = 1_500  # of the body that are looked at for a robot's first words


class Kind(StrEnum):
    """What kind of machine wrote a mail."""

    HUMAN = "human"
    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    BULK = "bulk"  # a newsletter or list mail
    MIXED = "mixed"  # signs of a machine on what may be a human's reply: flag, do not act


@dataclass(frozen=True, slots=True)
class Origin:
    """Who wrote, and why we think so."""

    kind: Kind
    because: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Signs:
    """Compiled signs of every language, from the ``[machine]`` tables of the data."""

    away_subject: re.Pattern[str]
    away_body: re.Pattern[str]
    bounce_subject: re.Pattern[str]
    bounce_body: re.Pattern[str]
    bounce_sender: re.Pattern[str]
    robot_sender: re.Pattern[str]

    @classmethod
    def from_data(cls, data: Mapping[str, Mapping[str, Any]]) -> Signs:
        """Compile the lists of all languages into one pattern each."""
        return cls(**{name: _union(data, name) for name in cls.__slots__})


def _union(data: Mapping[str, Mapping[str, Any]], name: str) -> re.Pattern[str]:
    parts = [part for table in data.values() for part in table.get("machine", {}).get(name, ())]
    return re.compile("|".join(parts or ["(?!)"]))


def origin(mail: InboundMail, signs: Signs) -> Origin:
    """Decide who wrote ``mail``, strongest sign first."""
    headers = {name: value.strip().lower() for name, value in reversed(mail.headers)}
    for kind, because in (
        (Kind.BOUNCE, _bounce(mail, headers, signs)),
        (Kind.AUTO_REPLY, _auto_reply(mail, headers, signs)),
        (Kind.BULK, _bulk(headers)),
    ):
        if because is not None:
            return Origin(_doubt(kind, mail, headers), (because,))
    return Origin(Kind.HUMAN)


def _doubt(kind: Kind, mail: InboundMail, headers: Mapping[str, str]) -> Kind:
    """A list header on a reply to somebody: a human may have written it through a list or a ticket system."""
    replied = bool(mail.in_reply_to or mail.references or _is_reply(mail.subject))
    return Kind.MIXED if kind is Kind.BULK and (replied or "list-unsubscribe" not in headers) else kind


def _is_reply(subject: str) -> bool:
    return subject[:5].lower().startswith(("re:", "aw:", "sv:", "antw:", "re :"))


def _header(name: str) -> Evidence:
    return Evidence(f"machine.header.{name}", Part.SUBJECT, (0, 0), "")


def _found(rule: str, part: Part, pattern: re.Pattern[str], text: str) -> Evidence | None:
    low = text.lower()  # patterns are in lower case: a search that ignores case costs four times as much
    match = pattern.search(low if len(low) == len(text) else text)
    return Evidence(rule, part, match.span(), text[match.start() : match.end()]) if match else None


def _bounce(mail: InboundMail, headers: Mapping[str, str], signs: Signs) -> Evidence | None:
    if mail.content_type == "multipart/report" and "disposition-notification" not in headers.get("content-type", ""):
        return _header("content-type")
    if "x-failed-recipients" in headers:
        return _header("x-failed-recipients")
    null_path = headers.get("return-path", "x") in {"<>", ""}
    sender = bool(mail.sender and signs.bounce_sender.match(mail.sender.key))
    subject = _found("machine.bounce.subject", Part.SUBJECT, signs.bounce_subject, mail.subject)
    body = _found("machine.bounce.body", Part.BODY, signs.bounce_body, mail.text[:FIRST_CHARACTERS])
    if sender:
        return subject or body or _header("from")
    if (subject and body) or (null_path and (subject or body)):
        return subject or body
    return None


def _auto_reply(mail: InboundMail, headers: Mapping[str, str], signs: Signs) -> Evidence | None:
    name = _auto_header(headers)
    if name:
        return _header(name)
    subject = _found("machine.away.subject", Part.SUBJECT, signs.away_subject, mail.subject)
    if subject:
        return subject
    body = _found("machine.away.body", Part.BODY, signs.away_body, mail.text[:FIRST_CHARACTERS])
    robot = headers.get("return-path", "x") == "<>" or bool(mail.sender and signs.robot_sender.match(mail.sender.key))
    return body or (_header("from") if robot else None)


def _auto_header(headers: Mapping[str, str]) -> str:
    """The name of the header that says a machine answered, or nothing."""
    if headers.get("auto-submitted", "no").split(";")[0].strip() not in {"no", ""}:
        return "auto-submitted"
    if headers.get("precedence") in {"auto_reply", "auto-reply"}:
        return "precedence"
    robots = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-response", "x-mail-autoreply", "x-vacation", "x-autogenerated")
    return next((name for name in robots if headers.get(name, "no") != "no"), "")


def _bulk(headers: Mapping[str, str]) -> Evidence | None:
    if headers.get("precedence") in {"bulk", "list", "junk"}:
        return _header("precedence")
    lists = ("list-unsubscribe", "list-id", "list-post", "feedback-id", "x-campaign-id", "x-mailer-campaign", "x-csa-complaints")
    return next((_header(name) for name in lists if name in headers), None)
