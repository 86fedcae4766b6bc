"""How the desk logs: one JSON object a line, references only.

An exception is logged as its type and the places it went through, without its message and without local variables:
both can hold a person's data.
"""

from __future__ import annotations

import logging
import sys
import traceback
from typing import TYPE_CHECKING, TextIO

import structlog

if TYPE_CHECKING:
    from collections.abc import MutableMapping

#: Libraries whose debug logs print whole mails, passwords or tokens: never below this level.
_TALKATIVE = (
    "aioimaplib",
    "mail.log",
    "uvicorn",
    "uvicorn.access",
    "apscheduler",
    "sqlalchemy",
    "alembic",
    "multipart",
    "python_multipart",
)


def configure(stream: TextIO | None = None) -> None:
    """Log from INFO on to ``stream``, by default standard error."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_content,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=stream or sys.stderr, force=True)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_Bare("%(levelname)s %(name)s %(message)s"))
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


class _Bare(logging.Formatter):
    """What libraries log: one line, and an exception as its type and its way through the code."""

    def format(self, record: logging.LogRecord) -> str:
        """The first line of the message; asyncio writes the exception's own words into those behind it."""
        return " ".join(filter(None, [super().format(record).partition("\n")[0], self._error(record)]))

    def formatException(self, ei: object) -> str:  # noqa: ARG002, N802 - the name is the library's
        """Nothing here: :meth:`format` says what may be said."""
        return ""

    def _error(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        return f"[{type(error).__name__} at {', '.join(_way(error))}]" if error is not None else ""


def _way(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-8:]]


def _without_content(_logger: object, _method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Replace an exception by its type and its way through the code."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given
    if isinstance(error, BaseException):
        event["error_type"] = type(error).__name__
        event["error_at"] = _way(error)
    return event
