"""The command ``privacy-desk``. What a command needs is imported when it runs, so that small ones stay fast."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from worker import __version__
from worker.errors import ConfigurationError, LockHeld, NotBuiltYet, PrivacyDeskError, TemporaryError
from worker.rules.model import Language, Role

if TYPE_CHECKING:
    from worker.casework.desk import Desk
    from worker.settings import Settings

Arguments = argparse.Namespace
Call = Callable[[Arguments], int]

_DONE: Final = 0
_FAILED: Final = 1
_USAGE: Final = 2  # also what argparse exits with
_TRY_AGAIN: Final = 75  # EX_TEMPFAIL of sysexits.h
_INTERRUPTED: Final = 130
_ROLES: Final = ("all", "intake", "worker", "sender", "scheduler", "web")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 done, 1 failed, 2 usage or configuration, 75 try again."""
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.call(arguments)
    except PrivacyDeskError as error:
        print(f"privacy-desk: {error}", file=sys.stderr)
        return _code(error)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # `| head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _DONE
    return code


def _code(error: PrivacyDeskError) -> int:
    match error:
        case ConfigurationError() | NotBuiltYet():
            return _USAGE
        case LockHeld() | TemporaryError():
            return _TRY_AGAIN
        case _:
            return _FAILED


#: The settings that ``init`` takes as flags: those that have no default. A test keeps them equal.
ASKED: Final = (
    "desk.company", "desk.address", "desk.contact", "desk.base_url", "mailbox.name", "mailbox.host", "mailbox.user", "smtp.host", "smtp.from",
)  # fmt: skip


# What each command does --------------------------------------------------------------------------------------------


def _settings(arguments: Arguments) -> Settings:
    from worker.settings import DEFAULT_FILE, PREFIX, load

    path: Path | None = arguments.config
    if path is None and (DEFAULT_FILE.exists() or not any(name.startswith(PREFIX) for name in os.environ)):
        path = DEFAULT_FILE
    return load(path, os.environ)


def _at_desk(arguments: Arguments, work: Callable[[Desk], Awaitable[int | None]]) -> int:
    """Open a desk for one command beside the one that runs."""
    import asyncio

    from worker.assembly import opened

    settings = _settings(arguments)

    async def run() -> int:
        async with opened(settings) as desk:
            return await work(desk) or _DONE

    return asyncio.run(run())


def _run(arguments: Arguments) -> int:
    import asyncio

    from worker import app

    roles = app.ALL if arguments.role == "all" else frozenset({app.Role(arguments.role)})
    asyncio.run(app.serve(_settings(arguments), roles))
    return _DONE


def _init(arguments: Arguments) -> int:
    import asyncio

    from worker.operate.init import Asked, init
    from worker.settings import DEFAULT_FILE

    given = {name: value for name in ASKED if (value := getattr(arguments, name))}
    interactive = sys.stdin.isatty() and not arguments.yes
    return asyncio.run(init(Asked(arguments.config or DEFAULT_FILE, given, interactive), os.environ))


def _config_show(arguments: Arguments) -> int:
    from worker.settings.written import shown

    print(shown(_settings(arguments)), end="")
    return _DONE


def _doctor(arguments: Arguments) -> int:
    import asyncio

    from worker.operate.doctor import doctor

    return asyncio.run(doctor(_settings(arguments)))


def _status(arguments: Arguments) -> int:
    from worker.operate.status import status

    return _at_desk(arguments, lambda desk: status(desk, as_json=arguments.json))


def _migrate(arguments: Arguments) -> int:
    import asyncio

    from worker.operate.migrate import migrate

    return asyncio.run(migrate(_settings(arguments)))


def _classify(arguments: Arguments) -> int:
    from worker.assembly import load_reader
    from worker.operate.classify import as_json, as_line, classify

    for found in classify(arguments.paths, load_reader()):
        print((as_json if arguments.json else as_line)(found))
    return _DONE


def _staff_add(arguments: Arguments) -> int:
    from worker.operate import staff

    return _at_desk(arguments, lambda desk: staff.add(desk, arguments.login, Role(arguments.role)))


def _audit_verify(arguments: Arguments) -> int:
    from worker.operate import audit

    return _at_desk(arguments, audit.verify)


def _replay_mail(arguments: Arguments) -> int:
    from worker.operate import mails

    return _at_desk(arguments, lambda desk: mails.replay(desk, arguments.ids))


def _letters_preview(arguments: Arguments) -> int:
    from worker.operate.letters import preview

    return preview(_settings(arguments), arguments.letter, arguments.language or tuple(Language), arguments.folder)


def _register_check(arguments: Arguments) -> int:
    from worker.operate import register

    return _at_desk(arguments, register.check)


def _register_show(arguments: Arguments) -> int:
    from worker.operate import register

    return _at_desk(arguments, lambda desk: register.show(desk, arguments.address, arguments.language))


def _register_import(arguments: Arguments) -> int:
    from worker.operate import register

    return _at_desk(arguments, lambda desk: register.take_in(desk, arguments.file, origin=arguments.origin, yes=arguments.yes))


def _register_export(arguments: Arguments) -> int:
    from worker.operate import register

    return _at_desk(arguments, lambda desk: register.give_out(desk, arguments.file))


def _newsletter(call: Callable[[ModuleType, Desk, Arguments], object]) -> Call:
    """A command on the desk's newsletters; ``call`` gets the module that does it."""

    def run(arguments: Arguments) -> int:
        from worker.operate import newsletter

        async def work(desk: Desk) -> None:
            call(newsletter, desk, arguments)

        return _at_desk(arguments, work)

    return run


def _titles(arguments: Arguments) -> dict[Language, str]:
    return {language: title for language in Language if (title := getattr(arguments, f"title_{language}"))}


def _newsletter_preview(newsletter: ModuleType, desk: Desk, arguments: Arguments) -> None:
    settings = _settings(arguments).newsletter_settings()
    newsletter.preview(desk, settings, arguments.id, language=arguments.language, html=arguments.html)


# The table of commands ---------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="privacy-desk", description="Answers the mailbox that a company prints in its privacy policy.")
    parser.add_argument("--version", action="version", version=f"privacy-desk {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _running(commands)
    _reading(commands)
    _people(commands)
    _newsletters(commands)
    for name, what in _LATER.items():
        _later(commands, name, what)
    return parser


_Commands = "argparse._SubParsersAction[argparse.ArgumentParser]"

#: Commands of later releases that stand alone; those of a group stand with it.
_LATER: Final = {
    "reconcile": "count what is in the mailbox against what was recorded",
    "pause": "stop fetching and sending",
    "resume": "go on",
    "backup": "copy the store, safely",
    "restore": "put a copy back",
    "replay-erasures": "erase again what a restored copy brought back",
    "migrate-store": "move from SQLite to PostgreSQL",
}


def _command(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, call: Call, what: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the settings file (config/worker.toml)")
    parser.set_defaults(call=call)
    return parser


def _group(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, what: str
) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    parser = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    return parser.add_subparsers(metavar="COMMAND", required=True)


def _later(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, what: str, group: str = "") -> None:
    """A documented command of a later release: takes anything, says so, exits 2."""
    full = f"privacy-desk {group} {name}".replace("  ", " ")

    def call(_: Arguments) -> int:
        raise NotBuiltYet(f"`{full}`")

    parser = commands.add_parser(name, help=f"{what} (not in this release)")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.set_defaults(call=call)


def _running(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = _command(commands, "run", _run, "run the desk until it is told to stop")
    run.add_argument("--role", choices=_ROLES, default="all", help="what this process does: all (without it), or web: pages beside it")
    init = _command(commands, "init", _init, "make the settings file, keys, ledger and databases that are missing")
    init.add_argument("--yes", action="store_true", help="ask nothing")
    for name in ASKED:
        init.add_argument("--" + name.replace(".", "-").replace("_", "-"), dest=name, metavar="TEXT", help=f"the setting {name}")
    config = _group(commands, "config", "the settings")
    _command(config, "show", _config_show, "print the settings in force and where each came from")
    _command(commands, "doctor", _doctor, "say what is wrong, and how to mend it")
    status = _command(commands, "status", _status, "print what is waiting")
    status.add_argument("--json", action="store_true", help="as JSON")
    _command(commands, "migrate", _migrate, "bring the databases to this release's tables")
    keys = _group(commands, "keys", "the keys of the store")
    _later(keys, "rotate", "seal everything under new keys", "keys")


def _reading(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    classify = _command(commands, "classify", _classify, "print what the desk would understand of mails; needs no settings")
    classify.add_argument("paths", nargs="+", type=Path, metavar="PATH", help=".eml file, folder, mbox or Maildir")
    classify.add_argument("--json", action="store_true", help="one JSON object a line")
    intake = _group(commands, "intake", "mails that came before")
    _later(intake, "history", "read mails from before the first connection", "intake")
    replay = _command(commands, "replay-mail", _replay_mail, "read stored mails again")
    replay.add_argument("ids", nargs="+", metavar="ID", help="the mail's id, as the queue shows it")
    audit = _group(commands, "audit", "the log of what was done")
    _command(audit, "verify", _audit_verify, "check that no entry was changed, removed or added")
    _later(audit, "export", "write a case's entries to a file", "audit")
    letters = _group(commands, "letters", "the letters")
    preview = _command(letters, "preview", _letters_preview, "show letters with invented values")
    preview.add_argument("letter", nargs="?", default="", help="its name; all without one")
    preview.add_argument("--language", type=Language, action="append", choices=list(Language), help="nl, fr, en or de; all without it")
    preview.add_argument("--folder", type=Path, help="write text and HTML there")


def _people(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    staff = _group(commands, "staff", "accounts of staff")
    add = _command(staff, "add", _staff_add, "add an account; the password is asked for, or read from standard input")
    add.add_argument("login", help="the name to log in with")
    add.add_argument("--role", choices=[role.value for role in Role], default=Role.HANDLER.value, help="what it may do (handler)")
    register = _group(commands, "register", "the customers' data")
    _command(register, "check", _register_check, "compare the declaration with the databases")
    show = _command(register, "show", _register_show, "print what is held under an address; the look is logged")
    show.add_argument("address", help="the e-mail address")
    show.add_argument("--language", type=Language, choices=list(Language), default=Language.EN, help="of the explanations (en)")
    take_in = _command(register, "import", _register_import, "take customers in from a CSV or JSON file")
    take_in.add_argument("file", type=Path, metavar="FILE")
    take_in.add_argument("--origin", default="import", help="where these data come from: it is named in the answer to an access request")
    take_in.add_argument("--yes", action="store_true", help="do it; without it nothing is changed")
    give_out = _command(register, "export", _register_export, "write all customers to a CSV or JSON file; the look is logged")
    give_out.add_argument("file", type=Path, metavar="FILE")
    _later(register, "draft", "declare a database from its tables", "register")


def _newsletters(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = _group(commands, "newsletter", "newsletters, their topics and readers")
    topics = _group(group, "topic", "what newsletters are about")
    topic = _command(
        topics, "add", _newsletter(lambda module, desk, a: module.topic_add(desk, a.name, _titles(a))), "add a topic, or give it new titles"
    )
    topic.add_argument("name", help="a short name: letters, digits and hyphens")
    for language in Language:
        topic.add_argument(f"--title-{language}", metavar="TEXT", help=f"its title in {language}")
    _command(topics, "list", _newsletter(lambda module, desk, _: module.topic_list(desk)), "list the topics")
    add = _command(
        group,
        "add",
        _newsletter(lambda module, desk, a: module.add(desk, a.file, topic=a.topic, at=a.at)),
        "check a newsletter and plan it",
    )
    add.add_argument("file", type=Path, metavar="FILE", help="Markdown, or a folder with one file per language")
    add.add_argument("--topic", required=True, help="the topic whose readers get it")
    add.add_argument("--at", required=True, metavar="TIME", help='local time, for example "2026-12-01 09:00"')
    preview = _command(group, "preview", _newsletter(_newsletter_preview), "print a newsletter as it will leave")
    preview.add_argument("id", help="the newsletter's id")
    preview.add_argument("--language", type=Language, choices=list(Language), help="the company's first one without it")
    preview.add_argument("--html", type=Path, metavar="FILE", help="write the page there")
    _command(group, "list", _newsletter(lambda module, desk, _: module.list_all(desk)), "list newsletters and what became of them")
    results = _command(
        group, "results", _newsletter(lambda module, desk, a: module.results(desk, a.id, into=a.csv)), "say what became of a newsletter"
    )
    results.add_argument("id", help="the newsletter's id")
    results.add_argument("--csv", type=Path, metavar="FILE", help="write what became of each reader there; the look is logged")
    cancel = _command(group, "cancel", _newsletter(lambda module, desk, a: module.cancel(desk, a.id)), "stop a newsletter")
    resume = _command(group, "resume", _newsletter(lambda module, desk, a: module.resume(desk, a.id)), "let a stopped one go on")
    for each in (cancel, resume):
        each.add_argument("id", help="the newsletter's id")
    _readers(commands, group)


def _readers(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], group: argparse._SubParsersAction[argparse.ArgumentParser]
) -> None:
    subscribe = _command(
        group,
        "subscribe",
        _newsletter(lambda module, desk, a: module.subscribe(desk, a.file, topic=a.topic, origin=a.origin, yes=a.yes)),
        "take readers in from a CSV file",
    )
    subscribe.add_argument("file", type=Path, metavar="FILE")
    subscribe.add_argument("--topic", required=True)
    subscribe.add_argument("--origin", default="", help="where these readers come from, for their file")
    subscribe.add_argument("--yes", action="store_true", help="do it; without it nothing is changed")
    suppress = _command(
        commands,
        "import-suppression",
        _newsletter(lambda module, desk, a: module.import_suppression(desk, a.file, yes=a.yes)),
        "take in addresses that want no newsletter",
    )
    suppress.add_argument("file", type=Path, metavar="FILE")
    suppress.add_argument("--yes", action="store_true", help="do it; without it nothing is changed")
