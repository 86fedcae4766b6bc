"""The text of a newsletter: CommonMark without raw HTML, as a page and as plain text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from markdown_it.token import Token

_ABSOLUTE: Final = re.compile(r"(?:https?://|mailto:)[^\s]+", re.IGNORECASE)
#: Inline, because many readers' programs drop a style sheet.
_STYLES: Final = {
    "h1": "margin:0 0 16px;font-size:24px;line-height:1.25", "h2": "margin:24px 0 8px;font-size:19px;line-height:1.3",
    "h3": "margin:20px 0 8px;font-size:16px;line-height:1.3", "p": "margin:0 0 16px", "ul": "margin:0 0 16px;padding-left:24px",
    "ol": "margin:0 0 16px;padding-left:24px", "blockquote": "margin:0 0 16px;padding-left:16px;border-left:3px solid #767676",
    "a": "color:inherit;word-break:break-word", "hr": "border:0;border-top:1px solid #767676;margin:24px 0",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Facts:
    """What a text refers to: the targets of its links, and how many pictures it shows."""

    links: tuple[str, ...]
    images: int


def facts(markdown: str) -> Facts:
    """What ``markdown`` refers to, links that would not be let through included."""
    tokens = list(_all_tokens(_Parser(lenient=True).parse(markdown)))
    links = tuple(str(t.attrs.get("href", "")) for t in tokens if t.type == "link_open")
    return Facts(links, sum(t.type == "image" for t in tokens))


def as_html(markdown: str) -> str:
    """The text as HTML. Raw HTML stands there as text, a link that is not absolute as its source, a picture not at all."""
    parser = _Parser()
    tokens = parser.parse(markdown)
    for token in _all_tokens(tokens):
        if token.nesting >= 0 and token.tag in _STYLES:
            token.attrSet("style", _STYLES[token.tag])
        token.children = [child for child in token.children if child.type != "image"] if token.children else token.children
    return str(parser.renderer.render(tokens, parser.options, {}))


def as_text(markdown: str) -> str:
    """The text without marks; a link's address stands behind its words."""
    tree = SyntaxTreeNode(_Parser().parse(markdown))
    return "\n\n".join(_blocks(tree.children)) + "\n"


class _Parser(MarkdownIt):
    """CommonMark without raw HTML. ``lenient`` takes anything for a link, to be able to complain of it."""

    def __init__(self, *, lenient: bool = False) -> None:
        super().__init__("commonmark", {"html": False})
        self._lenient = lenient

    def validateLink(self, url: str) -> bool:  # noqa: N802 - the library's name
        """Whether ``url`` may be the target of a link."""
        return self._lenient or bool(_ABSOLUTE.fullmatch(url))


def _all_tokens(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all_tokens(token.children or ())


def _blocks(nodes: Iterable[SyntaxTreeNode]) -> Iterator[str]:
    for node in nodes:
        yield _block(node)


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "heading":
            return _heading(node)
        case "bullet_list" | "ordered_list":
            return "\n".join(_item(item, _bullet(node, place)) for place, item in enumerate(node.children))
        case "blockquote":
            return _prefixed("\n\n".join(_blocks(node.children)), "> ")
        case "fence" | "code_block":
            return _prefixed(node.content.rstrip("\n"), "    ")
        case "hr":
            return "-" * 40
        case _:
            return "".join(_inline(node.children)).strip()


def _heading(node: SyntaxTreeNode) -> str:
    words = "".join(_inline(node.children))
    mark = {"h1": "=", "h2": "-"}.get(node.tag)
    return f"{words}\n{mark * min(len(words), 70)}" if mark else words


def _bullet(node: SyntaxTreeNode, place: int) -> str:
    return f"{int(node.attrs.get('start', 1)) + place}. " if node.type == "ordered_list" else "- "


def _item(node: SyntaxTreeNode, bullet: str) -> str:
    return bullet + _prefixed("\n".join(_blocks(node.children)), " " * len(bullet)).lstrip(" ")


def _prefixed(text: str, prefix: str) -> str:
    return "\n".join((prefix + line).rstrip() for line in text.split("\n"))


def _inline(nodes: Iterable[SyntaxTreeNode]) -> Iterator[str]:
    for node in nodes:
        match node.type:
            case "text" | "code_inline":
                yield node.content
            case "softbreak":
                yield " "
            case "hardbreak":
                yield "\n"
            case "link":
                yield _link(node)
            case "image":
                pass
            case _:
                yield from _inline(node.children)


def _link(node: SyntaxTreeNode) -> str:
    words, url = "".join(_inline(node.children)), str(node.attrs.get("href", ""))
    plain = url.removeprefix("mailto:")
    return words if words in {url, plain} else f"{words} ({plain})"
