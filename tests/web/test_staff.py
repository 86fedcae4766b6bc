from __future__ import annotations

import re

import httpx

from tests.web.conftest import PASSWORD, Clerk, Clerks, Site, served
from worker.casework import rule, staff
from worker.rules.model import MailState, Role
from worker.store import Tx
from worker.store.tables import audit as audit_table
from worker.web.app import public_app, staff_app
from worker.web.settings import WebSettings

HOSTILE = 'My father died. Please delete his data <script>alert(1)</script> & "><img src=x onerror=alert(2)>'


async def held(site: Site, text: str = HOSTILE, *, sender: str = "ann@example.com", subject: str = "About <b>my father</b>") -> str:
    mail_id = await site.house.write(text, sender=sender, subject=subject)
    state, _ = await site.house.state(mail_id)
    assert state is MailState.HELD
    return mail_id


async def test_the_cookie_is_out_of_reach_of_scripts_other_sites_and_plain_http(site: Site) -> None:
    await staff.add(site.house.desk, "lea", Role.HANDLER, PASSWORD)
    answer = await site.post("/desk/login", {"login": "Lea", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-desk=")
    for part in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie
    assert answer.headers["location"] == "/desk/"


async def test_a_wrong_password_an_unknown_name_and_a_resting_account_look_the_same(site: Site) -> None:
    await staff.add(site.house.desk, "lea", Role.HANDLER, PASSWORD)
    unknown = await site.post("/desk/login", {"login": "eve", "password": PASSWORD})
    wrong = [await site.post("/desk/login", {"login": "lea", "password": "wrong"}) for _ in range(5)]
    resting = await site.post("/desk/login", {"login": "lea", "password": PASSWORD})
    texts = {each.text.replace('value="eve"', 'value="lea"') for each in (unknown, *wrong, resting)}
    assert len(texts) == 1
    assert {each.status_code for each in (unknown, *wrong, resting)} == {401}
    assert all("set-cookie" not in each.headers for each in wrong)
    site.house.clock.pass_(minutes=16)
    assert (await site.post("/desk/login", {"login": "lea", "password": PASSWORD})).status_code == 303


async def test_one_network_cannot_try_passwords_without_end(site: Site) -> None:
    await staff.add(site.house.desk, "lea", Role.HANDLER, PASSWORD)
    for _ in range(8):
        await site.post("/desk/login", {"login": "nobody", "password": "x"})
    assert (await site.post("/desk/login", {"login": "lea", "password": PASSWORD})).status_code == 401


async def test_without_a_session_every_staff_page_leads_to_the_login(site: Site) -> None:
    for path in ("/desk/", "/desk/mail/1", "/desk/health", "/metrics"):
        for cookie in ("", "__Host-desk=forged"):
            answer = await site.get(path, cookie=cookie)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/desk/login")


async def test_signing_out_ends_the_session_on_the_server(site: Site, signed_in: Clerks) -> None:
    clerk: Clerk = await signed_in()
    assert (await clerk.get("/desk/")).status_code == 200
    answer = await clerk.post("/desk/logout")
    assert answer.headers["location"] == "/desk/login?note=signed_out"
    assert (await clerk.get("/desk/")).status_code == 303


async def test_a_session_ends_after_a_working_day(site: Site, signed_in: Clerks) -> None:
    clerk: Clerk = await signed_in()
    site.house.clock.pass_(hours=11)
    assert (await clerk.get("/desk/")).headers["location"] == "/desk/login?note=expired"


async def test_a_form_without_the_sessions_own_token_changes_nothing(site: Site, signed_in: Clerks) -> None:
    clerk: Clerk = await signed_in()
    mail_id = await held(site)
    form = {"act": "close", "step": "do"}
    for token in ({}, {"form_token": "x"}, {"form_token": "é"}):
        assert (await site.post(f"/desk/mail/{mail_id}", {**form, **token}, cookie=clerk.cookie)).status_code == 403
    assert (await clerk.post(f"/desk/mail/{mail_id}", form, sec_fetch_site="cross-site")).status_code == 403
    assert (await clerk.post(f"/desk/mail/{mail_id}", form, origin="https://evil.example")).status_code == 403
    assert (await site.house.state(mail_id))[0] is MailState.HELD


async def test_the_list_shows_what_waits_and_why_but_no_person(site: Site, signed_in: Clerks) -> None:
    clerk: Clerk = await signed_in()
    await held(site)
    page = (await clerk.get("/desk/")).text
    assert "Oldest legal date first" in page
    assert "ann@example.com" not in page
    assert "father" not in page
    assert re.search(r"in 3\d days", page)
    assert "Nothing here fits this choice" in (await clerk.get("/desk/?show=urgent")).text
    assert "1" in (await clerk.get("/desk/?show=<script>")).text


async def test_the_list_marks_what_is_due_soon_and_what_is_too_late(site: Site, signed_in: Clerks) -> None:
    await held(site)
    for days, tone, shown in ((0, "good", False), (27, "warn", True), (40, "bad", True)):
        site.house.clock.pass_(days=days)
        clerk: Clerk = await signed_in(name=f"lea{days}")
        page = (await clerk.get("/desk/")).text
        assert re.search(r'<span class="badge (\w+)">', page)[1] == tone  # type: ignore[index]
        assert ("Due soon or too late" in page) is shown
        assert ("Nothing here fits this choice" in (await clerk.get("/desk/?show=urgent")).text) is not shown


async def test_one_held_mail_shows_its_text_as_text_and_the_look_is_recorded(site: Site, signed_in: Clerks) -> None:
    clerk: Clerk = await signed_in()
    mail_id = await held(site)
    before = await site.house.desk.store.run(_entries, "data.read")
    page = (await clerk.get(f"/desk/mail/{mail_id}")).text
    assert "<mark>" in page
    page = re.sub("</?mark>", "", page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "<img" not in page
    assert "<b>my father</b>" not in page
    assert "ann@example.com" in page
    assert await site.house.desk.store.run(_entries, "data.read") == before + 1


async def test_nothing_happens_before_the_page_that_says_what_will_happen(site: Site, signed_in: Clerks) -> None:
    clerk: Clerk = await signed_in()
    mail_id = await held(site)
    form = {"act": "answer", "words": "Dear Ann,\n\nplease call us. <b>Lea</b>", "step": "check"}
    page = await clerk.post(f"/desk/mail/{mail_id}", form)
    assert "Before it happens" in page.text
    assert "please call us." in page.text
    assert "&lt;b&gt;Lea" in page.text
    assert not [each for each in await site.house.letters() if each.name == "answer"]
    answer = await clerk.post(f"/desk/mail/{mail_id}", {**form, "step": "do"})
    assert answer.headers["location"] == "/desk/?done=answer"
    letter = await site.house.last("answer", "ann@example.com")
    assert "please call us." in letter.text
    assert "Your answer is on its way" in (await clerk.get("/desk/?done=answer")).text


async def test_approving_opens_the_request_and_the_person_still_confirms(site: Site, signed_in: Clerks) -> None:
    clerk: Clerk = await signed_in()
    mail_id = await held(site)
    form = {"act": "approve", "right": ["access", "correction"], "new-street": "Lindenlaan", "new-number": "7"}
    check = await clerk.post(f"/desk/mail/{mail_id}", {**form, "step": "check"})
    assert "Lindenlaan" in check.text
    await clerk.post(f"/desk/mail/{mail_id}", {**form, "step": "do"})
    assert await site.house.requests() == {"access": "awaiting_confirmation", "correction": "awaiting_confirmation"}
    letter = await site.house.last("confirm", "ann@example.com")
    assert "Lindenlaan" in (await site.get(f"/c/{letter.link('c')}")).text


async def test_stopping_newsletters_for_somebody_needs_no_confirmation_and_the_page_says_so(site: Site, signed_in: Clerks) -> None:
    await site.reader("ann@example.com")
    clerk: Clerk = await signed_in()
    path = f"/desk/mail/{await held(site)}"
    check = await clerk.post(path, {"act": "approve", "right": "unsubscribe", "step": "check"})
    assert "stop at once" in check.text
    assert "A request is opened" not in check.text
    await clerk.post(path, {"act": "approve", "right": "unsubscribe", "step": "do"})
    assert await site.running("ann@example.com") == set()


async def test_refusing_needs_a_right_and_a_reason_and_sends_the_letter_that_was_shown(site: Site, signed_in: Clerks) -> None:
    clerk: Clerk = await signed_in()
    path = f"/desk/mail/{await held(site)}"
    assert "Choose at least one request" in (await clerk.post(path, {"act": "refuse", "step": "check"})).text
    assert "Please choose a reason" in (await clerk.post(path, {"act": "refuse", "right": "deletion", "step": "do"})).text
    form = {"act": "refuse", "right": "deletion", "reason": "others-rights", "words": "He is alive."}
    shown = await clerk.post(path, {**form, "step": "check"})
    assert "He is alive." in shown.text
    assert "court" in shown.text
    await clerk.post(path, {**form, "step": "do"})
    assert "He is alive." in (await site.house.last("refused")).text


UNFINISHED = (
    ({"act": "approve"}, "Choose at least one request"),
    ({"act": "approve", "right": "correction"}, "needs at least one new value"),
    ({"act": "answer", "words": "  \x00 "}, "write your answer first"),
)


async def test_an_unfinished_decision_says_what_is_missing(site: Site, signed_in: Clerks) -> None:
    clerk: Clerk = await signed_in()
    mail_id = await held(site)
    for form, says in UNFINISHED:
        answer = await clerk.post(f"/desk/mail/{mail_id}", {**form, "step": "do"})
        assert answer.status_code == 422
        assert says in answer.text
    assert (await site.house.state(mail_id))[0] is MailState.HELD


async def test_an_invented_act_shows_the_mail_again(site: Site, signed_in: Clerks) -> None:
    clerk: Clerk = await signed_in()
    mail_id = await held(site)
    assert (await clerk.post(f"/desk/mail/{mail_id}", {"act": "burn", "step": "do"})).status_code == 200
    assert (await site.house.state(mail_id))[0] is MailState.HELD


async def test_what_a_colleague_decided_meanwhile_is_not_decided_again(site: Site, signed_in: Clerks) -> None:
    clerk: Clerk = await signed_in()
    mail_id = await held(site)
    await rule.close(site.house.desk, "staff:other", mail_id)
    answer = await clerk.post(f"/desk/mail/{mail_id}", {"act": "answer", "words": "Hello", "step": "do"})
    assert answer.headers["location"] == "/desk/?done=gone"
    assert not [each for each in await site.house.letters() if each.name == "answer"]


async def test_closing_sends_nothing(site: Site, signed_in: Clerks) -> None:
    clerk: Clerk = await signed_in()
    mail_id = await held(site)
    before = len(await site.house.letters())
    await clerk.post(f"/desk/mail/{mail_id}", {"act": "close", "step": "do"})
    assert (await site.house.state(mail_id))[0] is MailState.QUIET
    assert len(await site.house.letters()) == before
    assert "Nothing waits" in (await clerk.get("/desk/")).text


async def test_an_administrator_sees_the_machine_and_nobodys_data(site: Site, signed_in: Clerks) -> None:
    clerk: Clerk = await signed_in(Role.ADMINISTRATOR, "adam")
    mail_id = await held(site)
    assert "does not see personal data" in (await clerk.get("/desk/")).text
    assert (await clerk.get(f"/desk/mail/{mail_id}")).status_code == 403
    assert (await clerk.post(f"/desk/mail/{mail_id}", {"act": "close", "step": "do"})).status_code == 403
    assert (await site.house.state(mail_id))[0] is MailState.HELD
    assert (await clerk.get("/desk/health")).status_code == 200


async def test_metrics_are_numbers_and_need_a_session_on_a_shared_listener(site: Site, signed_in: Clerks) -> None:
    await held(site)
    clerk: Clerk = await signed_in()
    text = (await clerk.get("/metrics")).text
    assert "privacy_desk_ready 1" in text
    assert 'privacy_desk_mails{state="held"} 1' in text
    assert "ann" not in text
    assert all(re.fullmatch(r"(# TYPE \w+ gauge)|(\w+(\{state=\"[\w-]+\"\})? [\d.e+-]+)", line) for line in text.splitlines())


async def test_staff_have_a_listener_of_their_own_where_that_is_set(site: Site) -> None:
    desk = site.house.desk
    async with (
        served(staff_app(desk, WebSettings(), lambda: True)) as inside,
        served(public_app(desk, WebSettings(), lambda: True)) as outside,
    ):
        assert (await inside.get("/metrics")).status_code == 200
        assert (await inside.get("/")).status_code == 404
        assert (await inside.get("/desk/login")).status_code == 200
        for path in ("/desk/login", "/desk/", "/metrics", "/desk/health"):
            assert (await outside.get(path)).status_code == 404


async def test_staff_pages_speak_the_browsers_language(site: Site, signed_in: Clerks) -> None:
    clerk: Clerk = await signed_in()
    mail_id = await held(site)
    for language in ("nl", "fr", "de", "en"):
        for path in ("/desk/", f"/desk/mail/{mail_id}", "/desk/health"):
            answer: httpx.Response = await site.get(path, cookie=clerk.cookie, accept_language=language)
            assert answer.headers["content-language"] == language


def _entries(tx: Tx, event: str) -> int:
    rows = tx.connection.execute(audit_table.select()).mappings().all()
    return sum(event in str(dict(row)) for row in rows)
