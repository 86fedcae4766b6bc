from __future__ import annotations

import html
import json
import re

from tests.desks import Received
from tests.web.conftest import Site

ACCESS = "Hello, what data do you hold about me? Please send me a copy. Ann Peeters"
DELETION = "Please delete all my data. Ann Peeters, ann@example.com"
CORRECTION = "Hello, my new telephone number is +32 9 234 56 78. Could you change it? Ann Peeters"


async def asked(site: Site, text: str) -> Received:
    await site.house.write(text)
    return await site.house.last("confirm", "ann@example.com")


def fields(page: str) -> dict[str, str]:
    """The hidden fields of the first form that has some."""
    return {name: html.unescape(value) for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)}


async def test_opening_a_link_however_often_changes_nothing(site: Site) -> None:
    letter = await asked(site, DELETION)
    token = letter.link("c")
    before = await site.house.requests()
    for path in (f"/c/{token}", f"/r/{token}", f"/r/{letter.link('r')}"):
        for _ in range(8):
            await site.get(path)
            await site.web.head(path)
        for verb in ("resend", "cancel", "withdraw", "not-me"):
            assert (await site.get(f"{path}/{verb}")).status_code in {404, 405}
    assert await site.house.requests() == before
    assert len(await site.house.letters()) == 1


async def test_the_confirmation_page_tells_what_was_asked_and_by_when_it_is_answered(site: Site) -> None:
    page = (await site.get(f"/c/{(await asked(site, CORRECTION)).link('c')}")).text
    assert "PD-2026-" in page
    assert "+32 9 234 56 78" in page
    assert "+32 9 123 45 67" not in page
    assert "Tuesday 7 April 2026" in page
    assert 'autocomplete="one-time-code"' in page
    assert "No, this was not me" in page


async def test_access_needs_the_button_and_the_package_needs_the_code(site: Site) -> None:
    token = (await asked(site, ACCESS)).link("c")
    done = await site.post(f"/c/{token}", {"right": "access"})
    assert "that is confirmed" in done.text
    await site.house.carry_out()
    ready = await site.house.last("package_ready")
    path = f"/d/{ready.link('d')}"
    assert "Kerkstraat" not in (await site.get(path)).text
    wrong = await site.post(path, {"code": "222222"})
    assert wrong.status_code == 422
    assert "4 tries left" in wrong.text
    page = await site.post(path, {"code": f" {ready.code[:3].lower()}-{ready.code[-3:].lower()} "})
    assert page.status_code == 200
    assert "Kerkstraat" in page.text
    file = await site.post(path, {"code": ready.code, "as": "json"})
    assert file.headers["content-disposition"].startswith('attachment; filename="PD-2026-')
    assert "Kerkstraat" in json.dumps(json.loads(file.content), ensure_ascii=False)
    assert file.headers["cache-control"] == "no-store"


async def test_a_used_link_shows_where_the_request_is(site: Site) -> None:
    token = (await asked(site, ACCESS)).link("c")
    await site.post(f"/c/{token}", {"right": "access"})
    again = await site.post(f"/c/{token}", {"right": "access"})
    assert again.status_code == 200
    assert "Where your request stands" in again.text
    assert "Where your request stands" in (await site.get(f"/c/{token}")).text


async def test_a_correction_is_shown_once_more_before_it_is_made(site: Site) -> None:
    letter = await asked(site, CORRECTION)
    path = f"/c/{letter.link('c')}"
    review = await site.post(path, {"right": "correction", "code": letter.code.lower()})
    assert "+32 9 123 45 67" in review.text
    assert "+32 9 234 56 78" in review.text
    done = await site.post(path, fields(review.text))
    assert "that is confirmed" in done.text
    await site.house.carry_out()
    record = await site.house.record()
    assert record is not None
    assert record["telephone"] == "+32 9 234 56 78"


async def test_a_correction_can_be_left_as_it_is_at_the_last_moment(site: Site) -> None:
    letter = await asked(site, CORRECTION)
    review = await site.post(f"/c/{letter.link('c')}", {"right": "correction", "code": letter.code})
    leave = re.search(r'action="(/r/[^"]+/withdraw)', review.text)
    assert leave
    assert "withdrawn" in (await site.post(leave.group(1))).text
    assert await site.house.requests() == {"correction": "withdrawn"}


async def test_five_wrong_codes_close_the_link_and_a_fresh_letter_opens_a_new_one(site: Site) -> None:
    letter = await asked(site, DELETION)
    path = f"/c/{letter.link('c')}"
    answers = [await site.post(path, {"right": "deletion", "code": f"22222{n}"}) for n in range(2, 7)]
    assert "one try left" in answers[3].text
    closed = await site.post(path, {"right": "deletion", "code": letter.code})
    assert "Too many wrong codes" in closed.text
    assert await site.house.requests() == {"deletion": "awaiting_confirmation"}
    again = await site.post(f"/r/{letter.link('c')}/resend")
    assert "A fresh mail is on its way" in again.text
    fresh = (await site.house.letters())[-1]
    done = await site.post(f"/c/{fresh.link('c')}", {"right": "deletion", "code": fresh.code})
    assert "that is confirmed" in done.text
    assert "newer mail" in (await site.get(path)).text or "Too many" in (await site.get(path)).text


async def test_the_button_without_a_ticked_request_asks_to_tick_one(site: Site) -> None:
    token = (await asked(site, ACCESS + " And please delete all my data.")).link("c")
    answer = await site.post(f"/c/{token}", {})
    assert answer.status_code == 422
    assert "leave at least one request ticked" in answer.text


async def test_a_deletion_can_be_stopped_on_its_page(site: Site) -> None:
    letter = await asked(site, DELETION)
    await site.post(f"/c/{letter.link('c')}", {"right": "deletion", "code": letter.code})
    planned = await site.house.last("erasure_planned")
    path = f"/r/{planned.link('r')}"
    assert "Stop the erasure" in (await site.get(path)).text
    assert "The erasure is stopped" in (await site.post(f"{path}/cancel")).text
    site.house.clock.pass_(days=10)
    await site.house.carry_out()
    assert await site.house.record() is not None


async def test_this_was_not_me_stops_the_request(site: Site) -> None:
    letter = await asked(site, DELETION)
    answer = await site.post(f"/r/{letter.link('r')}/not-me")
    assert "Thank you for telling us" in answer.text
    assert await site.house.requests() == {"deletion": "withdrawn"}
    assert "Withdrawn" in (await site.get(f"/c/{letter.link('c')}")).text or "newer" in (await site.get(f"/c/{letter.link('c')}")).text


async def test_an_expired_link_offers_a_fresh_one_by_mail(site: Site) -> None:
    letter = await asked(site, DELETION)
    site.house.clock.pass_(days=40)
    page = await site.get(f"/c/{letter.link('c')}")
    assert "This link is too old" in page.text
    assert f'action="/r/{letter.link("c")}/resend' in page.text
    assert "Ann" not in page.text


async def a_package_that_is_no_longer_there(site: Site) -> str:
    """The path of an expired download link of Ann's."""
    await site.house.write(ACCESS)
    letter = await site.house.last("confirm")
    await site.post(f"/c/{letter.link('c')}", {"right": "access"})
    await site.house.carry_out()
    path = f"/d/{(await site.house.last('package_ready')).link('d')}"
    site.house.clock.pass_(days=15)
    return path


async def test_an_expired_package_can_be_asked_for_again_by_one_button(site: Site) -> None:
    path = await a_package_that_is_no_longer_there(site)
    page = await site.get(path)
    assert "This link is too old" in page.text
    assert f'<form method="post" action="{path}/again' in page.text
    assert (await site.post(f"{path}/again")).status_code == 200
    fresh = await site.house.last("confirm", "ann@example.com")
    await site.post(f"/c/{fresh.link('c')}", {"right": "access"})
    await site.house.carry_out()
    ready = await site.house.last("package_ready")
    assert "Ann Peeters" in (await site.post(f"/d/{ready.link('d')}", {"code": ready.code})).text


async def test_a_package_that_was_locked_can_be_asked_for_again_once_it_has_expired(site: Site) -> None:
    await site.house.write(ACCESS)
    letter = await site.house.last("confirm")
    await site.post(f"/c/{letter.link('c')}", {"right": "access"})
    await site.house.carry_out()
    path = f"/d/{(await site.house.last('package_ready')).link('d')}"
    for _ in range(5):
        await site.post(path, {"code": "222222"})
    assert "/resend" in (await site.get(path)).text
    site.house.clock.pass_(days=15)
    assert f"{path}/again" in (await site.get(path)).text


async def test_asking_for_a_package_again_says_the_same_whatever_comes_of_it_and_sends_no_flood(site: Site) -> None:
    path = await a_package_that_is_no_longer_there(site)
    before = len(await site.house.letters())
    texts = {(await site.post(f"{path}/again")).text for _ in range(6)}
    assert len(texts) == 1
    assert len(await site.house.letters()) - before <= site.house.desk.policy.letters_per_day + 1  # one more waits until tomorrow
    assert (await site.post(f"{path}/again", sec_fetch_site="cross-site")).status_code == 403
    assert (await site.post(f"/d/{'A' * 43}/again")).status_code == 404


async def test_a_package_that_is_still_there_is_not_asked_for_again(site: Site) -> None:
    path = await a_package_that_is_no_longer_there(site)
    site.house.clock.pass_(days=-14)
    before = len(await site.house.letters())
    await site.post(f"{path}/again")
    assert len(await site.house.letters()) == before


async def test_letters_over_the_limit_of_the_day_wait_and_the_page_says_so(site: Site) -> None:
    letter = await asked(site, DELETION)
    path = f"/r/{letter.link('r')}/resend"
    texts = [(await site.post(path)).text for _ in range(4)]
    assert "Enough mails for today" in texts[-1]
    assert len(await site.house.letters()) <= site.house.desk.policy.letters_per_day


async def test_no_button_works_from_another_website(site: Site) -> None:
    letter = await asked(site, DELETION)
    for path in (f"/c/{letter.link('c')}", *(f"/r/{letter.link('r')}/{verb}" for verb in ("resend", "cancel", "withdraw", "not-me"))):
        assert (await site.post(path, {"right": "deletion", "code": letter.code}, sec_fetch_site="cross-site")).status_code == 403
    assert await site.house.requests() == {"deletion": "awaiting_confirmation"}


async def test_values_with_markup_stand_as_text_on_the_confirmation_and_the_package(site: Site) -> None:
    await site.house.customer(
        id=2, customer_number="C-2", email="evil@example.com", name="<script>alert(1)</script>", street='"><img src=x>'
    )
    await site.house.write(ACCESS, sender="evil@example.com")
    letter = await site.house.last("confirm", "evil@example.com")
    await site.post(f"/c/{letter.link('c')}", {"right": "access"})
    await site.house.carry_out()
    ready = await site.house.last("package_ready", "evil@example.com")
    page = (await site.post(f"/d/{ready.link('d')}", {"code": ready.code})).text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
    assert "<img" not in page


async def test_the_readable_package_tells_what_the_desk_itself_holds_too(site: Site) -> None:
    reader = "rita@example.com"
    await site.reader(reader)
    await site.house.write("What data do you have about me?", sender=reader)
    letter = await site.house.last("confirm", reader)
    await site.post(f"/c/{letter.link('c')}", {"right": "access"})
    await site.house.carry_out()
    ready = await site.house.last("package_ready", reader)
    page = (await site.post(f"/d/{ready.link('d')}?lang=en", {"code": ready.code})).text
    assert "Our newsletters" in page
    assert "Your requests to us" in page
    assert re.search(r"PD-\d{4}-\d{6}</td>", page)
    assert "We hold nothing about you" not in page
