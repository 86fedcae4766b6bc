from __future__ import annotations

from tests.web.conftest import Site


async def test_opening_the_unsubscribe_link_stops_nothing(site: Site) -> None:
    token = await site.reader()
    for _ in range(20):
        await site.get(f"/u/{token}")
        await site.web.head(f"/u/{token}")
    page = await site.get(f"/u/{token}")
    assert page.text.count("<form") == 1
    assert "rita" not in page.text
    assert await site.running() == {"products", "security"}


async def test_one_button_stops_all_newsletters_and_a_mail_says_so(site: Site) -> None:
    token = await site.reader()
    assert "No more newsletters" in (await site.post(f"/u/{token}")).text
    assert await site.running() == set()
    await site.house.last("unsubscribed", "rita@example.com")


async def test_a_mail_program_stops_them_with_one_post_from_wherever_it_is(site: Site) -> None:
    token = await site.reader()
    headers = {"content-type": "application/x-www-form-urlencoded", "origin": "https://mail.example", "sec-fetch-site": "cross-site"}
    answer = await site.web.post(f"/u/{token}", content=b"List-Unsubscribe=One-Click", headers=headers)
    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert await site.running() == set()


async def test_one_click_works_as_multipart_too(site: Site) -> None:
    token = await site.reader()
    answer = await site.web.post(f"/u/{token}", files={"List-Unsubscribe": (None, "One-Click")})
    assert answer.status_code == 200
    assert await site.running() == set()


async def test_a_stop_can_be_undone(site: Site) -> None:
    token = await site.reader()
    await site.post(f"/u/{token}")
    assert "Undo" in (await site.get(f"/u/{token}")).text
    assert "back on the list" in (await site.post(f"/p/{token}/undo")).text
    assert await site.running() == {"products", "security"}


async def test_topics_are_chosen_one_by_one(site: Site) -> None:
    token = await site.reader()
    assert (await site.get(f"/p/{token}")).text.count(" checked>") == 2
    page = await site.post(f"/p/{token}", {"topic": "security"})
    assert "Your choice is saved" in page.text
    assert await site.running() == {"security"}
    await site.post(f"/p/{token}", {})
    assert await site.running() == set()


async def test_a_new_topic_is_asked_by_letter_and_the_page_says_so_whatever_becomes_of_it(site: Site) -> None:
    token = await site.reader(topics=("products",))
    pages = [await site.post(f"/p/{token}", {"topic": ["products", "security"]}) for _ in range(5)]
    assert "Please look in your mailbox" in pages[0].text
    assert "rita" not in pages[0].text
    assert len({page.text for page in pages}) == 1
    assert len(await site.house.letters("rita@example.com")) == 3
    assert await site.running() == {"products"}
    letter = await site.house.last("opt_in", "rita@example.com")
    assert "You are on the list" in (await site.post(f"/o/{letter.link('o')}")).text
    assert await site.running() == {"products", "security"}


async def test_erase_my_data_too_asks_by_letter_first(site: Site) -> None:
    token = await site.reader("ann@example.com")
    assert "look in your mailbox" in (await site.post(f"/p/{token}/erase")).text
    assert await site.house.record() is not None
    await site.house.last("confirm", "ann@example.com")


async def test_signing_up_needs_the_button_of_the_letter(site: Site) -> None:
    await site.reader()
    form = {"topic": "products", "address": "new@example.com"}
    assert "look in your mailbox" in (await site.post("/n", form)).text
    assert await site.running("new@example.com") == set()
    token = (await site.house.last("opt_in", "new@example.com")).link("o")
    assert "News about products" in (await site.get(f"/o/{token}")).text
    assert await site.running("new@example.com") == set()
    assert "You are on the list" in (await site.post(f"/o/{token}")).text
    assert await site.running("new@example.com") == {"products"}
    assert "You are on the list" in (await site.get(f"/o/{token}")).text


async def test_signing_up_shows_the_same_page_for_a_reader_and_a_stranger(site: Site) -> None:
    await site.reader()
    reader = await site.post("/n", {"topic": "products", "address": "rita@example.com"})
    stranger = await site.post("/n", {"topic": "products", "address": "nina@example.com"})
    assert reader.text.replace("rita@", "nina@") == stranger.text


async def test_a_sign_up_without_a_topic_or_an_address_says_so(site: Site) -> None:
    await site.reader()
    assert "Please choose at least one newsletter" in (await site.post("/n", {"address": "new@example.com"})).text
    assert "not a complete e-mail address" in (await site.post("/n", {"topic": "products", "address": "new"})).text
    assert not await site.house.letters()


async def test_without_topics_there_is_nothing_to_sign_up_for(site: Site) -> None:
    assert "no newsletter to sign up for" in (await site.get("/n")).text


async def test_an_old_sign_up_link_offers_a_new_one(site: Site) -> None:
    await site.reader()
    await site.post("/n", {"topic": "products", "address": "new@example.com"})
    token = (await site.house.last("opt_in", "new@example.com")).link("o")
    site.house.clock.pass_(days=60)
    assert "Sign up again" in (await site.get(f"/o/{token}")).text
    await site.post(f"/o/{token}")
    assert await site.running("new@example.com") == set()
