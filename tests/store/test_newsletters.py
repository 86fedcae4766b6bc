from __future__ import annotations

from datetime import timedelta

from tests.newsletter.world import START, World, suppress
from worker.rules.mail import Address
from worker.rules.model import Language
from worker.store import Tx, newsletters

pytest_plugins = ["tests.newsletter.fixtures"]
ANN = "ann@readers.example.com"


def test_a_stop_is_written_once_and_keeps_its_first_moment(world: World) -> None:
    world.reader(ANN)

    assert world.ask(suppress, world.person(ANN))
    world.clock.on(days=1)
    assert not world.ask(suppress, world.person(ANN))

    assert world.ask(newsletters.suppressed_at, world.person(ANN)) == START
    (subscription,) = world.ask(newsletters.subscriptions, world.person(ANN))
    assert subscription.ended_at == START


def test_a_stranger_can_be_suppressed_before_any_list_has_him(world: World) -> None:
    assert world.ask(suppress, world.person("stranger@readers.example.com"))


def test_undoing_what_was_not_stopped_does_nothing(world: World) -> None:
    world.reader(ANN)

    assert not world.ask(newsletters.resubscribe, world.person(ANN))


def test_the_address_of_a_reader_is_found_whatever_its_case(world: World) -> None:
    def add(tx: Tx) -> tuple[str, str]:
        first = newsletters.add_reader(tx, Address("Ann@readers.example.com", "Ann"), Language.NL)
        return first, newsletters.add_reader(tx, Address("ANN@readers.example.com", "Other"), Language.FR)

    first, second = world.ask(add)

    assert first == second
    found = world.ask(newsletters.load_reader, first)
    assert (found.address.mailbox, found.address.name, found.language) == ("Ann@readers.example.com", "Ann", Language.NL)


def test_erasing_a_reader_destroys_the_key_and_keeps_the_stop(world: World) -> None:
    token = world.reader(ANN, name="Ann Peeters")

    assert world.ask(newsletters.erase_person, world.person(ANN)) == 2
    assert world.ask(newsletters.erase_person, world.person(ANN)) == 0

    assert world.ask(newsletters.load_reader, world.person(ANN)) is None
    assert world.ask(newsletters.person_of_token, token) is None
    assert world.ask(newsletters.suppressed_at, world.person(ANN)) == START
    keys = world.ask(lambda tx: tx.connection.exec_driver_sql("SELECT count(*) FROM vault_key").scalar_one())
    assert keys == 0


def test_what_is_held_is_told_with_origin_and_date(world: World) -> None:
    world.reader(ANN, name="Ann Peeters")
    world.clock.on(days=1)
    world.ask(suppress, world.person(ANN))

    held = world.ask(newsletters.held_about, world.person(ANN))

    assert held == {
        "stopped": (START + timedelta(days=1)).isoformat(), "address": ANN, "name": "Ann Peeters", "language": "nl", "received": 0,
        "subscriptions": [
            {"topic": "Aanbiedingen", "origin": "shop counter", "since": START.isoformat(), "ended": (START + timedelta(days=1)).isoformat()}
        ],
    }  # fmt: skip
    assert world.ask(newsletters.held_about, world.person("stranger@readers.example.com")) == {}


def test_no_address_and_no_name_stands_in_the_database(world: World) -> None:
    world.reader("canary-ann@readers.example.com", name="Canary Peeters")

    def everything(tx: Tx) -> bytes:
        return b"".join(repr(tuple(row)).encode() for row in tx.connection.exec_driver_sql("SELECT * FROM reader"))

    assert b"canary" not in world.ask(everything).lower()
