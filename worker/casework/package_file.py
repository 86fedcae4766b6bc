"""The text of a package's JSON file, cut where a long table goes on in parts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from worker.store.packages import Further, Package

_TABLE: Final = 4  # columns by which a table is indented in the file
_ROW: Final = 8
#: With what a table ends behind its last row; "rows" is its last member.
_END: Final = "\n      ]\n    }"


def row_text(row: Mapping[str, Any]) -> str:
    """One row as it stands in the file behind another one. A part is nothing but such rows."""
    return f",\n{' ' * _ROW}{_text(row, _ROW)}"


def rows_of(part: str) -> list[dict[str, Any]]:
    """The rows of a part."""
    rows: list[dict[str, Any]] = json.loads(f"[{part.removeprefix(',')}]")
    return rows


def pieces(package: Package) -> Iterator[str | int]:
    """The file from its first character to its last; a number stands for the part that belongs there."""
    yield "{"
    for place, (name, value) in enumerate(package.document.items()):
        yield f'{"," if place else ""}\n  "{name}": '
        if name == "tables" and value:
            yield from _tables(value, package.further)
        else:
            yield _text(value, 2)
    yield "\n}"


def _tables(tables: Sequence[Mapping[str, Any]], further: Mapping[int, Further]) -> Iterator[str | int]:
    yield "["
    for place, table in enumerate(tables):
        yield f"{',' if place else ''}\n{' ' * _TABLE}"
        text = _text(table, _TABLE)
        if place in further:
            yield text.removesuffix(_END)
            yield from further[place].parts
            yield _END
        else:
            yield text
    yield "\n  ]"


def _text(value: Any, indent: int) -> str:
    # Within a JSON text a line feed is always layout: in a string it is escaped.
    return json.dumps(value, ensure_ascii=False, indent=2).replace("\n", "\n" + " " * indent)
