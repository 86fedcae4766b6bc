"""What a reader sees of an HTML part: no hidden words, no addresses of links, quotes marked as in plain text.

One linear pass over the tags with a bounded stack of open elements. A tree builder is not used: the one tried (lexbor,
2026) is quadratic in nesting, attributes and options, so that 500 kB of ``<div>`` cost 44 s. What is lost is the mending
of crossed table tags, which moves no words.
"""

from __future__ import annotations

import html as entities
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

#: An opening or closing tag; attribute values in quotes may hold ``>``. Possessive: nothing is read twice.
_TAG: Final = re.compile(r"""<(/?)([a-zA-Z][^\s/>]{0,60})((?:[^>"'=]++|=\s*+(?:"[^"]*+"|'[^']*+')|[="'])*+)>""", re.DOTALL)
_MARKUP: Final = re.compile(r"<[a-zA-Z/!?]")
_ATTRIBUTE: Final = re.compile(r"""([^\s"'>/=][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]*+)))?""", re.DOTALL)
_SIGNS: Final = re.compile(r"hidden|style|class|id", re.IGNORECASE)
_ENTITY_BOMB: Final = re.compile(r"&#[xX]?[0-9a-fA-F]{8,}+;?")
_SPACE: Final = re.compile(r"\s+")

#: Declarations that make an element and all in it invisible; matched without white space, lower case.
_UNSEEN: Final = re.compile(
    r"(?:^|;)(?:display:none|visibility:(?:hidden|collapse)|mso-hide:all|opacity:0(?:\.0+)?(?=;|!|$)|font-size:[01](?:\.\d+)?(?:px|pt|em|rem|%)?(?=;|!|$))"
)
_NO_SIZE: Final = re.compile(r"(?:^|;)(?:max-)?(?:height|width):0(?:px|pt|em|%)?(?=;|!|$)")
_CSS_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_CSS_ESCAPE: Final = re.compile(r"\\([0-9a-fA-F]{1,6})\s?|\\(.)")
_CSS_NAME: Final = re.compile(r"(?:[a-z][a-z0-9]{0,20})?[.#][\w-]{1,100}")
_AT_RULE: Final = re.compile(r"@[^{};@]*+(?:;|\{(?:[^{}]++|\{[^{}]*+\})*+\}?)")
_INDENT: Final = re.compile(r"border(?:-left)?:(?:none|0)")  # a blockquote without a bar is an indent, not a quote

_VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "keygen", "link", "meta", "param", "source", "track", "wbr"}
)
_RAW: Final = frozenset({"iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"})
_CONTAINED: Final = frozenset({"audio", "canvas", "datalist", "math", "object", "select", "svg", "template", "video"})
_PARAGRAPH: Final = frozenset({"blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul"})
_LINE: Final = _PARAGRAPH | frozenset(
    {
        "address",
        "article",
        "aside",
        "body",
        "caption",
        "center",
        "dd",
        "div",
        "dt",
        "fieldset",
        "footer",
        "form",
        "header",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "nav",
        "section",
        "tbody",
        "tfoot",
        "thead",
        "tr",
    }
)
_CELL: Final = frozenset({"td", "th"})
_ROW_PARTS: Final = frozenset({"td", "th", "p"})
_ENDED_BY: Final = {
    "li": frozenset({"li", "p"}),
    "dt": frozenset({"dt", "dd", "p"}),
    "dd": frozenset({"dt", "dd", "p"}),
    "td": _ROW_PARTS,
    "th": _ROW_PARTS,
    "tr": _ROW_PARTS | {"tr"},
}
_P: Final = frozenset({"p"})
_NOTHING: Final[frozenset[str]] = frozenset()

_MAX_DEPTH: Final = 512  # open elements; deeper ones are read as if they were not there
_MAX_QUOTE: Final = 20  # "> " marks in front of a line
_MAX_SHEET: Final = 100_000  # characters of one style sheet that are looked at
_MAX_RULES: Final = 2_000  # style rules of one sheet that are looked at
_MAX_VERDICTS: Final = 5_000  # distinct attribute texts remembered


def visible_text(source: str, limit: int) -> tuple[str, bool]:
    """The visible text of ``source``, at most about ``limit`` characters, and whether it was cut there."""
    page = _Page(limit)
    for kind, name, text in _tokens(source):
        if kind == "text":
            page.text(text)
        elif kind == "open":
            page.open(name, text)
        elif kind == "close":
            page.close(name)
        else:
            page.style(text)
        if page.full:
            break
    return page.finished(), page.full


def _tokens(source: str) -> Iterator[tuple[str, str, str]]:
    """(kind, tag name, text or attributes); kinds are text, open, close, style. A tag that never ends drops the rest."""
    position, end = 0, len(source)
    while position < end:
        markup = _MARKUP.search(source, position)
        start = markup.start() if markup else end
        if start > position:
            yield "text", "", source[position:start]
        if markup is None:
            return
        tag = _TAG.match(source, start)
        if tag is None:
            position = _after_other(source, start)
            continue
        name = tag[2].lower()
        position = tag.end()
        if name in _RAW and not tag[1]:
            stop, position = _raw_end(source, name, position)
            if name == "style":
                yield "style", "", source[tag.end() : stop]
        else:
            yield ("close" if tag[1] else "open"), name, tag[3]


def _after_other(source: str, start: int) -> int:
    """The end of a comment, declaration or broken tag."""
    if source.startswith("<!--", start):
        if source.startswith((">", "->"), start + 4):
            return source.index(">", start) + 1
        stop = source.find("-->", start + 4)
        return stop + 3 if stop >= 0 else len(source)
    stop = -1 if source[start + 1].isalpha() else source.find(">", start)
    return stop + 1 if stop >= 0 else len(source)


def _raw_end(source: str, name: str, position: int) -> tuple[int, int]:
    """Where the text of a raw element stops and where reading goes on; to the end of the page if it is never closed."""
    closing = re.compile(rf"</{name}(?=[\s/>])[^>]*+>?", re.IGNORECASE).search(source, position)
    return (closing.start(), closing.end()) if closing else (len(source), len(source))


@dataclass(slots=True)
class _Page:
    """The state of one pass: what is open, and the text so far."""

    limit: int
    lines: list[str] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    stack: list[tuple[str, bool, int, bool]] = field(default_factory=list)  # name, and the state to restore
    opened: Counter[str] = field(default_factory=Counter)
    unseen: bool = False
    quote: int = 0
    verbatim: bool = False
    size: int = 0
    hidden_names: set[str] = field(default_factory=set)
    verdicts: dict[str, bool] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        return self.size > self.limit

    def text(self, source: str) -> None:
        if self.unseen:
            return
        if "&" in source:
            source = entities.unescape(_ENTITY_BOMB.sub("\N{REPLACEMENT CHARACTER}", source))
        self.size += len(source)
        if not self.verbatim:
            self.line.append(_SPACE.sub(" ", source))
            return
        first, *others = source.splitlines() or [""]
        self.line.append(first)
        for other in others:
            self.end_line(keep_empty=True)
            self.line.append(other)

    def open(self, name: str, attributes: str) -> None:
        self.end_implied(name)
        if name in _LINE:
            self.end_line()
        if name in _VOID:
            if name == "br":
                self.end_line(keep_empty=True)
            return
        if len(self.stack) >= _MAX_DEPTH:
            return
        self.stack.append((name, self.unseen, self.quote, self.verbatim))
        self.opened[name] += 1
        self.unseen = self.unseen or name in _CONTAINED or self.is_hidden(name, attributes)
        self.verbatim = self.verbatim or name == "pre"
        if name == "blockquote" and not _INDENT.search(_squeezed(attributes)):
            self.quote = min(self.quote + 1, _MAX_QUOTE)

    def close(self, name: str) -> None:
        if not self.opened[name]:
            return
        if name in _LINE:
            self.end_line()
        while True:
            top = self.pop()
            if top == name:
                break
        if name in _PARAGRAPH:
            self.gap()
        elif name in _CELL:
            self.line.append(" ")

    def pop(self) -> str:
        name, self.unseen, self.quote, self.verbatim = self.stack.pop()
        self.opened[name] -= 1
        return name

    def end_implied(self, name: str) -> None:
        """Close what HTML lets authors leave open: a ``p`` before a block, an ``li`` before the next."""
        ended = _ENDED_BY.get(name) or (_P if name in _LINE else _NOTHING)
        while self.stack and self.stack[-1][0] in ended:
            self.close(self.stack[-1][0])

    def end_line(self, *, keep_empty: bool = False) -> None:
        text = "".join(self.line)
        self.line.clear()
        text = text.rstrip() if self.verbatim else _SPACE.sub(" ", text).strip()
        if text or (keep_empty and not self.unseen):
            self.lines.append("> " * self.quote + text)
            self.size += 1 + 2 * self.quote

    def gap(self) -> None:
        if self.lines and self.lines[-1].strip("> ") and not self.unseen:
            self.lines.append("> " * self.quote)

    def is_hidden(self, name: str, attributes: str) -> bool:
        if not _SIGNS.search(attributes):
            return False
        key = f"{name} {attributes}"
        verdict = self.verdicts.get(key)
        if verdict is None:
            verdict = _hides(name, attributes, self.hidden_names)
            if len(self.verdicts) < _MAX_VERDICTS:
                self.verdicts[key] = verdict
        return verdict

    def style(self, sheet: str) -> None:
        """Learn the class and id names that a style sheet hides on every screen; rules inside ``@media`` do not count."""
        self.verdicts.clear()
        for rule in _AT_RULE.sub("", _CSS_COMMENT.sub("", sheet[:_MAX_SHEET])).split("}")[:_MAX_RULES]:
            selectors, _, declarations = rule.partition("{")
            names = {name.strip().lower() for name in selectors.split(",")}
            simple = {name for name in names if _CSS_NAME.fullmatch(name)}
            if _is_unseen(declarations):
                self.hidden_names |= simple
            elif "display:" in _squeezed(declarations):
                self.hidden_names -= simple

    def finished(self) -> str:
        self.end_line()
        text = "\n".join(line.rstrip() for line in self.lines)
        return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


def _squeezed(text: str) -> str:
    return _SPACE.sub("", text).lower()


def _is_unseen(declarations: str) -> bool:
    plain = _CSS_COMMENT.sub("", entities.unescape(_ENTITY_BOMB.sub("", declarations)))
    if "\\" in plain:
        plain = _CSS_ESCAPE.sub(lambda m: chr(min(int(m[1], 16), 0x10FFFF)) if m[1] else m[2], plain)
    plain = _squeezed(plain)
    return bool(_UNSEEN.search(plain)) or ("overflow:hidden" in plain and bool(_NO_SIZE.search(plain)))


def _hides(name: str, attributes: str, hidden_names: set[str]) -> bool:
    values: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(attributes):
        values.setdefault(match[1].lower(), match[2] or match[3] or match[4] or "")
    if "hidden" in values or _is_unseen(values.get("style", "")):
        return True
    if not hidden_names:
        return False
    marks = ["." + c for c in values.get("class", "").lower().split()] + ["#" + values.get("id", "").lower()]
    return any(mark in hidden_names or name + mark in hidden_names for mark in marks)
