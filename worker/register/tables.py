"""The tables that the register makes: the built-in ``customers``, and the three in which it keeps its own promises."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, DateTime, ForeignKey, Index, Integer, MetaData, String, Table, Text, func

_KEY = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only under INTEGER
_WORDS = 200  # characters of a name, a street, a title

customers = MetaData()

customer = Table(
    "customer",
    customers,
    Column("id", _KEY, primary_key=True),
    Column("customer_number", String(40), unique=True),
    Column("name", String(_WORDS)),
    Column("company", String(_WORDS)),
    Column("function", String(_WORDS)),
    Column("street", String(_WORDS)),
    Column("number", String(20)),
    Column("box", String(20)),
    Column("postcode", String(16)),
    Column("town", String(_WORDS)),
    Column("country", String(60)),
    Column("email", String(254)),
    Column("telephone", String(40)),
    Column("mobile", String(40)),
    Column("fax", String(40)),
    Column("office", String(_WORDS)),
    Column("origin", String(_WORDS)),
    Column("recorded_at", DateTime(timezone=True)),
)
Index("customer_email", func.lower(customer.c.email))

contract = Table(
    "contract",
    customers,
    Column("id", _KEY, primary_key=True),
    Column("customer_id", ForeignKey("customer.id"), nullable=False, index=True),
    Column("title", String(_WORDS)),
    Column("started_on", Date),
    Column("ended_on", Date),
    Column("origin", String(_WORDS)),
    Column("recorded_at", DateTime(timezone=True)),
)

invoice = Table(
    "invoice",
    customers,
    Column("id", _KEY, primary_key=True),
    Column("customer_id", ForeignKey("customer.id"), nullable=False, index=True),
    Column("invoice_number", String(40), unique=True),
    Column("issued_on", Date),
    Column("amount_cents", BigInteger),
    Column("currency", String(3)),
    Column("description", Text),
    Column("billing_name", String(_WORDS)),
    Column("billing_address", Text),
    Column("origin", String(_WORDS)),
    Column("recorded_at", DateTime(timezone=True)),
)

#: No personal data: names of tables and columns, keys of rows, dates.
own = MetaData()

#: What was carried out, so that carrying it out again changes nothing; ``result`` is JSON.
effect = Table(
    "privacy_desk_effect",
    own,
    Column("id", String(300), primary_key=True),
    Column("database", String(100), primary_key=True),
    Column("result", Text, nullable=False),
    Column("done_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
)

#: What an erasure had to keep: ``columns`` (JSON list) of one row, up to and with the day ``until`` (empty: no date yet).
kept = Table(
    "privacy_desk_kept",
    own,
    Column("database", String(100), primary_key=True),
    Column("table", String(100), primary_key=True),
    Column("key", String(100), primary_key=True),
    Column("root", String(100), nullable=False),
    Column("root_key", String(100), nullable=False),
    Column("columns", Text, nullable=False),
    Column("until", Date, index=True),
)

#: Values that the person gave by a correction: their origin is no longer the row's.
correction = Table(
    "privacy_desk_correction",
    own,
    Column("database", String(100), primary_key=True),
    Column("table", String(100), primary_key=True),
    Column("key", String(100), primary_key=True),
    Column("column", String(100), primary_key=True),
    Column("done_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
)
