"""Whose words are whose."""

from __future__ import annotations

import pytest

from worker.rules.reading.reader import Reader
from worker.rules.reading.strip import strip


def own(reader: Reader, text: str) -> str:
    return "\n".join(text[a:b] for a, b in strip(text, reader.marks).own).strip()


@pytest.mark.parametrize(
    "below",
    [
        "On Mon, 2 Mar 2026 at 10:12, Bob <bob@example.com> wrote:\n> quoted",
        "On Mon, 2 Mar 2026 at 10:12,\nBob Long-Name van Someone <bob@example.com>\nwrote:\n> quoted",
        "Op ma 2 mrt. 2026 om 10:12 schreef Bob <bob@example.com>:\n> quoted",
        "Op 2 maart 2026 heeft Bob <bob@example.com> het volgende geschreven:\n\nquoted",
        "Le 2 mars 2026 à 10:12, Bob <bob@example.com> a écrit :\n> quoted",
        "Am 02.03.2026 um 10:12 schrieb Bob:\n> quoted",
        "-----Original Message-----\nFrom: Bob\nquoted",
        "-----Oorspronkelijk bericht-----\nVan: Bob\nquoted",
        "-----Message d'origine-----\nDe : Bob\nquoted",
        "-----Ursprüngliche Nachricht-----\nVon: Bob\nquoted",
        "________________________________\nFrom: Bob <b@example.com>\nSent: Monday\nTo: Ann\nSubject: x\n\nquoted",
        "Van: Bob\nVerzonden: maandag\nAan: Ann\nOnderwerp: x\n\nquoted",
        "De : Bob\nEnvoyé : lundi\nÀ : Ann\nObjet : x\n\nquoted",
        "Von: Bob\nGesendet: Montag\nAn: Ann\nBetreff: x\n\nquoted",
        "Begin forwarded message:\n\nFrom: Bob\n\nquoted",
        "---------- Doorgestuurd bericht ---------\nVan: Bob\n\nquoted",
        "Début du message transféré :\n\nDe: Bob\n\nquoted",
        "Anfang der weitergeleiteten Nachricht:\n\nVon: Bob\n\nquoted",
        "Sent from my iPhone",
        "Verstuurd vanaf mijn iPhone",
        "Envoyé de mon iPhone",
        "Von meinem iPhone gesendet",
        "Get Outlook for Android",
        "Kind regards,\nAnn\nquoted signature",
        "Met vriendelijke groeten\nAnn\n02 555 01 23",
        "Bien à vous\nAnn",
        "Mit freundlichen Grüßen\nAnn",
        "-- \nAnn\nquoted",
        "This message is confidential and may be privileged.",
        "U ontvangt deze mail omdat u klant bent.",
        "Vous recevez cet e-mail car vous êtes inscrit.",
        "Sie erhalten diese E-Mail, weil Sie Kunde sind.",
    ],
)
def test_what_others_wrote_is_not_the_senders(reader: Reader, below: str) -> None:
    assert own(reader, f"My own words here.\n\n{below}") == "My own words here."


def test_answers_between_quoted_lines_are_kept(reader: Reader) -> None:
    text = "Hello,\n> first question?\nmy first answer\n> second question?\nmy second answer"
    assert own(reader, text) == "Hello,\nmy first answer\nmy second answer"


def test_words_below_a_quote_are_kept(reader: Reader) -> None:
    text = "On Mon, 2 Mar 2026, Bob <bob@example.com> wrote:\n> question?\n\nmy answer"
    assert own(reader, text) == "my answer"


def test_a_mail_of_nothing_but_a_quote_is_not_stripped_to_nothing(reader: Reader) -> None:
    stripped = strip("> delete my data", reader.marks)
    assert stripped.all_quoted
    assert stripped.own == ((0, 16),)


def test_a_request_in_the_first_person_survives_a_disclaimer(reader: Reader) -> None:
    text = "Hello\n\nThis e-mail is confidential.\nI hereby request the deletion of my data."
    assert "I hereby request" in own(reader, text)


def test_a_postscript_below_the_signature_is_kept(reader: Reader) -> None:
    text = "Thanks for the laptop.\n\nKind regards\nAnn\n\nPS: please unsubscribe me"
    assert "please unsubscribe me" in own(reader, text)
