"""What a reader sees of an HTML mail."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from worker.mail.visible import visible_text


def seen(source: str) -> str:
    return visible_text(source, 200_000)[0]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>One<p>Two", "One\n\nTwo"),
        ("<div>One</div><div>Two</div><div><br></div><div>Three</div>", "One\nTwo\n\nThree"),
        ("a<br>b<br/>c<BR >d", "a\nb\nc\nd"),
        ("<b>de</b>lete   my\n data", "delete my data"),
        ("<table><tr><td>Name<td>Ann<tr><th>Town</th><th>Ghent</th></table>", "Name Ann\nTown Ghent"),
        ("<ul><li>one<li>two</ul>end", "one\ntwo\n\nend"),
        ("<pre>a\n  b\n\nc</pre>", "a\n  b\n\nc"),
        ('See <a href="https://example.com/x?secret=1">our policy</a>.', "See our policy."),
        ("&lt;b&gt; caf&eacute; &#8364;5 &amp;amp; &nbsp;x", "<b> café €5 &amp; x"),
        ("1 < 2 and 3 > 2 <3", "1 < 2 and 3 > 2 <3"),
        ('<p title="a > b">x</p>', "x"),
        ("<noscript>shown in mail</noscript>", "shown in mail"),
        ("<title>t</title><script>var a='<p>no</p>'</script><style>p{}</style><textarea>t</textarea>x", "x"),
        ("a<!-- no --><!--[if mso]><p>no</p><![endif]--><![if !mso]>b<![endif]><?xml no?>c", "abc"),
        ("", ""),
        ("<p>unfinished <b", "unfinished"),
    ],
)
def test_markup_becomes_lines(source: str, text: str) -> None:
    assert seen(source) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            "<p>Yes.</p><blockquote type=cite><p>One<p>Two<blockquote>Deep</blockquote></blockquote>After",
            "Yes.\n\n> One\n>\n> Two\n>\n> > Deep\n>\nAfter",
        ),
        ('<blockquote style="margin:0 0 0 40px;border:none">my new address</blockquote>', "my new address"),
        ("<blockquote><div>x</blockquote><p>own", "> x\n\nown"),
    ],
)
def test_quotes_are_marked_as_in_plain_text(source: str, text: str) -> None:
    assert seen(source) == text


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>no</p>",
        '<div style="display:none">no<p>no</p></div>',
        '<div style="DISPLAY : none !important">no</div>',
        "<span style='color:red; visibility: hidden'>no</span>",
        "<span style=display:none>no</span>",
        '<span style="font-size:0">no</span>',
        '<span style="font-size: 0px;">no</span>',
        '<span style="font-size:1px;line-height:1px">no</span>',
        '<span style="opacity:0">no</span>',
        '<div style="max-height:0px;overflow:hidden">no</div>',
        '<div style="width:0;overflow:hidden;">no</div>',
        '<span style="mso-hide:all">no</span>',
        '<span style="dis\\70 lay:none">no</span>',
        '<span style="display:/**/none">no</span>',
        '<span style="display&#58;none">no</span>',
        '<span title="x>y" style="display:none">no</span>',
        "<style>.x{color:red} .pre, p.x { display:none }</style><span class='a pre'>no</span><p class=x>no</p>",
        "<style>#z{visibility:hidden}</style><i id=z>no</i>",
        "<template>no</template><svg><text>no</text></svg><select><option>no</select><object>no</object>",
        "<p style='display:none'>no<div></div>",
        "<iframe>no</iframe><noembed>no</noembed><xmp>no</xmp>",
    ],
)
def test_hidden_words_are_not_read(hidden: str) -> None:
    assert seen(f"before {hidden} after").split() == ["before", "after"]


@pytest.mark.parametrize(
    "shown",
    [
        '<span style="font-size:10px;opacity:0.9">yes</span>',
        '<span style="max-height:0px">yes</span>',
        '<span style="overflow:hidden;height:20px">yes</span>',
        '<span data-x="display:none" title="hidden">yes</span>',
        "<style>@media (max-width:600px){.m{display:none}.n{color:red}}</style><span class=m>yes</span>",
        "<style>.m{display:none} .m{display:block}</style><span class=m>yes</span>",
        "<style>@import url(x);.q{color:red}</style><span class=q>yes</span>",
        "<style>.m .n{display:none}</style><span class=n>yes</span>",
        "<span class=hidden>yes</span>",
    ],
)
def test_words_that_are_shown_are_read(shown: str) -> None:
    assert seen(shown) == "yes"


HOSTILE = {
    "nesting": "<div>" * 200_000 + "x",
    "attributes": "<div " + " ".join(f"a{n}=1" for n in range(100_000)) + ">x",
    "formatting": "".join(f"<b id={n}>" for n in range(100)) + "<p>x" * 100_000,
    "options": "<select>" + "<option>x" * 100_000,
    "digits": "&#" + "9" * 1_000_000 + ";",
    "open quotes": "<a b='" * 50_000 + '<a b="' * 50_000,
    "crossed": "<div><table>" * 250 + "<b>" * 50_000 + "</div>" * 50_000,
    "comments": "<!--" * 200_000 + "<!-->" * 100_000,
    "styles": "<style>" + "@" * 500_000,
    "rules": "<style>.a{display:none}</style>" * 20_000,
    "css comments": "<style>" + "/*a" * 200_000,
    "tags without end": "<a" * 300_000,
    "equal signs": "<a " + "= " * 300_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_costs_no_more_than_its_size(name: str) -> None:
    begun = time.process_time()
    text, _ = visible_text(HOSTILE[name], 200_000)
    assert time.process_time() - begun < 15  # a tree builder needs minutes for some of these
    assert len(text) <= 450_000


PHRASES = st.lists(st.sampled_from(["delete", "my", "data", "now", "é"]), min_size=1, max_size=3).map(" ".join)
TREES = st.recursive(
    PHRASES,
    lambda inner: st.builds(
        lambda tag, children: f"<{tag}>{' '.join(children)}</{tag}>",
        st.sampled_from(["div", "b", "span", "blockquote", "a", "center"]),
        st.lists(inner, max_size=3),
    ),
    max_leaves=12,
)


@given(tree=TREES)
def test_a_well_formed_page_reads_as_a_tree_builder_reads_it(tree: str) -> None:
    root = LexborHTMLParser(f"<html><body>{tree}</body></html>").body
    assert root is not None
    assert [word for word in seen(tree).split() if word != ">"] == root.text(separator=" ").split()


@given(
    source=st.lists(
        st.sampled_from(
            [
                "<",
                ">",
                "</",
                "/>",
                "=",
                '"',
                "'",
                "&",
                "&#x",
                ";",
                "<!--",
                "-->",
                "<style>",
                "p",
                "td",
                "tr",
                "pre",
                "blockquote",
                " ",
                "\n",
                "hidden",
                "style",
                "display:none",
            ]
        ),
        max_size=60,
    ).map("".join)
)
def test_any_page_is_read(source: str) -> None:
    assert isinstance(seen(source), str)
