from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from worker.casework.packing import SHOWN_ROWS
from worker.mail.words import TEMPLATES
from worker.rules.model import Language
from worker.rules.reading.model import Evidence, Part
from worker.store.packages import Further, Package
from worker.web.forms import clean
from worker.web.limits import Limit, network_of
from worker.web.metrics import exposition
from worker.web.packages import lines, shown
from worker.web.queue import marked
from worker.web.server import listening

NOW = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)


def spans(*found: tuple[int, int]) -> list[Evidence]:
    return [Evidence("rule", Part.BODY, span, "") for span in found]


def test_marked_words_are_escaped_and_overlapping_marks_become_one() -> None:
    assert marked("a <b> c", spans((2, 5))) == "a <mark>&lt;b&gt;</mark> c"
    assert marked("abcdef", spans((3, 5), (0, 2), (1, 4))) == "<mark>abcde</mark>f"
    assert marked("abc", spans((5, 9), (2, 1), (-3, 1))) == "<mark>a</mark>bc"


@given(st.text(max_size=60), st.lists(st.tuples(st.integers(-5, 70), st.integers(-5, 70)), max_size=6))
def test_marking_never_loses_or_adds_a_character(text: str, found: list[tuple[int, int]]) -> None:
    plain = re.sub("</?mark>", "", str(marked(text, spans(*found))))
    assert plain == str(marked(text, []))


@given(st.text())
def test_cleaned_text_has_no_control_characters_but_tab_and_line_feed(text: str) -> None:
    assert not [c for c in clean(text) if (ord(c) < 32 and c not in "\t\n") or 0x7F <= ord(c) < 0xA0]
    assert clean(clean(text)) == clean(text)


def test_a_limit_counts_per_network_and_forgets_with_time() -> None:
    limit = Limit(2, timedelta(hours=1))
    assert [limit.allows("a", NOW), limit.allows("a", NOW), limit.allows("a", NOW)] == [True, True, False]
    assert limit.allows("b", NOW)
    assert limit.allows("a", NOW + timedelta(hours=1))
    assert all(Limit(0, timedelta(hours=1)).allows("a", NOW) for _ in range(100))


def test_a_limit_keeps_a_bounded_memory() -> None:
    limit = Limit(1, timedelta(hours=1))
    for n in range(12_000):
        limit.allows(str(n), NOW)
    assert len(limit.seen) <= 10_001


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("unix", "unix"),
    ],
)  # fmt: skip
def test_neighbours_of_one_ipv6_network_count_together(host: str, network: str) -> None:
    assert network_of(cast("Request", SimpleNamespace(client=SimpleNamespace(host=host)))) == network


def test_metrics_hold_numbers_and_escaped_labels_only() -> None:
    text = exposition(
        {"mails": {'he"ld\n': 3, "text": "ann@example.com"}, "first_legal_due": "2026-04-07", "open_cases": 2, "none": None}, ready=False
    )
    assert 'privacy_desk_mails{state="he\\"ld "} 3' in text
    assert "privacy_desk_open_cases 2\n" in text
    assert "privacy_desk_ready 0" in text
    assert "ann" not in text
    assert "2026" not in text


def test_a_long_table_is_cut_on_the_page_and_says_how_many_there_are() -> None:
    column = {"title": "Number", "purpose": "p", "legal_ground": "g", "recipients": [], "retention": "r"}
    rows = [{"values": {"number": n, "other": n}, "origin": "", "recorded_at": None, "corrected_by_you_at": {}} for n in range(SHOWN_ROWS)]
    document = {"as_of": NOW.isoformat(), "tables": [{"title": "Invoice", "columns": {"number": column, "other": column}, "rows": rows}]}
    (whole,) = shown(Package("p", document))["tables"]
    assert (len(whole["rows"]), whole["total"], whole["file"]) == (SHOWN_ROWS, SHOWN_ROWS, None)
    assert len(whole["facts"]) == 1
    (cut,) = shown(Package("p", document, {0: Further(SHOWN_ROWS + 5, range(1))}))["tables"]
    assert (len(cut["rows"]), cut["total"], cut["file"]) == (SHOWN_ROWS, SHOWN_ROWS + 5, 0)


def test_a_table_for_a_spreadsheet_holds_no_formula_and_leaves_numbers_alone() -> None:
    cells = ["=1+1", "@SUM(A1)", "-cmd", "+32 470 12 34 56", "-12.50", 'say "hi"', None, 7]
    assert lines([cells], Language.EN) == b'\'=1+1,\'@SUM(A1),\'-cmd,+32 470 12 34 56,-12.50,"say ""hi""",,7\r\n'
    assert lines([["a", "b"]], Language.NL, first=True) == b"\xef\xbb\xbfa;b\r\n"


def test_a_taken_port_is_an_error_and_a_free_one_is_found() -> None:
    first = listening("127.0.0.1", 0)
    try:
        with pytest.raises(OSError):
            listening("127.0.0.1", first.getsockname()[1])
    finally:
        first.close()


# Contrast ---------------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def palettes() -> tuple[dict[str, str], dict[str, str]]:
    style = (TEMPLATES / "web" / "desk.css").read_text("utf-8")
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
    )
    return light, {**light, **dark}


TEXT_ON = [
    ("ink", "paper"), ("ink", "sheet"), ("soft", "paper"), ("soft", "sheet"), ("main", "sheet"), ("main", "paper"), ("main", "tint"), ("on-main", "main"),
    ("on-main", "main-strong"), ("good", "good-tint"), ("warn", "warn-tint"), ("bad", "bad-tint"), ("info", "info-tint"), ("bad", "sheet"), ("ink", "mark"),
    ("soft", "tint"), ("ink", "tint"), ("warn", "sheet"),
]  # fmt: skip


@pytest.mark.parametrize("palette", [0, 1], ids=["light", "dark"])
def test_every_text_can_be_read_on_its_ground(palette: int) -> None:
    colours = palettes()[palette]
    weak = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in TEXT_ON}
    assert not {pair: ratio for pair, ratio in weak.items() if ratio < 4.5}
    assert contrast(colours["edge"], colours["sheet"]) >= 3
