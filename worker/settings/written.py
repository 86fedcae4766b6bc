"""The settings in writing: the example file, the page of the documentation, and what ``config show`` prints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field
from typing import TYPE_CHECKING, Any, Final

from worker.settings.build import is_section, repeated_section, resolved, settings_of
from worker.settings.given import PREFIX
from worker.settings.kinds import Kind, kind_of, quoted
from worker.settings.tree import About, Section, Sections, key_of

if TYPE_CHECKING:
    from worker.settings import Settings

_TOP: Final = """\
# The settings of Privacy Desk.
#
# A line that begins with one # and a name shows a default: remove the # to change it. Lines without # must be filled in.
# Each setting can be given by the environment instead: PRIVACY_DESK__SMTP__HOST, PRIVACY_DESK__MAILBOX__0__HOST;
# a list is separated by commas there. Relative paths begin at the folder of this file.
# `privacy-desk config show` prints what is in force and where each value came from.
"""
_PAGE: Final = """\
# Settings

Made from the code by `python -m worker.settings`; a test keeps both equal.

The settings stand in `config/worker.toml` (`privacy-desk init` writes one; `--config` names another). Each can be given by the environment
instead, which wins: `PRIVACY_DESK__SECTION__KEY`, for the first mailbox `PRIVACY_DESK__MAILBOX__0__HOST`; a list is separated by commas there.
A secret is named by a setting that ends in `_file`, or given by the environment; it never stands in the file and is never shown.
Relative paths begin at the folder of the file. An unknown or wrong setting stops the start with exit code 2, naming all that is wrong and how to
mend it. `privacy-desk config show` prints what is in force and where each value came from.
"""
_URL_PASSWORD: Final = re.compile(r"(://[^/@]*?):[^@]*@")


def sections(kind: type[Section] = Sections, name: str = "") -> Iterator[tuple[str, type[Section], bool]]:
    """(dotted name, section, whether it repeats) of every section, in their order; the tree itself first, without settings of its own."""
    for f in settings_of(kind):
        hint = resolved(kind)[f.name]
        below = repeated_section(hint) or (hint if is_section(hint) else None)
        if below is not None:
            dotted = f"{name}.{f.name}".removeprefix(".")
            yield dotted, below, below is not hint
            yield from sections(below, dotted)


def values(kind: type[Section]) -> Iterator[tuple[Field[Any], About, Any]]:
    """The settings of one section: its field, what is said of it, its annotation."""
    hints = resolved(kind)
    for f in settings_of(kind):
        if "about" in f.metadata:
            yield f, f.metadata["about"], hints[f.name]


def example(given: Mapping[str, str] | None = None) -> str:
    """The example file. ``given`` (dotted name to a value as TOML) fills settings in."""
    given = given or {}
    lines = [_TOP]
    for name, kind, repeats in sections():
        optional = repeats and all(not key.startswith(f"{name}.") for key in given) and name != "mailbox"
        mark = "#" if optional else ""
        lines += ["", f"# {kind.__doc__}", f"{mark}[[{name}]]" if repeats else f"{mark}[{name}]"]
        for f, about, hint in values(kind):
            if not about.only_environment:
                lines += [f"# {about.said}", f"{mark}{_line(f'{name}.{key_of(f.name)}', f, about, hint, given)}".replace("##", "#")]
    return "\n".join(lines) + "\n"


def _line(name: str, about_field: Field[Any], about: About, hint: Any, given: Mapping[str, str]) -> str:
    key = key_of(about_field.name)
    if name in given:
        return f"{key} = {given[name]}"
    if about_field.default is MISSING or about.usual:
        return f"{key} = {quoted(about.example)}"
    if about_field.default is None:
        return f"#{key} = {about.example if 'date' in kind_of(hint).form else quoted(about.example)}"
    return f"#{key} = {kind_of(hint).write(about_field.default)}"


def page() -> str:
    """The documentation of every setting, in Markdown."""
    lines = [_PAGE]
    for name, kind, repeats in sections():
        lines += ["", f"## `{'[[' if repeats else '['}{name}{']]' if repeats else ']'}`", "", str(kind.__doc__), ""]
        lines += ["| setting | meaning | form | default |", "|---|---|---|---|"]
        lines += [_row(name, f, about, hint) for f, about, hint in values(kind)]
    return "\n".join(lines) + "\n"


def _row(section: str, about_field: Field[Any], about: About, hint: Any) -> str:
    kind, key = kind_of(hint), key_of(about_field.name)
    if about.only_environment:
        return f"| `{key}` | {about.said} | environment only: `{PREFIX}{section.replace('.', '__').upper()}__{key.upper()}` | none |"
    default = (
        "**must be given**"
        if about_field.default is MISSING
        else "none"
        if about_field.default is None
        else f"`{kind.write(about_field.default)}`"
    )
    return f"| `{key}` | {about.said} | {_form(about, kind)} | {default} |".replace('`""`', "empty")


def _form(about: About, kind: Kind) -> str:
    least = "" if about.least is None else f", at least {kind.write(about.least)}"
    most = "" if about.most is None else f", at most {kind.write(about.most)}"
    return kind.form + least + most


def without_effect(settings: Settings) -> Iterator[str]:
    """The dotted names of what is set and changes nothing in this release."""
    for name, section in _standing(settings, Sections, ""):
        for f, about, _ in values(type(section)):
            if about.later and getattr(section, f.name) != f.default:
                yield f"{name}.{key_of(f.name)}"


def _standing(section: Section, kind: type[Section], name: str) -> Iterator[tuple[str, Section]]:
    """(dotted name, section) of every section below this one, as it stands in the settings."""
    for f in settings_of(kind):
        hint, value = resolved(kind)[f.name], getattr(section, f.name)
        dotted = f"{name}.{f.name}".removeprefix(".")
        below = {f"{dotted}.{number}": each for number, each in enumerate(value)} if repeated_section(hint) else {}
        for at, each in below.items() or ({dotted: value} if is_section(hint) else {}).items():
            yield at, each
            yield from _standing(each, type(each), at)


def shown(settings: Settings) -> str:
    """The effective settings as TOML, each with where it came from; secrets are masked."""
    lines = [f"# from {settings.file or 'the environment'}"]
    for name in settings_of(Sections):
        lines += _shown(getattr(settings, name.name), resolved(Sections)[name.name], name.name, settings.origins)
    return "\n".join(lines) + "\n"


def _shown(value: Any, hint: Any, name: str, origins: Mapping[str, str]) -> Iterator[str]:
    if (repeated := repeated_section(hint)) is not None:
        if not value:
            yield from _without(repeated, name)
        for number, item in enumerate(value):
            yield from _section_shown(item, repeated, f"[[{_plain(name)}]]", f"{name}.{number}", origins)
    else:
        yield from _section_shown(value, hint, f"[{name}]", name, origins)


def _section_shown(section: Section, kind: type[Section], header: str, name: str, origins: Mapping[str, str]) -> Iterator[str]:
    yield f"\n{header}"
    for f, about, hint in values(kind):
        value, dotted = getattr(section, f.name), f"{name}.{key_of(f.name)}"
        if value is None or (about.only_environment and not value):
            yield f"#{key_of(f.name)} =  # not set"
        else:
            written = masked(value) if about.secret else kind_of(hint).write(value)
            yield f"{key_of(f.name)} = {written}  # {origins.get(dotted, 'default')}"
    for f in settings_of(kind):
        if "about" not in f.metadata:
            yield from _shown(getattr(section, f.name), resolved(kind)[f.name], f"{name}.{f.name}", origins)


def _without(kind: type[Section], name: str) -> Iterator[str]:
    """A section of which there is none, as comments."""
    yield f"\n#[[{_plain(name)}]]  # none"
    yield from (f"#{key_of(f.name)} =" for f, _, _ in values(kind))


def _plain(name: str) -> str:
    return ".".join(part for part in name.split(".") if not part.isdecimal())


def masked(value: str) -> str:
    """A secret as it may be shown: a URL without its password, anything else as stars."""
    if "://" in value:
        return quoted(_URL_PASSWORD.sub(r"\1:***@", value))
    return quoted("***") if value else quoted("")


def required() -> dict[str, About]:
    """The settings without a default, by dotted name: what somebody who begins must fill in."""
    return {
        f"{name}.{key_of(f.name)}": about
        for name, kind, repeats in sections()
        if not repeats or name == "mailbox"
        for f, about, _ in values(kind)
        if f.default is MISSING
    }
