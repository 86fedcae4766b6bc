"""What customers write in these journeys, in their own words; four languages."""

from __future__ import annotations

from dataclasses import dataclass

from worker.rules.model import Language

EN, NL, FR, DE = Language.EN, Language.NL, Language.FR, Language.DE


@dataclass(frozen=True)
class Moved:
    """A correction in somebody's words, and the column and value that it comes to: as the page shows it, and as it is recorded."""

    text: str
    column: str
    new: str
    recorded: str


ACCESS = {
    EN: "Dear all,\n\nCould you please tell me which personal data you hold about me? I would like a copy of it.\n\nKind regards,\nAnn Peeters",
    NL: "Beste,\n\nWelke gegevens hebben jullie over mij? Graag kreeg ik een kopie van mijn persoonsgegevens.\n\nMet vriendelijke groeten,\nAnn Peeters",
    FR: "Bonjour,\n\nQuelles données avez-vous sur moi ? Je voudrais recevoir une copie de mes données personnelles.\n\nBien à vous,\nAnn Peeters",
    DE: "Guten Tag,\n\nwelche Daten haben Sie über mich gespeichert? Ich hätte gerne eine Kopie meiner Daten.\n\nMit freundlichen Grüßen\nAnn Peeters",
}

CORRECTION = {
    EN: Moved(
        "Hello,\n\nmy new telephone number is 02 555 01 99. Could you change it please?\n\nThanks,\nAnn Peeters",
        "telephone",
        "02 555 01 99",
        "+32 2 555 01 99",
    ),
    NL: Moved(
        "Dag,\n\nMijn nieuw gsm-nummer is 0470 12 34 99, kunt u dat aanpassen?\n\nGroeten,\nAnn Peeters",
        "mobile",
        "0470 12 34 99",
        "+32 470 12 34 99",
    ),
    FR: Moved(
        "Bonjour,\n\nJ'ai déménagé. Ma nouvelle adresse est rue de la Loi 16, 1000 Bruxelles.\n\nMerci,\nAnn Peeters",
        "street",
        "rue de la Loi",
        "rue de la Loi",
    ),
    DE: Moved(
        "Guten Tag,\n\nmeine Telefonnummer hat sich geändert, sie lautet jetzt 02 555 01 77.\n\nAnn Peeters",
        "telephone",
        "02 555 01 77",
        "+32 2 555 01 77",
    ),
}

DELETION = {
    EN: "Hello,\n\nplease delete all the personal data that you have about me.\n\nKind regards,\nAnn Peeters",
    NL: "Geachte,\n\nGelieve al mijn persoonsgegevens te verwijderen.\n\nMet vriendelijke groeten,\nAnn Peeters",
    FR: "Bonjour,\n\nVeuillez supprimer toutes mes données personnelles.\n\nCordialement,\nAnn Peeters",
    DE: "Guten Tag,\n\nbitte löschen Sie alle meine personenbezogenen Daten.\n\nMit freundlichen Grüßen\nAnn Peeters",
}

UNSUBSCRIBE = {
    EN: "Hello, I don't want to receive your newsletter any more. Ann Peeters",
    NL: "Dag, ik wens geen nieuwsbrieven meer te ontvangen. Ann Peeters",
    FR: "Bonjour, veuillez me désinscrire de votre newsletter. Ann Peeters",
    DE: "Guten Tag, bitte melden Sie mich vom Newsletter ab. Ann Peeters",
}

FIRST_A_COPY_THEN_ERASE = "Please send me a copy of my personal data first. Then delete all my data.\n\nAnn Peeters"
