"""A newsletter as this desk sends it: the company's imprint, the reader's ways out, one issue per language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.mail.campaign import TOKEN, Imprint, Issue, Ways
from worker.newsletter.addressing import preferences_url, unsubscribe_mailto, unsubscribe_url
from worker.store import newsletters

if TYPE_CHECKING:
    from worker.casework.desk import Desk
    from worker.newsletter.settings import NewsletterSettings
    from worker.rules.model import Language
    from worker.store import Tx
    from worker.store.campaigns import Campaign


def imprint(desk: Desk, settings: NewsletterSettings) -> Imprint:
    """Who sends."""
    card = desk.card
    sender = settings.sender or desk.sender.mailbox
    return Imprint(card.company, card.address, sender, card.contact, card.base_url.rstrip("/"), sender.rpartition("@")[2])


def ways(desk: Desk, settings: NewsletterSettings) -> Ways:
    """The links out, with the mark where the reader's token will stand."""
    base, mailbox = desk.card.base_url, settings.unsubscribe_mailbox or desk.sender.mailbox
    return Ways(unsubscribe_url(base, TOKEN), unsubscribe_mailto(mailbox, TOKEN), preferences_url(base, TOKEN))


def titles(tx: Tx, campaign: Campaign) -> dict[Language, str]:
    """The title of a newsletter's topic, in each language that it is written in."""
    topic = next(each for each in newsletters.topics(tx) if each.name == campaign.topic)
    return {language: topic.title(language) for language in campaign.texts}


def issue(campaign: Campaign, language: Language, title: str) -> Issue:
    """One language of a newsletter; KeyError if it is not written in it."""
    text = campaign.texts[language]
    return Issue(campaign.id, campaign.topic, title, language, text.subject, text.markdown, max(campaign.due, campaign.made_at))
