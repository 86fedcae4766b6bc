from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from tests.desks import House
from tests.web.conftest import Site, served
from worker.casework import rule, take
from worker.rules.model import Language
from worker.store import mails
from worker.web.app import public_app
from worker.web.settings import WebSettings
from worker.web.site import HEADERS

FORM = "application/x-www-form-urlencoded"
UNKNOWN = "A" * 43
PATHS = ("/", "/privacy", "/n", "/desk/login", f"/c/{UNKNOWN}", f"/r/{UNKNOWN}", f"/d/{UNKNOWN}", f"/u/{UNKNOWN}", f"/p/{UNKNOWN}", f"/o/{UNKNOWN}", "/healthz", "/readyz", "/nothing", "/desk/", "/metrics")  # fmt: skip


async def test_every_answer_carries_the_strict_headers_and_tells_nothing_of_the_server(site: Site) -> None:
    for path in PATHS:
        answer = await site.get(path)
        assert {name: answer.headers.get(name) for name in HEADERS} == dict(HEADERS), path
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        assert "server" not in answer.headers
        assert "unsafe" not in answer.headers["content-security-policy"]


async def test_refusals_carry_the_headers_too(site: Site) -> None:
    answers = [
        await site.web.delete("/"),
        await site.post("/", {"words": "x" * 70_000}),
        await site.post("/", {"words": "x"}, origin="https://evil.example"),
        await site.post("/nothing", {}),
    ]
    assert [each.status_code for each in answers] == [405, 413, 403, 404]
    assert all(each.headers.get(name) == value for each in answers for name, value in HEADERS.items())
    assert answers[0].headers["allow"]


async def test_no_page_has_scripts_or_cookies_or_anything_from_elsewhere(site: Site) -> None:
    for path in PATHS:
        answer = await site.get(path)
        assert "set-cookie" not in answer.headers, path
        assert not re.search(r"<script|\bon\w+=|style=|<iframe|<object|javascript:", answer.text), path
        assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", answer.text), path


async def test_the_style_is_served_under_the_hash_of_its_text(site: Site) -> None:
    path = re.search(r'href="(/static/desk-[0-9a-f]+\.css)"', (await site.get("/")).text)
    assert path
    style = await site.get(path.group(1))
    assert style.headers["content-type"].startswith("text/css")
    assert "immutable" in style.headers["cache-control"]
    assert "url(" not in style.text
    assert "@import" not in style.text


async def test_a_person_without_an_account_sends_the_form_and_gets_the_confirmation_letter(site: Site) -> None:
    answer = await site.post("/", {"right": ["access", "deletion"], "address": "ann@Example.com "})
    assert answer.status_code == 200
    assert "ann@example.com" in answer.text
    letter = await site.house.last("confirm", "ann@example.com")
    page = await site.get(f"/c/{letter.link('c')}")
    assert page.status_code == 200
    assert 'value="access" checked' in page.text
    assert 'value="deletion" checked' in page.text


async def test_the_page_after_the_form_is_the_same_for_a_known_and_an_unknown_address(site: Site) -> None:
    known = await site.post("/", {"right": "access", "address": "ann@example.com"})
    unknown = await site.post("/", {"right": "access", "address": "eve@example.com"})
    assert known.text.replace("ann@", "eve@") == unknown.text
    assert known.status_code == unknown.status_code


async def test_the_page_after_the_form_is_the_same_once_an_address_has_had_its_letters_of_the_day(site: Site) -> None:
    answers = [await site.post("/", {"right": "access", "address": "ann@example.com"}) for _ in range(5)]
    assert len({each.text for each in answers}) == 1
    at_once = site.house.desk.policy.letters_per_day
    assert len(await site.house.letters("ann@example.com")) <= at_once + 1  # one more waits until tomorrow


async def test_one_network_cannot_send_the_form_without_end(site: Site) -> None:
    answers = [await site.post("/", {"right": "access", "address": f"p{n}@example.com"}) for n in range(7)]
    assert [each.status_code for each in answers] == [200] * 5 + [429] * 2
    assert len(await site.house.letters()) == 5
    site.house.clock.pass_(hours=1)
    assert (await site.post("/", {"right": "access", "address": "later@example.com"})).status_code == 200


async def test_words_alone_are_read_like_a_mail(site: Site) -> None:
    answer = await site.post("/", {"words": "Please delete all my data.", "address": "ann@example.com"})
    assert answer.status_code == 200


async def test_an_address_alone_is_enough_and_a_person_asks_what_is_wanted(site: Site) -> None:
    chosen = await site.post("/", {"right": "access", "address": "eve@example.com"})
    for form in ({"address": "ann@example.com"}, {"address": "ann@example.com", "right": "invented", "words": " \n "}):
        alone = await site.post("/", form)
        assert (alone.status_code, alone.text) == (200, chosen.text.replace("eve@", "ann@"))
    await take.take_all(site.house.desk, await site.house.desk.store.run(mails.unread))
    assert len(await rule.queue(site.house.desk, "staff:1")) == 2
    assert [each.name for each in await site.house.letters("ann@example.com")] == ["held_note"]


async def test_the_note_after_an_empty_form_is_in_the_language_of_the_form(site: Site) -> None:
    await site.post("/?lang=de", {"address": "ann@example.com"})
    await take.take_all(site.house.desk, await site.house.desk.store.run(mails.unread))
    assert (await site.house.last("held_note")).message["Content-Language"] == "de"


MISTAKES = (
    ({"right": "access", "address": "ann"}, "not a complete e-mail address"),
    ({"right": "access"}, "not a complete e-mail address"),
    ({"words": "x" * 8001, "address": "ann@example.com"}, "a little long"),
    ({"right": "access", "address": "ann@example.com, eve@example.com"}, "not a complete e-mail address"),
)


async def test_a_form_with_a_mistake_says_what_is_missing_and_keeps_what_was_typed(site: Site) -> None:
    for form, says in MISTAKES:
        answer = await site.post("/", form)
        assert answer.status_code == 422
        assert says in answer.text
        assert form.get("address", "") in answer.text
    assert not await site.house.letters()


async def test_control_characters_and_line_ends_do_not_get_past_the_form(site: Site) -> None:
    answer = await site.post("/", {"right": "access", "address": "ann@example.com\r\nBcc: eve@example.com"})
    assert answer.status_code == 422
    answer = await site.post("/", {"right": "access", "words": "\x00\x1b[31mhello\u2028", "address": "\x00ann@example.com"})
    assert answer.status_code == 200
    assert [each.to for each in await site.house.letters()] == ["ann@example.com"]


async def test_bytes_that_are_no_text_and_too_many_fields_are_refused_quietly(site: Site) -> None:
    garbage = await site.web.post("/", content=b"words=%ff%fe&address=%c3%28", headers={"content-type": FORM})
    many = await site.web.post("/", content=b"&".join(b"a=1" for _ in range(300)), headers={"content-type": FORM})
    odd = await site.web.post("/", content=b"{}", headers={"content-type": "application/json"})
    assert [garbage.status_code, many.status_code, odd.status_code] == [422, 400, 415]


async def test_a_body_without_a_declared_length_is_bounded_too(site: Site) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"words=" + b"x" * 4096

    answer = await site.web.post("/", content=endless(), headers={"content-type": FORM})
    assert answer.status_code == 413


async def test_a_form_of_another_website_is_refused(site: Site) -> None:
    form = {"right": "access", "address": "ann@example.com"}
    assert (await site.post("/", form, sec_fetch_site="cross-site")).status_code == 403
    assert (await site.post("/", form, sec_fetch_site="same-site")).status_code == 403
    assert (await site.post("/", form, origin="https://evil.example")).status_code == 403
    assert not await site.house.letters()
    assert (await site.post("/", form, sec_fetch_site="same-origin", origin="null")).status_code == 200


async def test_scripts_in_every_field_come_back_as_text(site: Site) -> None:
    evil = "\"><script>alert(1)</script>'{{7*7}}{t}"
    answer = await site.post("/", {"right": evil, "words": evil, "address": evil})
    assert answer.status_code == 422
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "{{7*7}}{t}" in answer.text
    assert "<script>" not in (await site.get("/<script>alert(1)</script>?lang=<script>")).text


async def test_an_unknown_link_says_what_to_do_and_names_nobody(site: Site) -> None:
    await site.house.write("What data do you hold about me?")
    for path in (*(f"/{kind}/{UNKNOWN}" for kind in "crdupo"), "/c/" + "x" * 5000):
        answer = await site.get(path)
        assert answer.status_code == 404
        assert "We do not know this link" in answer.text
        assert "privacy@company.example" in answer.text
        assert "Ann" not in answer.text


async def test_the_buttons_of_an_unknown_link_do_nothing(site: Site) -> None:
    links = [f"/{kind}/{UNKNOWN}" for kind in "cdupo"]
    buttons = [f"/r/{UNKNOWN}/{verb}" for verb in ("resend", "cancel", "withdraw", "not-me")]
    erasing = [f"/p/{UNKNOWN}/undo", f"/p/{UNKNOWN}/erase"]
    for path in links + buttons + erasing:
        assert (await site.post(path, {"right": "access", "code": "222222"})).status_code == 404, path
    assert not await site.house.letters()


async def test_a_page_speaks_the_language_asked_for_then_the_browsers(site: Site) -> None:
    french = await site.get("/", accept_language="fr-BE,nl;q=0.8,en;q=0.5")
    assert french.headers["content-language"] == "fr"
    assert '<html lang="fr">' in french.text
    chosen = await site.get("/?lang=de", accept_language="fr")
    assert chosen.headers["content-language"] == "de"
    for odd in ("xx", "tlh,*;q=0.1", "en;q=x", ",,;;q", "nl;q=0,de;q=0.2"):
        assert (await site.get("/", accept_language=odd)).status_code == 200
    assert (await site.get("/", accept_language="nl;q=0,de;q=0.2")).headers["content-language"] == "de"


async def test_a_case_page_speaks_the_language_of_its_case_unless_asked_otherwise(site: Site) -> None:
    await site.house.write("Bonjour, quelles données conservez-vous à mon sujet ? Je voudrais une copie. Merci, Ann Peeters")
    token = (await site.house.last("confirm")).link("c")
    assert (await site.get(f"/c/{token}", accept_language="en")).headers["content-language"] == "fr"
    assert (await site.get(f"/c/{token}?lang=nl", accept_language="en")).headers["content-language"] == "nl"


async def test_the_start_page_offers_each_right_in_every_language(site: Site) -> None:
    pages = [await site.get(f"/?lang={language}") for language in Language]
    assert all(page.text.count('type="checkbox"') == 4 for page in pages)
    assert len({re.sub(r"<[^>]+>", "", page.text) for page in pages}) == 4


async def test_the_policy_is_shown_with_its_version_and_without_raw_html(site: Site) -> None:
    page = await site.get("/privacy?lang=en")
    assert "2026-01" in page.text
    assert "<h1>How we treat your data</h1>" in page.text
    assert "<b>" not in page.text
    assert "Hoe we omgaan" in (await site.get("/privacy?lang=nl")).text
    assert "How we treat" in (await site.get("/privacy?lang=de")).text


async def test_health_and_readiness_say_yes_or_no_and_nothing_else(site: Site) -> None:
    assert (await site.get("/healthz")).text == "ok\n"
    assert (await site.get("/readyz")).status_code == 200
    site.ready[0] = False
    answer = await site.get("/readyz")
    assert answer.status_code == 503
    assert answer.text == "not ready\n"
    assert (await site.get("/healthz")).status_code == 200


async def test_a_defect_shows_a_page_without_details(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.house.desk.store.close()
    answer: httpx.Response = await site.get(f"/c/{UNKNOWN}")
    assert answer.status_code in {500, 503}
    assert "went wrong on our side" in answer.text
    assert "Traceback" not in answer.text
    assert {name: answer.headers.get(name) for name in HEADERS} == dict(HEADERS)


async def test_paths_are_exact_and_methods_are_few(site: Site) -> None:
    assert (await site.get("/privacy/")).status_code == 404
    assert (await site.get("/c/")).status_code == 404
    assert (await site.get("/..%2f..%2fetc/passwd")).status_code == 404
    assert (await site.web.put("/")).status_code == 405
    assert (await site.web.request("TRACE", "/")).status_code == 405
    head = await site.web.head("/")
    assert head.status_code == 200
    assert not head.content


async def test_a_page_does_not_wait_for_the_network_to_acknowledge_its_headers(site: Site) -> None:
    times = []
    for _ in range(40):
        begun = time.perf_counter()
        await site.get("/")
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.038  # seconds; with Nagle's algorithm no page takes less than 0.040


@pytest.mark.parametrize("language", list(Language))
async def test_the_person_responsible_stands_on_the_pages_if_there_is_one(house: House, language: Language) -> None:
    for responsible in ("Lea Maes, dpo@example.com", ""):
        desk = replace(house.desk, card=replace(house.desk.card, responsible=responsible))
        async with served(public_app(desk, WebSettings(), lambda: True)) as web:
            page = (await web.get(f"/?lang={language}")).text
        assert ("Lea Maes, dpo@example.com" in page) is bool(responsible)
