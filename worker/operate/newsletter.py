"""``privacy-desk newsletter ...``: topics, readers and newsletters from the command line.

Each function works on a desk and prints what it did; ConfigurationError says what to type instead.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from worker.casework import campaigns as issues
from worker.errors import ConfigurationError
from worker.mail.campaign import render
from worker.mail.markdown import facts
from worker.newsletter.addressing import TOKEN_LENGTH
from worker.newsletter.audience import edition_language
from worker.newsletter.draft import Edition, parse_file, parse_folder
from worker.newsletter.guards import check_edition, check_topic
from worker.newsletter.readers import COLUMNS, Defaults, Line, Listing, delimiter, read
from worker.newsletter.schedule import planned_moment
from worker.operate.files import private
from worker.rules.audit import Event
from worker.rules.model import DeliveryState, Language
from worker.store import audit, campaigns, newsletters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from worker.casework.desk import Desk
    from worker.newsletter.settings import NewsletterSettings
    from worker.store import Tx
    from worker.store.campaigns import Campaign

_ACTOR: Final = "operator"  # in the audit log: whoever has the shell
_LOT: Final = 500  # lines of an import in one transaction
_RESULTS: Final = 5_000  # readers written to a file at once: each lot is one look in the audit log
_SHOWN: Final = 10  # line numbers named per reason


class _OnlyTried(Exception):
    """Rolls a transaction back; what would happen is known."""

    def __init__(self, tally: Counter[str]) -> None:
        super().__init__("only tried")
        self.tally = tally


# Topics ---------------------------------------------------------------------------------------------------------


def topic_add(desk: Desk, name: str, titles: Mapping[Language, str]) -> None:
    """``newsletter topic add NAME --title-nl ... --title-fr ...``: a new topic, or new titles for one."""
    check_topic(name)
    if not titles:
        raise ConfigurationError("--title-nl", "a topic needs a title in at least one language", 'Add --title-nl "..." and so on.')
    with desk.store.transaction() as tx:
        new = newsletters.add_topic(tx, name, titles)
    print(f"{'added' if new else 'changed'} topic {name}: " + "; ".join(f"{language} {title}" for language, title in titles.items()))


def topic_list(desk: Desk) -> None:
    """``newsletter topic list``: the topics, and how many readers each has."""
    with desk.store.transaction() as tx:
        lines = [(topic, campaigns.expected(tx, topic.name)) for topic in newsletters.topics(tx)]
    for topic, readers in lines:
        print(f"{topic.name:<20} {readers:>7} readers  {topic.title(desk.languages[0])}")
    if not lines:
        print('no topics yet: newsletter topic add NAME --title-nl "..."')


# Newsletters ----------------------------------------------------------------------------------------------------


def add(desk: Desk, path: Path, *, topic: str, at: str) -> str:
    """``newsletter add FILE --topic T --at "2026-12-01 09:00"`` (local time): checked and planned. Returns its id."""
    editions = _read(path)
    for language, edition in editions.items():
        found = facts(edition.markdown)
        check_edition(f"{path} ({language})", subject=edition.subject, links=found.links, images=found.images)
    due = planned_moment(at, desk.timezone)
    with desk.store.transaction() as tx:
        _known_topic(tx, topic)
        texts = {language: campaigns.Text(edition.subject, edition.markdown) for language, edition in editions.items()}
        campaign_id = campaigns.plan(tx, topic, due, texts, _ACTOR)
        readers, late = campaigns.expected(tx, topic), due <= tx.now
        desk.engine.enqueue(tx, "campaign", campaign_id, [campaign_id], due)
    print(
        f"planned {campaign_id} for {_local(desk, due)}{' (now: that time is past)' if late else ''}, topic {topic}, {readers} readers today"
    )
    _say_languages(desk, editions)
    print(f"see it first: newsletter preview {campaign_id} --language {next(iter(editions))}")
    return campaign_id


def preview(
    desk: Desk, settings: NewsletterSettings, campaign_id: str, *, language: Language | None = None, html: Path | None = None
) -> None:
    """``newsletter preview ID --language nl [--html FILE]``: the text as it will leave; with a file also the page."""
    with desk.store.transaction() as tx:
        campaign = _find(tx, campaign_id)
        titles = issues.titles(tx, campaign)
    written = edition_language(language or desk.languages[0], tuple(campaign.texts), desk.languages)
    issue = issues.issue(campaign, written, titles[written])
    shown = render(issues.imprint(desk, settings), issue, issues.ways(desk, settings)).with_token("x" * TOKEN_LENGTH)
    print(f"Subject: {shown.subject}\n\n{shown.text}", end="")
    if html is not None:
        html.write_text(shown.html, encoding="utf-8")
        print(f"\nthe page is in {html}")


def list_all(desk: Desk) -> None:
    """``newsletter list``: every newsletter, when it leaves, and what became of it."""
    with desk.store.transaction() as tx:
        lines = [(campaign, campaigns.counts(tx, campaign.id)) for campaign in campaigns.listed(tx)]
    for campaign, counts in lines:
        results = ", ".join(f"{number} {state}" for state, number in counts.items() if number) or "nobody yet"
        languages = "/".join(sorted(campaign.texts))
        print(f"{campaign.id}  {_local(desk, campaign.due)}  {campaign.state:<9}  {campaign.topic}  {languages}  {results}")
    if not lines:
        print('no newsletters yet: newsletter add FILE --topic NAME --at "2026-12-01 09:00"')


def results(desk: Desk, campaign_id: str, *, into: Path | None = None) -> None:
    """``newsletter results ID [--csv FILE]``: what became of it, in numbers; in the file reader by reader, and the look is logged."""
    with desk.store.transaction() as tx:
        campaign = _find(tx, campaign_id)
        found = campaigns.reasons(tx, campaign.id)
    print(f"{campaign.id}  {_local(desk, campaign.due)}  {campaign.state}  {campaign.topic}")
    for state, why, number in found:
        print(f"{number:>7} {state:<9}  {why}".rstrip())
    if not found:
        print("        nobody yet")
    if into is not None:
        print(f"{_write_results(desk, campaign, into)} readers are in {into}")


def _write_results(desk: Desk, campaign: Campaign, path: Path) -> int:
    """A line per reader, written lot by lot: a newsletter may have a million."""
    count, last = 0, ""
    with private(path) as file:
        table = csv.writer(file)
        table.writerow(("email", "state", "attempts", "sent_at", "reply"))
        while lot := _result_lot(desk, campaign.id, last):
            table.writerows((each.address, each.state, each.attempts, _moment(desk, each.sent_at), each.reply) for each in lot)
            count, last = count + len(lot), lot[-1].person
    return count


def _result_lot(desk: Desk, campaign_id: str, behind: str) -> list[campaigns.Result]:
    with desk.store.transaction() as tx:
        return campaigns.results(tx, _ACTOR, campaign_id, behind=behind, limit=_RESULTS)


def _moment(desk: Desk, moment: datetime | None) -> str:
    return moment.astimezone(ZoneInfo(desk.timezone)).isoformat(timespec="seconds") if moment else ""


def cancel(desk: Desk, campaign_id: str) -> None:
    """``newsletter cancel ID``: nothing more leaves, also in the middle."""
    with desk.store.transaction() as tx:
        campaign = _find(tx, campaign_id)
        done, counts = campaigns.cancel(tx, campaign.id, _ACTOR), campaigns.counts(tx, campaign.id)
    if not done:
        raise ConfigurationError(campaign_id, f"it is {campaign.state}", "Only one that has not ended can be called off.")
    print(f"cancelled {campaign.id}; {counts[DeliveryState.SENT]} had left")


def resume(desk: Desk, campaign_id: str) -> None:
    """``newsletter resume ID``: one that the relay's refusal stopped goes on with those who have not had it."""
    with desk.store.transaction() as tx:
        campaign = _find(tx, campaign_id)
        done, counts = campaigns.resume(tx, campaign.id, _ACTOR), campaigns.counts(tx, campaign.id)
        desk.engine.enqueue(tx, "campaign", campaign.id, [campaign.id])
    if not done:
        raise ConfigurationError(campaign_id, f"it is {campaign.state}", "Only a stopped one can go on.")
    print(f"{campaign.id} goes on; {counts[DeliveryState.PLANNED]} readers wait")


def _read(path: Path) -> dict[Language, Edition]:
    try:
        if path.is_dir():
            return parse_folder({file.stem: file.read_text(encoding="utf-8") for file in sorted(path.glob("*.md"))}, str(path))
        return parse_file(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise ConfigurationError(str(path), "there is no such file", "Give the newsletter's file or folder.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(str(path), "the file is not UTF-8", "Save it as UTF-8.") from None


def _say_languages(desk: Desk, editions: Mapping[Language, Edition]) -> None:
    for language in desk.languages:
        if language not in editions:
            print(f"not written in {language}: those readers get it in {edition_language(language, tuple(editions), desk.languages)}")


def _known_topic(tx: Tx, name: str) -> None:
    names = [topic.name for topic in newsletters.topics(tx)]
    if name not in names:
        raise ConfigurationError(
            "--topic", f"there is no topic {name!r}", f"Take one of: {', '.join(names) or 'none yet (newsletter topic add)'}."
        )


def _find(tx: Tx, campaign_id: str) -> Campaign:
    found = [each for each in campaigns.listed(tx) if campaign_id and each.id.startswith(campaign_id)]
    if len(found) != 1:
        problem = "there is no such newsletter" if not found else "several newsletters begin so"
        raise ConfigurationError(campaign_id or "ID", problem, "See `privacy-desk newsletter list`.")
    return found[0]


def _local(desk: Desk, moment: datetime) -> str:
    return f"{moment.astimezone(ZoneInfo(desk.timezone)):%Y-%m-%d %H:%M}"


# Readers --------------------------------------------------------------------------------------------------------


def subscribe(desk: Desk, path: Path, *, topic: str, origin: str = "", yes: bool = False) -> None:
    """``newsletter subscribe FILE.csv --topic T --origin "..." [--yes]``: readers from a table with the columns of COLUMNS.

    Who stopped, or ended this topic before, is not brought back. Without ``yes`` it is only tried.
    """
    listing = read(_rows(path), Defaults(desk.languages[0], origin, desk.timezone))
    tally: Counter[str] = Counter()
    for lot in _lots(listing.lines):
        try:
            with desk.store.transaction() as tx:
                _known_topic(tx, topic)
                tally += _subscribe_lot(tx, lot, topic, yes=yes)
        except _OnlyTried as tried:
            tally += tried.tally
    for what, number in tally.most_common():
        print(f"{number:>7} {what}")
    _finish_import(listing, yes=yes)


def import_suppression(desk: Desk, path: Path, *, yes: bool = False) -> None:
    """``import-suppression FILE [--yes]``: addresses that get no newsletter any more; one a line, or a column ``email``."""
    listing = read(_rows(path), Defaults(desk.languages[0], "import", desk.timezone))
    new = 0
    for lot in _lots(listing.lines):
        persons = [desk.store.vault.person(line.address.key) for line in lot]
        with desk.store.transaction() as tx:
            known = newsletters.suppressed(tx, persons)
            new += len(set(persons) - known)
            if yes and set(persons) - known:
                audit.record(tx, audit.DESK, Event.SUPPRESSED, _ACTOR, {"origin": "import", "count": len(set(persons) - known)})
            for person in persons if yes else ():
                newsletters.suppress(tx, person, "import")
    print(f"{new:>7} get no newsletter any more\n{len(listing.lines) - new:>7} got none before")
    _finish_import(listing, yes=yes)


def _subscribe_lot(tx: Tx, lot: Sequence[Line], topic: str, *, yes: bool) -> Counter[str]:
    tally: Counter[str] = Counter()
    off = newsletters.suppressed(tx, [tx.vault.person(line.address.key) for line in lot])
    for line in lot:
        tally[_subscribe_one(tx, line, topic, off)] += 1
    if not yes:
        raise _OnlyTried(tally)
    return tally


def _subscribe_one(tx: Tx, line: Line, topic: str, off: frozenset[str]) -> str:
    person = tx.vault.person(line.address.key)
    if person in off:
        return "stopped all newsletters: left alone"
    newsletters.add_reader(tx, line.address, line.language)
    if newsletters.enrol(tx, person, topic, line.origin, line.since):
        return "new"
    ended = any(each.topic == topic and each.ended_at for each in newsletters.subscriptions(tx, person))
    return "ended this topic: left alone" if ended else "had it before"


def _finish_import(listing: Listing, *, yes: bool) -> None:
    for reason, numbers in listing.wrong.items():
        named = ", ".join(map(str, numbers[:_SHOWN])) + (" ..." if len(numbers) > _SHOWN else "")
        print(f"{len(numbers):>7} left out, {reason}: line {named}")
    if not yes:
        print("nothing was changed: add --yes to do it")


def _lots(lines: Sequence[Line]) -> Iterator[Sequence[Line]]:
    return (lines[start : start + _LOT] for start in range(0, len(lines), _LOT))


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The rows of a CSV file by column; a file without a head is a list of addresses."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigurationError(str(path), "there is no such file", "Give a CSV file.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(str(path), "the file is not UTF-8", "Save it as UTF-8.") from None
    table = csv.reader(text.splitlines(), delimiter=delimiter(text.partition("\n")[0]))
    head: list[str] | None = None
    for row in table:
        if head is None:
            head = [cell.strip().lower() for cell in row]
            if "email" in head:
                continue
            head = ["email"]
        if any(cell.strip() for cell in row):
            yield table.line_num, {name: cell for name, cell in zip(head, row, strict=False) if name in COLUMNS}
