"""The tables of the store, as SQLAlchemy Core.

Personal data stands only in columns named ``sealed``: ciphertext of :mod:`worker.store.vault`. People are found by
``person``, a keyed hash of their address. Moments are microseconds since 1970 in UTC; calendar days are ISO text.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)  # fmt: skip

if TYPE_CHECKING:
    from sqlalchemy.sql.type_api import TypeEngine

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Moment(TypeDecorator[datetime]):
    """An aware datetime as microseconds since 1970: exact, comparable and the same on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Aware datetime to microseconds; a naive one is a defect and raises ValueError."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a naive datetime reached the store"
            raise ValueError(msg)
        return (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Microseconds to an aware datetime in UTC."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Day(TypeDecorator[date]):
    """A calendar day as ISO text."""

    impl = String(10)
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Date to ``YYYY-MM-DD``."""
        return None if value is None else value.isoformat()

    def process_result_value(self, value: str | None, dialect: Dialect) -> date | None:  # noqa: ARG002
        """``YYYY-MM-DD`` to date."""
        return None if value is None else date.fromisoformat(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[str]:
    return Column("id", String(32), primary_key=True)


def _ref(name: str, target: str, *, nullable: bool = False, index: bool = True) -> Column[str]:
    return Column(name, String(32), ForeignKey(target), nullable=nullable, index=index)


def _text(name: str, *, nullable: bool = False, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=nullable, server_default=default)


def _moment(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, Moment, nullable=nullable)


def _sealed(*, nullable: bool = False) -> Column[bytes]:
    return Column("sealed", LargeBinary, nullable=nullable)


def _person(*, nullable: bool = False) -> Column[str]:
    return Column("person", String(64), nullable=nullable)


def _number(name: str, default: int = 0, kind: TypeEngine[Any] | None = None) -> Column[int]:
    return Column(name, kind or Integer(), nullable=False, server_default=str(default))


# Keys, references, places ------------------------------------------------------------------------------------
vault_key = Table(
    "vault_key",
    metadata,
    _id(),
    Column("parent_id", String(32), nullable=True, index=True),
    Column("wrapped", LargeBinary, nullable=False),
    _moment("made_at"),
)
reference = Table("reference", metadata, Column("year", Integer), Column("number", Integer), PrimaryKeyConstraint("year", "number"))
meta = Table("meta", metadata, Column("name", String(64), primary_key=True), _text("value"))
mailbox_cursor = Table(
    "mailbox_cursor", metadata, Column("door", String(64)), Column("folder", String(255)), Column("uidvalidity", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False), Column("pending", JSON, nullable=False), _moment("first_connected_at"),
    _number("resync_below", kind=BigInteger()), _number("history"), _number("history_uid", kind=BigInteger()),
    PrimaryKeyConstraint("door", "folder"),
)  # fmt: skip
mail_seen = Table("mail_seen", metadata, Column("content_key", String(64), primary_key=True), Column("mail_id", String(32), nullable=False))
lease = Table("lease", metadata, Column("name", String(64), primary_key=True), _text("holder"), _number("fence"), _moment("until"))
schedule_fire = Table(
    "schedule_fire", metadata, Column("name", String(64)), Column("tick", String(40)), PrimaryKeyConstraint("name", "tick")
)

# Cases -------------------------------------------------------------------------------------------------------
cases = Table(
    "cases", metadata, _id(), Column("reference", String(20), nullable=False, unique=True), _person(), Column("language", String(2), nullable=False),
    Column("origin", String(16), nullable=False), _moment("received_at"), Column("due", Day, nullable=False), Column("legal_due", Day, nullable=False),
    _moment("opened_at"), _moment("closed_at", nullable=True), _moment("proved_at", nullable=True), Column("hold_reason", String(32), nullable=True),
    _number("reminded"), _number("version"), Column("key_id", String(32), nullable=False), _sealed(nullable=True),
    Index("ix_cases_person", "person"), Index("ix_cases_open", "closed_at", "legal_due"),
)  # fmt: skip
mail = Table(
    "mail", metadata, _id(), Column("door", String(64), nullable=False), Column("folder", String(255), nullable=False),
    Column("uidvalidity", BigInteger, nullable=False), Column("uid", BigInteger, nullable=False), _moment("received_at"), _moment("stored_at"),
    Column("state", String(16), nullable=False), Column("reasons", JSON, nullable=False), Column("labels", JSON, nullable=False),
    Column("language", String(2), nullable=True), _ref("case_id", "cases.id", nullable=True), _person(nullable=True), _number("size"),
    Column("whole", Boolean, nullable=False), _moment("read_at", nullable=True), _moment("moved_at", nullable=True), _moment("ruled_at", nullable=True), Column("key_id", String(32), nullable=False),
    _sealed(nullable=True), Column("sealed_reading", LargeBinary, nullable=True),
    UniqueConstraint("door", "folder", "uidvalidity", "uid"), Index("ix_mail_state", "state", "received_at"), Index("ix_mail_person", "person"),
)  # fmt: skip
request = Table(
    "request", metadata, _id(), _ref("case_id", "cases.id"), Column("asked", String(16), nullable=False), Column("state", String(24), nullable=False),
    _moment("opened_at"), _moment("ended_at", nullable=True), _sealed(nullable=True), UniqueConstraint("case_id", "asked"),
    Index("ix_request_state", "state"),
)  # fmt: skip
link = Table(
    "link", metadata, _id(), _ref("case_id", "cases.id", nullable=True), Column("kind", String(1), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True), Column("code_hash", String(64), nullable=True), _number("tries"),
    Column("rights", JSON, nullable=False), Column("recipient", String(16), nullable=False), Column("subject_id", String(32), nullable=True),
    _person(), _moment("made_at"), _moment("expires_at", nullable=True), _moment("used_at", nullable=True), _moment("revoked_at", nullable=True),
)  # fmt: skip
letter = Table(
    "letter", metadata, _id(), _ref("case_id", "cases.id", nullable=True), Column("name", String(32), nullable=False), Column("state", String(12), nullable=False),
    Column("message_id", String(255), nullable=False, unique=True), _person(), Column("verification", Boolean, nullable=False), _moment("made_at"),
    _moment("due"), _number("attempt"), _moment("claimed_at", nullable=True), _moment("sent_at", nullable=True), _text("reply", nullable=True),
    Column("key_id", String(32), nullable=False), _sealed(nullable=True), Index("ix_letter_state", "state", "due"), Index("ix_letter_person", "person", "made_at"),
)  # fmt: skip
effect = Table(
    "effect", metadata, _id(), _ref("case_id", "cases.id"), Column("kind", String(12), nullable=False), Column("rights", JSON, nullable=False),
    Column("state", String(12), nullable=False), _moment("made_at"), _moment("due"), _number("attempt"), _moment("claimed_at", nullable=True),
    _moment("done_at", nullable=True), _text("failure", nullable=True), _sealed(nullable=True), Index("ix_effect_state", "state", "due"),
)  # fmt: skip
package = Table(
    "package", metadata, _id(), _ref("case_id", "cases.id"), _moment("made_at"), _moment("expires_at"), _number("fetched"), Column("key_id", String(32), nullable=False),
    _sealed(nullable=True),
)  # fmt: skip
package_part = Table(
    "package_part", metadata, Column("package_id", String(32), ForeignKey("package.id")), Column("number", Integer), _sealed(),
    PrimaryKeyConstraint("package_id", "number"),
)  # fmt: skip
audit = Table(
    "audit", metadata, Column("chain", String(32)), Column("number", Integer), _moment("at"), Column("event", String(32), nullable=False),
    Column("actor", String(64), nullable=False), Column("facts", JSON, nullable=False), Column("previous", String(64), nullable=False),
    Column("mac", String(64), nullable=False), PrimaryKeyConstraint("chain", "number"),
)  # fmt: skip

# Newsletters -------------------------------------------------------------------------------------------------
suppression = Table(
    "suppression", metadata, Column("person", String(64), primary_key=True), _moment("at"), Column("origin", String(32), nullable=False)
)
topic = Table("topic", metadata, Column("name", String(64), primary_key=True), Column("titles", JSON, nullable=False))
reader = Table(
    "reader", metadata, Column("person", String(64), primary_key=True), Column("language", String(2), nullable=False), _moment("made_at"),
    Column("unsubscribe_hash", String(64), nullable=False, unique=True), Column("key_id", String(32), nullable=False), _sealed(),
)  # fmt: skip
subscription = Table(
    "subscription", metadata, Column("person", String(64), ForeignKey("reader.person")), Column("topic", String(64), ForeignKey("topic.name")),
    Column("origin", String(64), nullable=False), _moment("since"), _moment("ended_at", nullable=True), PrimaryKeyConstraint("person", "topic"),
)  # fmt: skip
campaign = Table(
    "campaign", metadata, _id(), Column("topic", String(64), ForeignKey("topic.name"), nullable=False), Column("state", String(12), nullable=False),
    _moment("due"), _moment("made_at"), _moment("ended_at", nullable=True), Column("content", JSON, nullable=False),
)  # fmt: skip
delivery = Table(
    "delivery", metadata, Column("campaign_id", String(32), ForeignKey("campaign.id")), Column("person", String(64)), Column("state", String(12), nullable=False),
    _number("attempt"), _moment("claimed_at", nullable=True), _moment("sent_at", nullable=True), _moment("due", nullable=True), _text("reply", nullable=True),
    PrimaryKeyConstraint("campaign_id", "person"), Index("ix_delivery_state", "campaign_id", "state"),
)  # fmt: skip

# Staff -------------------------------------------------------------------------------------------------------
staff = Table(
    "staff", metadata, _id(), Column("login", String(64), nullable=False, unique=True), Column("role", String(16), nullable=False), _text("password_hash"),
    _moment("made_at"), _moment("disabled_at", nullable=True), _number("failures"), _moment("locked_until", nullable=True),
)  # fmt: skip
staff_session = Table(
    "staff_session", metadata, Column("token_hash", String(64), primary_key=True), _ref("staff_id", "staff.id"), Column("form_token", String(64), nullable=False),
    _moment("made_at"), _moment("expires_at"),
)  # fmt: skip
