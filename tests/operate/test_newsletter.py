from __future__ import annotations

import csv
import stat
from pathlib import Path

import pytest

from tests.newsletter.world import World, suppress
from worker.errors import ConfigurationError
from worker.newsletter.settings import NewsletterSettings
from worker.operate import newsletter
from worker.rules.audit import Event
from worker.rules.model import DeliveryState, Language
from worker.store import audit, campaigns, newsletters
from worker.store.campaigns import CampaignState

pytest_plugins = ["tests.newsletter.fixtures"]
ANN = "ann@readers.example.com"
NEWS = "+++ nl\nsubject: Dag allemaal\n\n# Beste lezer\n\nLees [meer](https://shop.example.com).\n\n+++ fr\nsubject: Bonjour\n\nBonjour.\n"


def a_file(folder: Path, text: str, name: str = "news.md") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def topics_of(world: World, mailbox: str) -> set[str]:
    return {each.topic for each in world.ask(newsletters.subscriptions, world.person(mailbox)) if each.ended_at is None}


def test_a_newsletter_is_planned_previewed_listed_and_called_off(
    small_world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_world.reader(ANN)

    campaign_id = newsletter.add(small_world.desk, a_file(tmp_path, NEWS), topic="offers", at="2026-12-01 09:00")
    said = capsys.readouterr().out
    assert "2026-12-01 09:00" in said
    assert "1 readers" in said
    assert "not written in en: those readers get it in nl" in said

    page = tmp_path / "page.html"
    newsletter.preview(small_world.desk, NewsletterSettings(), campaign_id[:14], language=Language.FR, html=page)
    said = capsys.readouterr().out
    assert "Subject: Bonjour" in said
    assert "https://desk.example.com/u/x" in said
    assert '<html lang="fr">' in page.read_text()

    newsletter.list_all(small_world.desk)
    assert f"{campaign_id}  2026-12-01 09:00  planned    offers  fr/nl  nobody yet" in capsys.readouterr().out

    newsletter.cancel(small_world.desk, campaign_id)
    assert small_world.campaign(campaign_id).state is CampaignState.CANCELLED
    with pytest.raises(ConfigurationError, match="cancelled"):
        newsletter.cancel(small_world.desk, campaign_id)
    with pytest.raises(ConfigurationError, match="cancelled"):
        newsletter.resume(small_world.desk, campaign_id)
    assert [each.event for each in small_world.ask(audit.entries, audit.DESK)] == [Event.CAMPAIGN_PLANNED, Event.CAMPAIGN_ENDED]


def test_a_folder_of_languages_is_a_newsletter_too(small_world: World, tmp_path: Path) -> None:
    folder = tmp_path / "news"
    folder.mkdir()
    a_file(folder, "subject: Dag\n\nTekst.\n", "nl.md")
    a_file(folder, "subject: Hallo\n\nText.\n", "de.md")

    campaign_id = newsletter.add(small_world.desk, folder, topic="offers", at="2026-12-01 09:00")

    assert set(small_world.campaign(campaign_id).texts) == {Language.NL, Language.DE}


@pytest.mark.parametrize(
    ("text", "topic", "problem"),
    [
        (NEWS, "other", "there is no topic 'other'"),
        ("+++ nl\nsubject: x\n\n[a](/b)\n", "offers", "leads nowhere"),
        ("+++ nl\nsubject: x\n\n![a](https://a.example.com/b.png)\n", "offers", "picture"),
        ("just text", "offers", "does not begin with a language"),
    ],
)
def test_a_newsletter_that_must_not_leave_is_not_planned(small_world: World, tmp_path: Path, text: str, topic: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        newsletter.add(small_world.desk, a_file(tmp_path, text), topic=topic, at="2026-12-01 09:00")

    newsletter.list_all(small_world.desk)


def test_files_that_cannot_be_read_are_named(small_world: World, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        newsletter.add(small_world.desk, tmp_path / "none.md", topic="offers", at="2026-12-01 09:00")
    latin = tmp_path / "latin.md"
    latin.write_bytes("+++ fr\nsubject: été\n\nx\n".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        newsletter.add(small_world.desk, latin, topic="offers", at="2026-12-01 09:00")


def test_a_topic_gets_its_titles(small_world: World, capsys: pytest.CaptureFixture[str]) -> None:
    newsletter.topic_add(small_world.desk, "tips", {Language.FR: "Conseils"})
    newsletter.topic_add(small_world.desk, "tips", {Language.FR: "Astuces"})
    newsletter.topic_list(small_world.desk)

    said = capsys.readouterr().out
    assert "added topic tips" in said
    assert "changed topic tips" in said
    assert "0 readers  Astuces" in said
    with pytest.raises(ConfigurationError, match="title"):
        newsletter.topic_add(small_world.desk, "empty", {})


CSV = """\
E-mail;Email;Name;Language;Origin;Date
;ann@readers.example.com;Ann Peeters;nl;fair 2024;2024-05-01
;bob@readers.example.com;Bob;;;
;BOB@Readers.Example.com;;;;
;off@readers.example.com;Off;fr;;
;not an address;;;;
;pl@readers.example.com;;pl;;
;old@readers.example.com;;nl;;01/05/2024
"""


def test_a_list_is_only_tried_until_one_says_yes(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world.ask(suppress, world.person("off@readers.example.com"))
    path = a_file(tmp_path, "\ufeff" + CSV, "list.csv")

    newsletter.subscribe(world.desk, path, topic="offers", origin="old system")
    tried = capsys.readouterr().out
    assert "nothing was changed" in tried
    assert world.ask(newsletters.load_reader, world.person(ANN)) is None

    newsletter.subscribe(world.desk, path, topic="offers", origin="old system", yes=True)
    done = capsys.readouterr().out
    assert tried.startswith(done)
    for line in (
        "2 new",
        "1 stopped all newsletters: left alone",
        "twice: line 4",
        "mailed: line 6",
        "write: line 7",
        "2026-12-01: line 8",
    ):
        assert line in done
    (ann,) = world.ask(newsletters.subscriptions, world.person(ANN))
    assert (ann.origin, ann.since.isoformat()) == ("fair 2024", "2024-04-30T22:00:00+00:00")
    (bob,) = world.ask(newsletters.subscriptions, world.person("bob@readers.example.com"))
    assert (bob.origin, bob.since) == ("old system", world.clock.now())


def test_no_import_brings_back_who_stopped_or_was_erased(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for mailbox in (ANN, "bob@readers.example.com", "eva@readers.example.com"):
        world.reader(mailbox)
    world.ask(suppress, world.person(ANN))
    world.ask(newsletters.end_subscription, world.person("bob@readers.example.com"), "offers")
    world.ask(newsletters.erase_person, world.person("eva@readers.example.com"))
    path = a_file(tmp_path, "email\nAnn@Readers.example.com\nbob@readers.example.com\neva@readers.example.com\n", "list.csv")

    newsletter.subscribe(world.desk, path, topic="offers", origin="the same old list", yes=True)

    assert "2 stopped all newsletters" in (said := capsys.readouterr().out)
    assert "1 ended this topic: left alone" in said
    for mailbox in (ANN, "bob@readers.example.com", "eva@readers.example.com"):
        assert topics_of(world, mailbox) == set()


def test_a_list_without_origin_is_refused(small_world: World, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="where the addresses come from"):
        newsletter.subscribe(small_world.desk, a_file(tmp_path, "email\nann@readers.example.com\n", "list.csv"), topic="offers")


def test_a_long_list_is_taken_in_lots(small_world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "email\n" + "".join(f"r{number}@readers.example.com\n" for number in range(1201))

    newsletter.subscribe(small_world.desk, a_file(tmp_path, text, "list.csv"), topic="offers", origin="x", yes=True)

    assert "1201 new" in capsys.readouterr().out


def test_a_list_of_those_who_said_no_is_taken(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world.reader(ANN)
    path = a_file(tmp_path, f"{ANN}\nnever@readers.example.com\n", "no.txt")

    newsletter.import_suppression(world.desk, path)
    assert topics_of(world, ANN) == {"offers"}
    newsletter.import_suppression(world.desk, path, yes=True)
    newsletter.import_suppression(world.desk, path, yes=True)

    assert topics_of(world, ANN) == set()
    assert capsys.readouterr().out.count("2 get no newsletter any more") == 2
    (entry,) = [each for each in world.ask(audit.entries, audit.DESK) if each.event is Event.SUPPRESSED]
    assert entry.facts == {"origin": "import", "count": 2}


def a_sent_newsletter(world: World) -> str:
    """Ann got it, Bob's server said no, Eva was erased since, and Off had stopped in time."""
    for mailbox in (ANN, "bob@readers.example.com", "eva@readers.example.com", "off@readers.example.com"):
        world.reader(mailbox)
    campaign_id, results = (
        world.plan(),
        {ANN: (DeliveryState.SENT, "250 2.0.0 ok"), "bob@readers.example.com": (DeliveryState.FAILED, "550 5.1.1 no such user")},
    )
    for claimed in world.claim(campaign_id):
        address = claimed.reader.address.mailbox if claimed.reader else ""
        world.ask(campaigns.settle, claimed, *results.get(address, (DeliveryState.SKIPPED, "suppressed")))
    world.ask(newsletters.erase_person, world.person("eva@readers.example.com"))
    return campaign_id


def test_the_results_of_a_newsletter_are_told_in_numbers(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    campaign_id = a_sent_newsletter(world)
    newsletter.results(world.desk, campaign_id[:14])
    said = capsys.readouterr().out
    assert "1 sent\n" in said
    assert "1 failed     550 5.1.1 no such user" in said
    assert "2 skipped    suppressed" in said
    assert "readers.example.com" not in said
    assert not [each for each in world.ask(audit.entries, audit.DESK) if each.event is Event.DATA_READ]


def test_the_results_per_reader_are_a_file_of_the_owner_and_the_look_is_logged(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newsletter, "_RESULTS", 3)  # more than one lot
    campaign_id, path = a_sent_newsletter(world), tmp_path / "results.csv"
    newsletter.results(world.desk, campaign_id, into=path)
    assert "4 readers are in" in capsys.readouterr().out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rows = {row["email"]: row for row in csv.DictReader(path.read_text("utf-8").splitlines())}
    assert rows[ANN] == {"email": ANN, "state": "sent", "attempts": "1", "sent_at": "2026-12-01T08:00:00+01:00", "reply": "250 2.0.0 ok"}
    assert rows["bob@readers.example.com"]["state"] == "failed"
    assert rows[""]["reply"] == "suppressed"  # who was erased since: that there was a reader, not who
    looks = [each for each in world.ask(audit.entries, audit.DESK) if each.event is Event.DATA_READ]
    assert [(each.actor, each.facts["campaign"]) for each in looks] == [("operator", campaign_id)] * 2
    assert sum(int(each.facts["count"] or 0) for each in looks) == 4
    with pytest.raises(ConfigurationError, match="exists already"):
        newsletter.results(world.desk, campaign_id, into=path)
