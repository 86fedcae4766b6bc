"""The light markup of letters, and its two renderings: plain text, and HTML without anything from outside.

A line is one of::

    # heading
    - one line of a list
    [[label | url]]      a button, alone on its line
    [label | url]        a link, alone on its line
    `code`               a code to be typed, alone on its line
    ---                  what follows is small print

Anything else is a paragraph; an empty line ends it, a line that ends in a backslash is broken there. Inside text, ``<url>``
is a link that shows its address, and ``**words**`` are bold. A value never speaks this markup, nor HTML: :func:`shield` makes it inert before it is put
into a letter, and each rendering gives its characters back in its own way.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Characters that mean something in the markup or in HTML, each with its place in a private area of Unicode.
_MARKS: Final = "[]|<>&\"'*\\\n#-`"
_SHIELDED: Final = {mark: chr(0xE000 + place) for place, mark in enumerate(_MARKS)}
_BREAK: Final = _SHIELDED["\n"]
_AS_TEXT: Final = {private: mark for mark, private in _SHIELDED.items()}
_AS_HTML: Final = {private: escape(mark) for mark, private in _SHIELDED.items()} | {_BREAK: "<br>\n"}
_PRIVATE: Final = "".join(_AS_TEXT)
#: What :func:`shield` changes: marks (the last three count only where a line begins), control characters, and what would pass
#: for a shielded mark.
_TO_SHIELD: Final = re.compile(rf"\A[\s\x00-\x1f\x7f]*[#`-]|[][|<>&\"'*\\\x00-\x08\x0a-\x1f\x7f{_PRIVATE}]")
_TO_UNSHIELD: Final = re.compile(f"[{_PRIVATE}]")

_LINE_LIMIT: Final = 900  # characters; RFC 5322, section 2.1.1 allows 998 octets
_FOLD: Final = 100  # characters: with six octets each, the longest entity, and a tag they stay below the limit

_LINKED: Final = re.compile(r"\[(\[?)([^][|]+)\|([^][|]+)\]\]?")
_ADDRESS: Final = re.compile(r"<([^<>\s]+)>")
_SPECIAL: Final = re.compile(r"[<>&*]")  # most lines have none of these, and need no work
_BOLD: Final = re.compile(r"\*\*(.+?)\*\*")


class Kind(StrEnum):
    """What a block is."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    ITEM = "item"  # one line of a list
    BUTTON = "button"  # the one thing to do
    LINK = "link"  # another thing that one may do
    CODE = "code"  # to be typed on the page
    RULE = "rule"  # small print follows


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a letter, its values still shielded. ``url`` is empty but for buttons and links."""

    kind: Kind
    text: str
    url: str = ""


def shield(value: object) -> object:
    """``value`` so that no character of it is markup; Jinja's ``finalize``. Control characters go, numbers pass."""
    return _TO_SHIELD.sub(lambda found: _SHIELDED.get(found[0][-1], ""), value) if isinstance(value, str) else value


def unshield(text: str) -> str:
    """The text with its values as they were before :func:`shield`."""
    return _TO_UNSHIELD.sub(lambda found: _AS_TEXT[found[0]], text)


def blocks(marked: str) -> list[Block]:
    """The blocks of a letter in its light markup."""
    found: list[Block] = []
    open_ = False  # whether a further line still belongs to the paragraph above
    for line in map(str.strip, marked.split("\n")):
        block = _block(line) if line else None
        if block and open_ and block.kind is Kind.PARAGRAPH:
            found[-1] = Block(Kind.PARAGRAPH, _joined(found[-1].text, line))
        elif block:
            found.append(block)
        open_ = block is not None and block.kind is Kind.PARAGRAPH
    return found


def _joined(above: str, line: str) -> str:
    return f"{above[:-1]}{_BREAK}{line}" if above.endswith("\\") else f"{above} {line}"


def _block(line: str) -> Block:
    match line[0]:
        case "#":
            return Block(Kind.HEADING, line.lstrip("# "))
        case "-":
            return Block(Kind.RULE, "") if line == "---" else Block(Kind.ITEM, line[1:].strip())
        case "`":
            return Block(Kind.CODE, line.strip("`"))
        case "[" if found := _LINKED.fullmatch(line):
            return Block(Kind.BUTTON if found[1] else Kind.LINK, found[2].strip(), found[3].strip())
        case _:
            return Block(Kind.PARAGRAPH, line)


def as_text(letter: list[Block]) -> str:
    """The letter as plain text. Lines are left long for the reader's window, but never beyond what mail allows."""
    parts: list[str] = []
    previous = None
    for block in letter:
        parts.extend(("" if block.kind is Kind.ITEM is previous else "\n", _text(block), "\n"))
        previous = block.kind
    text = unshield("".join(parts)).lstrip("\n")
    return "\n".join(textwrap.fill(line, _FOLD) if len(line) > _LINE_LIMIT else line for line in text.split("\n"))


def _text(block: Block) -> str:
    match block.kind:
        case Kind.ITEM:
            return f"- {_bare(block.text)}"
        case Kind.BUTTON:
            return f"[ {block.text} ]\n{block.url}"
        case Kind.LINK:
            return f"{block.text}\n{block.url}"
        case Kind.CODE:
            return f"    {block.text}"
        case Kind.RULE:
            return "-" * 40
        case Kind.PARAGRAPH | Kind.HEADING:
            return _bare(block.text)


def _bare(text: str) -> str:
    return _ADDRESS.sub(r"\1", text).replace("**", "") if _SPECIAL.search(text) else text


_FONT: Final = "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_MONO: Final = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'Courier New',monospace"
#: Lines that are seen on white and on black: the letter sets neither background nor text colour, so a dark mode stays the reader's own.
_GREY: Final = "#767676"
_MAIN: Final = "#0b5a4f"
_LINK_STYLE: Final = "text-decoration:underline;color:inherit"
_SMALL: Final = f"font-size:13px;line-height:1.5;margin-top:32px;padding-top:12px;border-top:1px solid {_GREY}"
_CODE: Final = (
    f"display:inline-block;{_MONO};font-size:30px;font-weight:bold;letter-spacing:5px;"
    f"padding:8px 12px 8px 17px;border:2px solid {_GREY};border-radius:6px"
)
_WRAPS: Final = {
    Kind.PARAGRAPH: ('<p style="margin:0 0 16px">', "</p>"),
    Kind.HEADING: ('<h2 style="margin:24px 0 8px;font-size:18px;line-height:1.3">', "</h2>"),
    Kind.ITEM: ('<li style="margin:0 0 8px">', "</li>"),
    Kind.CODE: (f'<p style="margin:8px 0 20px"><span style="{_CODE}">', "</span></p>"),
    Kind.RULE: (f'<div style="{_SMALL}">', ""),  # closed at the end of the letter
}


def as_html(letter: list[Block], *, language: str, title: str) -> str:
    """The letter as one HTML page: inline CSS, nothing fetched, no script, 600 pixels wide at most."""
    body = _TO_UNSHIELD.sub(lambda found: _AS_HTML[found[0]], "\n".join(_body(letter)))
    return f"""\
<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{escape(title)}</title>
</head>
<body style="margin:0;padding:0;color-scheme:light dark">
<div style="max-width:600px;margin:0 auto;padding:24px 16px;{_FONT};font-size:16px;line-height:1.5">
{body}
</div>
</body>
</html>
"""


def _body(letter: list[Block]) -> Iterator[str]:
    previous = None
    for block in letter:
        if block.kind is not previous and Kind.ITEM in {block.kind, previous}:
            yield '<ul style="margin:0 0 16px;padding-left:24px">' if block.kind is Kind.ITEM else "</ul>"
        yield _html(block)
        previous = block.kind
    if previous is Kind.ITEM:
        yield "</ul>"
    if any(block.kind is Kind.RULE for block in letter):
        yield "</div>"


def _html(block: Block) -> str:
    text = _inline(block.text)
    match block.kind:
        case Kind.BUTTON:
            return _button(text, block.url)
        case Kind.LINK:
            return f'<p style="margin:0 0 16px"><a href="{block.url}" style="{_LINK_STYLE}">{text}</a></p>'
        case kind:
            before, after = _WRAPS[kind]
            return f"{before}{text}{after}"


def _button(label: str, url: str) -> str:
    """A table around the link: Outlook draws no padding on a link itself. The address below is for whom the button fails."""
    return f"""\
<table role="presentation" border="0" cellpadding="0" cellspacing="0" style="margin:8px 0;border-collapse:separate">
<tr><td align="center" bgcolor="{_MAIN}" style="border-radius:6px;background-color:{_MAIN}">
<a href="{url}" style="display:inline-block;padding:14px 28px;font-size:18px;font-weight:bold;color:#ffffff;text-decoration:none">{label}</a>
</td></tr>
</table>
<p style="margin:0 0 20px;font-size:12px;line-height:1.4;word-break:break-all">{url}</p>"""


def _inline(text: str) -> str:
    """The template's own words escaped, its links and bold words set; folded only where a line would be too long for mail."""
    text = _folded(text)
    if not _SPECIAL.search(text):
        return text
    parts = _ADDRESS.split(text)  # text, address, text, ...
    html = "".join(_address(part) if place % 2 else escape(part, quote=False) for place, part in enumerate(parts))
    return _BOLD.sub(r"<strong>\1</strong>", html)


def _folded(text: str) -> str:
    grown = len(text) + 5 * len(_TO_UNSHIELD.findall(text)) if len(text) > _FOLD else 0
    return "\n".join(textwrap.wrap(text, _FOLD)) if grown > _FOLD * 6 else text


def _address(url: str) -> str:
    return f'<a href="{url}" style="{_LINK_STYLE};word-break:break-word">{url}</a>'
