"""What the customers of the bench write: four languages, four requests, five wordings of each; plain or with HTML."""

from __future__ import annotations

import email.policy
import html
import random
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Final

#: Language and request to wordings. ``{phone}`` is the customer's new number.
WORDINGS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("en", "access"): (
        "What data do you hold about me? Please send me a copy.",
        "I would like to know which personal data you have about me.",
        "Under article 15 of the GDPR I ask for access to my personal data.",
        "Please send me a copy of all the information you keep about me.",
        "Could you tell me what personal information your company stores about me?",
    ),
    ("en", "correction"): (
        "My telephone number has changed. My new telephone number is {phone}.",
        "Please change my telephone number to {phone}.",
        "My phone number is wrong in your records. It should be {phone}.",
        "I have a new telephone number: {phone}. Please update it.",
        "Please correct my phone number. The right one is {phone}.",
    ),
    ("en", "deletion"): (
        "Please delete all my personal data.",
        "I want you to erase everything you have about me.",
        "I request the erasure of my personal data under article 17 of the GDPR.",
        "Please remove my account and all my data from your systems.",
        "I want to be forgotten. Please delete my data.",
    ),
    ("en", "unsubscribe"): (
        "Please unsubscribe me from your newsletter.",
        "I no longer want to receive your newsletter.",
        "Stop sending me your newsletters, please.",
        "Please take me off your mailing list.",
        "Unsubscribe me.",
    ),
    ("nl", "access"): (
        "Welke gegevens hebben jullie over mij? Graag een kopie.",
        "Ik wil graag weten welke persoonsgegevens u van mij bewaart.",
        "Op grond van artikel 15 AVG vraag ik inzage in mijn persoonsgegevens.",
        "Gelieve mij een kopie te bezorgen van alle gegevens die u over mij bewaart.",
        "Kunt u mij laten weten welke persoonlijke gegevens u van mij heeft?",
    ),
    ("nl", "correction"): (
        "Mijn telefoonnummer is veranderd. Mijn nieuwe telefoonnummer is {phone}.",
        "Gelieve mijn telefoonnummer te wijzigen in {phone}.",
        "Mijn telefoonnummer klopt niet meer. Het moet {phone} zijn.",
        "Ik heb een nieuw telefoonnummer: {phone}. Kunt u dat aanpassen?",
        "Wilt u mijn telefoonnummer aanpassen naar {phone}?",
    ),
    ("nl", "deletion"): (
        "Gelieve al mijn persoonsgegevens te verwijderen.",
        "Ik wil dat u alles wat u over mij heeft wist.",
        "Ik vraag om wissing van mijn persoonsgegevens op grond van artikel 17 AVG.",
        "Verwijder mijn account en al mijn gegevens alstublieft.",
        "Ik wil vergeten worden. Wis mijn gegevens.",
    ),
    ("nl", "unsubscribe"): (
        "Gelieve mij uit te schrijven voor de nieuwsbrief.",
        "Ik wil uw nieuwsbrief niet meer ontvangen.",
        "Schrijf mij uit voor jullie nieuwsbrief.",
        "Haal mij van de mailinglijst alstublieft.",
        "Graag uitschrijven voor de nieuwsbrief.",
    ),
    ("fr", "access"): (
        "Quelles données avez-vous sur moi ? Merci de m'en envoyer une copie.",
        "Je voudrais savoir quelles données personnelles vous détenez sur moi.",
        "En vertu de l'article 15 du RGPD, je demande l'accès à mes données personnelles.",
        "Veuillez m'envoyer une copie de toutes les données que vous conservez à mon sujet.",
        "Pouvez-vous me dire quelles informations personnelles vous avez sur moi ?",
    ),
    ("fr", "correction"): (
        "Mon numéro de téléphone a changé. Mon nouveau numéro de téléphone est le {phone}.",
        "Veuillez modifier mon numéro de téléphone : {phone}.",
        "Mon numéro de téléphone n'est plus correct. Le nouveau est le {phone}.",
        "J'ai un nouveau numéro de téléphone : {phone}. Merci de le mettre à jour.",
        "Merci de corriger mon numéro de téléphone. Le bon numéro est le {phone}.",
    ),
    ("fr", "deletion"): (
        "Veuillez supprimer toutes mes données personnelles.",
        "Je souhaite que vous effaciez tout ce que vous avez sur moi.",
        "Je demande l'effacement de mes données personnelles selon l'article 17 du RGPD.",
        "Merci de supprimer mon compte et toutes mes données.",
        "Je veux être oublié. Supprimez mes données.",
    ),
    ("fr", "unsubscribe"): (
        "Veuillez me désinscrire de votre newsletter.",
        "Je ne souhaite plus recevoir votre newsletter.",
        "Merci de me désabonner de la lettre d'information.",
        "Désinscrivez-moi de votre liste de diffusion, s'il vous plaît.",
        "Je voudrais me désabonner de votre newsletter.",
    ),
    ("de", "access"): (
        "Welche Daten haben Sie über mich? Bitte senden Sie mir eine Kopie.",
        "Ich möchte wissen, welche personenbezogenen Daten Sie über mich gespeichert haben.",
        "Gemäß Artikel 15 DSGVO bitte ich um Auskunft über meine personenbezogenen Daten.",
        "Bitte senden Sie mir eine Kopie aller Daten, die Sie über mich gespeichert haben.",
        "Können Sie mir mitteilen, welche persönlichen Daten Sie von mir haben?",
    ),
    ("de", "correction"): (
        "Meine Telefonnummer hat sich geändert. Meine neue Telefonnummer ist {phone}.",
        "Bitte ändern Sie meine Telefonnummer auf {phone}.",
        "Meine Telefonnummer stimmt nicht mehr. Die richtige ist {phone}.",
        "Ich habe eine neue Telefonnummer: {phone}. Bitte aktualisieren Sie sie.",
        "Bitte berichtigen Sie meine Telefonnummer: {phone}.",
    ),
    ("de", "deletion"): (
        "Bitte löschen Sie alle meine personenbezogenen Daten.",
        "Ich möchte, dass Sie alles löschen, was Sie über mich haben.",
        "Ich verlange die Löschung meiner personenbezogenen Daten gemäß Artikel 17 DSGVO.",
        "Bitte löschen Sie mein Konto und alle meine Daten.",
        "Ich möchte vergessen werden. Löschen Sie meine Daten.",
    ),
    ("de", "unsubscribe"): (
        "Bitte melden Sie mich von Ihrem Newsletter ab.",
        "Ich möchte Ihren Newsletter nicht mehr erhalten.",
        "Bitte nehmen Sie mich aus Ihrem Verteiler.",
        "Ich möchte mich vom Newsletter abmelden.",
        "Bitte keinen Newsletter mehr senden.",
    ),
}

_GREETING: Final = {"en": "Hello,", "nl": "Beste,", "fr": "Bonjour,", "de": "Guten Tag,"}
_CLOSING: Final = {"en": "Kind regards,", "nl": "Met vriendelijke groet,", "fr": "Bien à vous,", "de": "Mit freundlichen Grüßen,"}
_FIRST: Final = (
    "Ann",
    "Bram",
    "Chloé",
    "Dirk",
    "Els",
    "Fatima",
    "Günther",
    "Hélène",
    "Ivo",
    "Jürgen",
    "Karim",
    "Lotte",
    "Marie",
    "Noor",
    "Pieter",
)
_LAST: Final = ("Peeters", "Janssens", "Dubois", "Lambert", "Müller", "Schmitz", "Claes", "Goossens", "Wouters", "Simon", "Leroy", "Maes")


def written(count: int, seed: int) -> Iterator[bytes]:
    """So many mails, each from a sender of its own, with LF line ends. The same seed gives the same mails."""
    chance = random.Random(seed)
    kinds = sorted(WORDINGS)
    for number in range(count):
        language, asked = kinds[number % len(kinds)]
        yield _mail(number, seed, language, chance.choice(WORDINGS[language, asked]), chance)


def _mail(number: int, seed: int, language: str, words: str, chance: random.Random) -> bytes:
    name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
    sender = f"customer{number}.{seed}@example.com"
    words = words.format(phone=f"+32 470 00 {number // 100 % 100:02d} {number % 100:02d}")
    text = f"{_GREETING[language]}\n\n{words}\n\n{_CLOSING[language]}\n{name}\n"
    message = EmailMessage(policy=email.policy.default)
    for hop in range(3):
        message["Received"] = (
            f"from mx{hop}.example.com (mx{hop}.example.com [192.0.2.{hop + 1}]) by mx.company.example with ESMTPS id {number:08x}{hop}"
        )
    message["From"] = f"{name} <{sender}>"
    message["To"] = "privacy@company.example"
    message["Subject"] = {"en": "Question", "nl": "Vraag", "fr": "Question", "de": "Frage"}[language]
    message["Message-ID"] = f"<{seed}.{number}@example.com>"
    message["Date"] = "Thu, 05 Mar 2026 09:00:00 +0100"
    message.set_content(text)
    if number % 2:
        message.add_alternative(_html(text), subtype="html")
    return message.as_bytes()


def _html(text: str) -> str:
    lines = "".join(f"<p style='margin:0'>{html.escape(line) or '&nbsp;'}</p>\n" for line in text.splitlines())
    return f"<html><head><meta charset='utf-8'><style>p {{ font-family: sans-serif }}</style></head><body><div>{lines}</div></body></html>"
