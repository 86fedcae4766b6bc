"""Values of corrections: every field and new value of a mail is read, or nothing, or it is said that the reading is doubtful."""

from __future__ import annotations

import time
from typing import Final

import pytest

from tests.rules.reading.conftest import Read
from worker.rules.mail import Address, InboundMail
from worker.rules.model import Column
from worker.rules.reading import extract, language, strip
from worker.rules.reading.extract import Extraction
from worker.rules.reading.model import Part
from worker.rules.reading.reader import Reader
from worker.rules.reading.tokens import sentences

ANN: Final = "Ann Peeters <ann.peeters@example.com>"

#: (sender, subject, text, "field: new" or "field: old -> new", separated by "; ")
READ: Final = [
    # Dutch
    (ANN, "nieuw nummer", "Mijn gsm-nummer is vanaf nu 0470 00 00 23, graag aanpassen.", "mobile: 0470 00 00 23"),
    (ANN, "", "Wijzig 0470 00 00 23 in 0470 00 00 24 aub.", "mobile: 0470 00 00 23 -> 0470 00 00 24"),
    (ANN, "", "Niet 02 000 12 13 maar 02 000 13 12 is ons telefoonnummer.", "telephone: 02 000 12 13 -> 02 000 13 12"),
    (ANN, "fax", "Ons faxnummer wordt 02 000 55 66 in plaats van 02 000 55 65.", "fax: 02 000 55 65 -> 02 000 55 66"),
    (ANN, "verhuisd", "We zijn verhuisd naar Kerkstraat 12 bus 3, 9000 Gent. Kan u dat wijzigen?", "street: Kerkstraat; number: 12; box: 3; postcode: 9000; town: Gent"),
    (ANN, "adres", "Oud adres: Molenweg 4, 8500 Kortrijk\nNieuw adres: Lindelaan 5a, 8501 Heule", "street: Molenweg -> Lindelaan; number: 4 -> 5a; postcode: 8500 -> 8501; town: Kortrijk -> Heule"),
    (ANN, "", "Mijn postcode is 9050 en niet 9000, pas dat aan.", "postcode: 9000 -> 9050"),
    (ANN, "huisnummer", "U hebt huisnummer 21, dat moet 12 zijn.", "number: 21 -> 12"),
    (ANN, "", "Het busnummer ontbreekt in mijn adres: bus 7.", "box: 7"),
    (ANN, "functie", "Ik ben geen stagiaire meer, ik ben nu projectleider.", "function: stagiaire -> projectleider"),
    (ANN, "", "Onze firma heet voortaan Peeters Tuinen BV in plaats van Peeters & Co. Graag wijzigen.", "company: Peeters & Co -> Peeters Tuinen BV"),
    ("Ann Peters <ann@example.com>", "naam", "Jullie schrijven mijn naam fout: niet Anne Peeters maar Ann Peters.", "name: Anne Peeters -> Ann Peters"),
    (ANN, "mail", "Gelieve ann.oud@example.org te vervangen door ann.nieuw@example.org.", "email: ann.oud@example.org -> ann.nieuw@example.org"),
    (ANN, "", "Bij jullie staat nog ann@oud.example, dat moet ann@nieuw.example worden.", "email: ann@oud.example -> ann@nieuw.example"),
    (ANN, "gegevens", "Pas mijn gegevens aan:\n\n- straat: Dorpsplein\n- huisnummer: 8\n- postcode: 2000\n- gemeente: Antwerpen", "street: Dorpsplein; number: 8; postcode: 2000; town: Antwerpen"),
    (ANN, "wijziging", "          oud          nieuw\nstraat    Veldweg 2    Akkerlaan 9\ngsm       0470 00 00 23    0470 00 00 44", "street: Veldweg -> Akkerlaan; number: 2 -> 9; mobile: 0470 00 00 23 -> 0470 00 00 44"),
    (ANN, "", "Onze straat heeft een andere naam: de Kasteelstraat heet nu Parklaan. Graag aanpassen.", "street: Kasteelstraat -> Parklaan"),
    (ANN, "land", "Bij land staat België, dat moet Nederland zijn.", "country: België -> Nederland"),
    (ANN, "", "Ik woon nu op Havenkaai 33, 8400 Oostende. Wijzig dat aub.", "street: Havenkaai; number: 33; postcode: 8400; town: Oostende"),
    (ANN, "telefoon", "telefoon: 02 000 11 11 -> 02 000 22 22", "telephone: 02 000 11 11 -> 02 000 22 22"),
    ("Jan Smit <jan.smit@example.net>", "adres", "Ik woon voortaan op Keizersgracht 101, 1015 CJ Amsterdam. Graag wijzigen.", "street: Keizersgracht; number: 101; postcode: 1015 CJ; town: Amsterdam"),
    ("Jan Smit <jan.smit@example.net>", "06", "Mijn nieuwe mobiele nummer is 06 0000 1234.", "mobile: 06 0000 1234"),
    (ANN, "kantoor", "Ik werk niet meer op kantoor Gent maar op kantoor Brugge, graag aanpassen.", "office: Gent -> Brugge"),
    (ANN, "gemeente", "Mijn woonplaats is Deinze, niet Drongen. Graag verbeteren.", "town: Drongen -> Deinze"),
    # French
    (ANN, "nouveau gsm", "Voici mon nouveau numéro de gsm : 0470 00 00 23. Merci de le changer.", "mobile: 0470 00 00 23"),
    (ANN, "", "Remplacez le 02 000 12 13 par le 02 000 13 12 dans ma fiche.", "telephone: 02 000 12 13 -> 02 000 13 12"),
    (ANN, "", "Mon téléphone fixe n'est plus le 01 99 00 11 22 mais le 01 99 00 22 11.", "telephone: 01 99 00 11 22 -> 01 99 00 22 11"),
    (ANN, "adresse", "Ma nouvelle adresse est rue du Rucquoy 17 boîte 4, 7500 Tournai. Merci de corriger.", "street: rue du Rucquoy; number: 17; box: 4; postcode: 7500; town: Tournai"),
    (ANN, "déménagement", "J'ai quitté l'avenue Louise 54, 1050 Ixelles pour m'installer place Flagey 7, 1051 Bruxelles. Merci d'adapter.", "street: avenue Louise -> place Flagey; number: 54 -> 7; postcode: 1050 -> 1051; town: Ixelles -> Bruxelles"),
    (ANN, "", "Nouvelle adresse à enregistrer : 17 rue des Lilas, 59000 Lille, France.", "street: rue des Lilas; number: 17; postcode: 59000; town: Lille; country: France"),
    (ANN, "code postal", "Mon code postal est 5001 et non 5000, à corriger.", "postcode: 5000 -> 5001"),
    (ANN, "numéro", "J'habite au 12, pas au 21. Merci de rectifier le numéro de la maison.", "number: 21 -> 12"),
    (ANN, "", "Il manque la boîte dans mon adresse : bte 9. Merci de l'ajouter.", "box: 9"),
    (ANN, "fonction", "Je ne suis plus assistante mais directrice commerciale, merci de modifier.", "function: assistante -> directrice commerciale"),
    (ANN, "", "Notre société s'appelle désormais Peeters Conseil SRL au lieu de Peeters SPRL. Merci de rectifier.", "company: Peeters SPRL -> Peeters Conseil SRL"),
    ("Anne Petit <anne.petit@example.org>", "mon nom", "Vous avez noté Anne Petitt, c'est Anne Petit. Merci de corriger.", "name: Anne Petitt -> Anne Petit"),
    ("Zoé Martin <zoe@example.org>", "mariage", "Je m'appelle désormais Zoé Martin et plus Zoé Lambert.", "name: Zoé Lambert -> Zoé Martin"),
    (ANN, "", "Mon adresse mail n'est plus a.p@example.net mais ann@example.net, merci de modifier.", "email: a.p@example.net -> ann@example.net"),
    (ANN, "", "Merci de remplacer vieux@example.com par neuf@example.com.", "email: vieux@example.com -> neuf@example.com"),
    (ANN, "coordonnées", "Veuillez mettre à jour mes coordonnées :\nChaussée de Mons 88\n7000 Mons\ntél. 065 00 12 34", "street: Chaussée de Mons; number: 88; postcode: 7000; town: Mons; telephone: 065 00 12 34"),
    (ANN, "pays", "Le pays est faux : Luxembourg au lieu de Belgique.", "country: Belgique -> Luxembourg"),
    (ANN, "", "fax : 02 000 10 10 au lieu de 02 000 10 01, merci de corriger", "fax: 02 000 10 01 -> 02 000 10 10"),
    (ANN, "", "La rue de l'Église s'appelle désormais rue du Marché, merci d'adapter ma fiche.", "street: rue de l'Église -> rue du Marché"),
    (ANN, "ville", "J'habite à Namur et non à Jambes, merci de rectifier.", "town: Jambes -> Namur"),
    (ANN, "", "Remplacez l'ancien mail par celui-ci : ann.neuve@example.org.", "email: ann.neuve@example.org"),
    (ANN, "", "ancien : 0470 00 00 23\nnouveau : 0470 00 00 32\nMerci de changer mon gsm.", "mobile: 0470 00 00 23 -> 0470 00 00 32"),
    (ANN, "gsm", "J'ai changé de gsm, le nouveau numéro est le 0470 00 00 99.", "mobile: 0470 00 00 99"),
    # German
    ("Max Huber <max.huber@example.com>", "neue Nummer", "Meine neue Handynummer lautet 0171 3920011, bitte ändern.", "mobile: 0171 3920011"),
    ("Max Huber <max.huber@example.com>", "", "Bitte ändern Sie 030 23125 100 auf 030 23125 200.", "telephone: 030 23125 100 -> 030 23125 200"),
    ("Max Huber <max.huber@example.com>", "", "Fax jetzt 030 23125 301 statt 030 23125 300, bitte eintragen.", "fax: 030 23125 300 -> 030 23125 301"),
    ("Max Huber <max.huber@example.com>", "Umzug", "Ich bin umgezogen. Neue Anschrift: Am Markt 5a, 52062 Aachen.", "street: Am Markt; number: 5a; postcode: 52062; town: Aachen"),
    ("Max Huber <max.huber@example.com>", "Umzug", "Statt Bachgasse 3, 4600 Wels gilt ab sofort: Hauptplatz 8 Top 5, 4020 Linz.", "street: Bachgasse -> Hauptplatz; number: 3 -> 8; box: Top 5; postcode: 4600 -> 4020; town: Wels -> Linz"),
    ("Max Huber <max.huber@example.com>", "", "Meine Postleitzahl ist 80331, nicht 80313. Bitte korrigieren.", "postcode: 80313 -> 80331"),
    ("Max Huber <max.huber@example.com>", "Hausnummer", "Die Hausnummer ist 14b statt 14.", "number: 14 -> 14b"),
    ("Max Huber <max.huber@example.com>", "", "Bitte ergänzen Sie in meiner Adresse: Top 12.", "box: Top 12"),
    ("Max Huber <max.huber@example.com>", "Funktion", "Ich bin nicht mehr Bauleiter, sondern Geschäftsführer. Bitte ändern.", "function: Bauleiter -> Geschäftsführer"),
    ("Max Huber <max.huber@example.com>", "Firma", "Unsere Firma heißt jetzt Huber Dach GmbH, nicht mehr Huber & Sohn KG.", "company: Huber & Sohn KG -> Huber Dach GmbH"),
    ("Eva Sommer <eva.sommer@example.com>", "Heirat", "Seit der Hochzeit heiße ich Eva Sommer statt Eva Winter. Bitte ändern Sie das.", "name: Eva Winter -> Eva Sommer"),
    ("Eva Sommer <eva.sommer@example.com>", "Name", "Sie schreiben mich falsch: nicht Eva Somer, sondern Eva Sommer.", "name: Eva Somer -> Eva Sommer"),
    ("Max Huber <max.huber@example.com>", "Mail", "Bei Ihnen steht noch max@alt.example, richtig ist max@neu.example.", "email: max@alt.example -> max@neu.example"),
    ("Max Huber <max.huber@example.com>", "", "Bitte ersetzen Sie max@alt.example durch max@neu.example.", "email: max@alt.example -> max@neu.example"),
    ("Max Huber <max.huber@example.com>", "Daten", "Bitte übernehmen Sie folgende neue Daten:\nStraße: Ringweg 9\nPLZ: 10115\nOrt: Berlin\nTelefon: 030 23125 444", "street: Ringweg; number: 9; postcode: 10115; town: Berlin; telephone: 030 23125 444"),
    ("Max Huber <max.huber@example.com>", "Land", "Als Land ist bei mir Deutschland eingetragen, richtig ist Österreich.", "country: Deutschland -> Österreich"),
    ("Max Huber <max.huber@example.com>", "", "Unsere Schulstraße heißt jetzt Gartenweg, bitte ändern.", "street: Schulstraße -> Gartenweg"),
    ("Max Huber <max.huber@example.com>", "", "alt: Seestrasse 4, 8002 Zürich\nneu: Bergstrasse 6, 8032 Zürich\nBitte anpassen.", "street: Seestrasse -> Bergstrasse; number: 4 -> 6; postcode: 8002 -> 8032"),
    ("Max Huber <max.huber@example.com>", "Büro", "Mein Büro ist jetzt Raum 3.07, bitte ändern.", "office: Raum 3.07"),
    ("Max Huber <max.huber@example.com>", "Ort", "Mein Wohnort ist Mödling, nicht Baden. Bitte berichtigen.", "town: Baden -> Mödling"),
    ("Max Huber <max.huber@example.com>", "", "Von Lindenweg 3 bin ich in die Rosengasse 7 gezogen, bitte ändern.", "street: Lindenweg -> Rosengasse; number: 3 -> 7"),
    ("Max Huber <max.huber@example.com>", "Handy", "0171 3920011 ist ab sofort meine neue Handynummer.", "mobile: 0171 3920011"),
    # English
    ("John Reed <john.reed@example.com>", "new number", "My mobile is now 07700 900123, please update.", "mobile: 07700 900123"),
    ("John Reed <john.reed@example.com>", "", "Please change my phone number from 020 7946 0111 to 020 7946 0222.", "telephone: 020 7946 0111 -> 020 7946 0222"),
    ("John Reed <john.reed@example.com>", "", "The fax number should read 020 7946 0333, not 020 7946 0330.", "fax: 020 7946 0330 -> 020 7946 0333"),
    ("John Reed <john.reed@example.com>", "moved", "We have moved to 14 Mill Lane, York YO1 7AB. Please update our address.", "street: Mill Lane; number: 14; town: York; postcode: YO1 7AB"),
    ("John Reed <john.reed@example.com>", "address", "Old: 3 High Street, Leeds LS1 4GH\nNew: 9 Park Road, Leeds LS2 7AA", "street: High Street -> Park Road; number: 3 -> 9; postcode: LS1 4GH -> LS2 7AA"),
    ("John Reed <john.reed@example.com>", "", "My postcode is SW1A 2AB, not SW1A 2BA. Please correct it.", "postcode: SW1A 2BA -> SW1A 2AB"),
    ("John Reed <john.reed@example.com>", "house number", "It is 27, not 72. Please fix.", "number: 72 -> 27"),
    ("John Reed <john.reed@example.com>", "", "Box 4B is missing from my address, please add it.", "box: 4B"),
    ("John Reed <john.reed@example.com>", "job title", "You have me down as Office Manager. I am Head of Finance now.", "function: Office Manager -> Head of Finance"),
    ("John Reed <john.reed@example.com>", "", "Our company is now called Reed Roofing Ltd instead of Reed & Sons. Please amend.", "company: Reed & Sons -> Reed Roofing Ltd"),
    ("Jane Reed <jane.reed@example.com>", "married", "Please change my name from Jane Miller to Jane Reed.", "name: Jane Miller -> Jane Reed"),
    ("John Reed <john.reed@example.com>", "spelling", "You spelled my name Jon Reid. It should be John Reed.", "name: Jon Reid -> John Reed"),
    ("John Reed <john.reed@example.com>", "email", "Please use john@new.example instead of john@old.example.", "email: john@old.example -> john@new.example"),
    ("John Reed <john.reed@example.com>", "", "john@old.example is no longer in use, please change it to john@new.example.", "email: john@old.example -> john@new.example"),
    ("John Reed <john.reed@example.com>", "details", "Please update my record as follows:\n\nCompany: Reed Roofing Ltd\nJob title: Director\nMobile: 07700 900456", "company: Reed Roofing Ltd; function: Director; mobile: 07700 900456"),
    ("John Reed <john.reed@example.com>", "country", "Your file says Austria as my country, it should be Australia.", "country: Austria -> Australia"),
    ("John Reed <john.reed@example.com>", "", "My office has moved from Leeds to York, please update.", ""),
    ("John Reed <john.reed@example.com>", "office", "My office is now Room 2.11, please amend.", "office: Room 2.11"),
    ("Siobhan Keane <s.keane@example.com>", "my name", "You have me as Shivaun Keane. It's S-I-O-B-H-A-N Keane, please correct.", "name: Shivaun Keane -> Siobhan Keane"),
    ("Aoife Byrne <aoife@example.com>", "moved", "My new address is Main Street 12, T12 AB34 Cork, Ireland. Please change it.", "street: Main Street; number: 12; postcode: T12 AB34; town: Cork; country: Ireland"),
    ("John Reed <john.reed@example.com>", "table", "Field | Old | New\nPhone | 020 7946 0111 | 020 7946 0222\nTown | Hull | Goole", "telephone: 020 7946 0111 -> 020 7946 0222; town: Hull -> Goole"),
    ("John Reed <john.reed@example.com>", "", "Our trading name changed. We were Reed Brothers, we're now Reed & Daughter Ltd.", "company: Reed Brothers -> Reed & Daughter Ltd"),
    ("John Reed <john.reed@example.com>", "", "Postcode: M1 4BT (you have M1 4TB)", "postcode: M1 4TB -> M1 4BT"),
    ("John Reed <john.reed@example.com>", "", "Landline 01632 960 111 replaced by 01632 960 222. Mobile stays.", "telephone: 01632 960 111 -> 01632 960 222"),
    (ANN, "nieuwe job", "Sinds september werk ik als verpleegkundige, niet meer als stagiaire. Kan je dat aanpassen?", "function: stagiaire -> verpleegkundige"),
    (ANN, "", "ge hebt mijn nummer verkeerd: 0470 00 11 22 moet 0470 00 22 11 zijn", "mobile: 0470 00 11 22 -> 0470 00 22 11"),
    (ANN, "", "Mijn achternaam wordt gespeld als Peeters, met dubbele e, niet Peters.", "name: Ann Peters -> Ann Peeters"),
    (ANN, "busnummer", "Er staat bus 12 maar ik zit in bus 21. Graag rechtzetten.", "box: 12 -> 21"),
    (ANN, "", "Ons kantoor is verhuisd: Marktplein 1 bus 4 te 3000 Leuven. tel 016 00 11 22 blijft. Graag aanpassen.", "street: Marktplein; number: 1; box: 4; postcode: 3000; town: Leuven"),
    (ANN, "", "Je travaille désormais comme comptable chez Dubois & Fils ; avant j'étais assistante. Merci de modifier ma fiche.", "company: Dubois & Fils; function: assistante -> comptable"),
    (ANN, "", "Vous m'écrivez au 14 rue des Bois alors que j'habite au 41. Merci de corriger.", "number: 14 -> 41"),
    (ANN, "", "mon gsm actuel: 0470 00 44 55, l'autre (0470 00 44 56) ne marche plus, à changer svp", "mobile: 0470 00 44 56 -> 0470 00 44 55"),
    ("Max Huber <max.huber@example.com>", "", "Hallo, wir heißen seit Mai nicht mehr Huber & Partner, sondern Huber Architekten. Bitte ändern.", "company: Huber & Partner -> Huber Architekten"),
    ("Max Huber <max.huber@example.com>", "", "Unter der alten Nummer 030 23125 111 erreicht mich keiner mehr, bitte speichern Sie 030 23125 222.", "telephone: 030 23125 111 -> 030 23125 222"),
    ("Max Huber <max.huber@example.com>", "", "ich wohne nicht in 4020 Linz, ich wohne in 4040 Linz", "postcode: 4020 -> 4040"),
    ("Max Huber <max.huber@example.com>", "", "Mein Vorname ist Maximilian, nicht Max. Bitte im Konto korrigieren.", "name: Max Huber -> Maximilian Huber"),
    ("John Reed <john.reed@example.com>", "town", "Town should be Bath, not Bristol.", "town: Bristol -> Bath"),
]  # fmt: skip

#: Nothing may be read for sure: (sender, subject, text)
NOTHING: Final = [
    (ANN, "", "Je kan mij bereiken op 0470 00 00 23 als er nog vragen zijn over mijn inzage."),
    (ANN, "", "Mijn telefoonnummer blijft 02 000 12 13."),
    (ANN, "", "Mijn adres klopt niet, zie mijn handtekening."),
    (ANN, "", "Gelieve mijn adres aan te passen, de gegevens staan in bijlage."),
    (ANN, "", "Het nieuwe nummer van mijn collega Jan is 0470 00 00 23."),
    (ANN, "", "Mijn moeder woont nu in Kerkstraat 4, 9000 Gent."),
    (ANN, "", "Wanneer levert u aan Kerkstraat 4, 9000 Gent?"),
    (ANN, "", "Wat is het nieuwe telefoonnummer van uw dienst?"),
    (ANN, "", "Mijn nieuw rekeningnummer is BE68 5390 0754 7034."),
    (ANN, "", "Graag mijn naam en telefoonnummer wijzigen."),
    (ANN, "", "Mon adresse ne change pas : rue du Lac 4, 5000 Namur."),
    (ANN, "", "Vous pouvez me joindre au 0470 00 00 23 pour toute question."),
    (ANN, "", "Pourriez-vous modifier mon adresse ? Merci d'avance."),
    (ANN, "", "L'adresse de Paul est désormais rue du Lac 4, 5000 Namur."),
    (ANN, "", "Ma mère habite maintenant rue du Lac 4, 5000 Namur."),
    (ANN, "", "Mon numéro de client est 12345678, merci de supprimer mon compte."),
    (ANN, "", "La facture 2024-311 du 12.03.2025 est fausse."),
    (ANN, "", "Voir ma signature pour mon nouveau numéro."),
    ("Max Huber <max@example.com>", "", "Meine Telefonnummer bleibt 030 23125 100."),
    ("Max Huber <max@example.com>", "", "Sie erreichen mich unter 030 23125 100."),
    ("Max Huber <max@example.com>", "", "Bitte korrigieren Sie meine Adresse."),
    ("Max Huber <max@example.com>", "", "Die neue Nummer von Herrn Maier ist 030 23125 100."),
    ("Max Huber <max@example.com>", "", "Meine neue IBAN lautet DE89 3704 0044 0532 0130 00."),
    ("Max Huber <max@example.com>", "", "Am 12. Mai 2025 habe ich 14 Kartons statt 12 bestellt."),
    ("Max Huber <max@example.com>", "", "Die neue Adresse finden Sie in meiner Signatur."),
    ("John Reed <john@example.com>", "", "You can reach me at 020 7946 0111 if you have questions."),
    ("John Reed <john@example.com>", "", "My address is unchanged: 14 Mill Lane, York YO1 7AB."),
    ("John Reed <john@example.com>", "", "Please correct my details."),
    ("John Reed <john@example.com>", "", "My husband's new number is 07700 900123."),
    ("John Reed <john@example.com>", "", "The meeting is now at 15.30 instead of 14.30, room 2."),
    ("John Reed <john@example.com>", "", "We ordered 12 desks, not 21."),
    ("John Reed <john@example.com>", "", "See my signature below for the new address.\n\nKind regards\nJohn Reed\n14 Mill Lane\nYork YO1 7AB"),
    ("John Reed <john@example.com>", "", "Please correct my number.\n\n> my new number is 07700 900123"),
    ("John Reed <john@example.com>", "", "New bank account, please: sort code 20-00-00, account 55779911."),
    ("John Reed <john@example.com>", "", "My name and my e-mail address have changed, please update."),
]  # fmt: skip


def read(reader: Reader, sender: str, subject: str, text: str) -> Extraction:
    """The same calls as the reader makes."""
    name, _, mailbox = sender.rstrip(">").rpartition(" <")
    mail = InboundMail(message_id="<1@example.com>", sender=Address(mailbox, name), subject=subject, text=text)
    stripped = strip.strip(text, reader.marks)
    words = [w.fold for s in sentences(text, stripped.own, Part.BODY) for w in s.words]
    words += [w.fold for s in sentences(subject, [(0, len(subject))], Part.SUBJECT) for w in s.words]
    return extract.extract(mail, stripped, language.guess(words, (), reader.languages).language, reader.values)


def told(wanted: str) -> dict[str, tuple[str, str]]:
    """ "field: old -> new; field: new" as field to new and old."""
    out = {}
    for part in filter(None, wanted.split("; ")):
        field, _, values = part.partition(": ")
        old, _, new = values.rpartition(" -> ")
        out[field] = (new, old)
    return out


@pytest.mark.parametrize(("sender", "subject", "text", "wanted"), READ, ids=lambda value: str(value)[:40])
def test_every_value_is_read_and_no_other(reader: Reader, sender: str, subject: str, text: str, wanted: str) -> None:
    found = read(reader, sender, subject, text)
    assert {c.column.value: (c.new, c.old or "") for c in found.fields.changes} == told(wanted)
    assert wanted == "" or not found.doubtful


@pytest.mark.parametrize(("sender", "subject", "text"), NOTHING, ids=lambda value: str(value)[:40])
def test_what_is_no_change_is_not_read_or_doubted(reader: Reader, sender: str, subject: str, text: str) -> None:
    found = read(reader, sender, subject, text)
    assert found.fields.changes == () or found.doubtful


@pytest.mark.parametrize(
    "text", ["Mijn nieuw rekeningnummer is BE68 5390 0754 7034.", "Meine neue IBAN lautet DE89 3704 0044 0532 0130 00."]
)
def test_bank_details_are_told_and_never_changed(reader: Reader, text: str) -> None:
    found = read(reader, ANN, "", text)
    assert found.bank
    assert found.fields.changes == ()


@pytest.mark.parametrize(
    "text",
    [
        "Mijn adres klopt niet, zie mijn handtekening.",
        "Voir ma signature pour mon nouveau numéro.",
        "See my signature below for the new address.",
    ],
)
def test_values_that_stand_elsewhere_are_doubted(reader: Reader, text: str) -> None:
    found = read(reader, ANN, "", text)
    assert found.fields.changes == ()
    assert found.doubtful


def test_evidence_points_at_the_words_of_the_mail(reader: Reader) -> None:
    for sender, subject, text, _ in READ:
        for evidence in read(reader, sender, subject, text).because:
            assert (subject if evidence.part is Part.SUBJECT else text)[slice(*evidence.span)] == evidence.text


def test_the_cases_are_many_and_a_quarter_of_them_reads_nothing() -> None:
    assert len(READ) + len(NOTHING) >= 120
    assert len(NOTHING) >= 30


@pytest.mark.parametrize(
    "piece", ["Straat 1 ", "not 5 but 6 ", "rue de la ", "0470 00 00 23, ", "a: b -> c\n", "“A” ", "A-B-C-D ", "| a | b |\n", "nicht A B, "]
)
def test_a_long_mail_is_read_in_bounded_time(reader: Reader, piece: str) -> None:
    text = (piece * (20_000 // len(piece) + 1))[:20_000]
    begin = time.process_time()
    read(reader, ANN, "adres", text)
    assert time.process_time() - begin < 2  # seconds; 0.01-0.04 where nothing else runs


@pytest.mark.parametrize(
    "text",
    [
        "My name is Karel Verbeke. My telephone number changed from 02 555 12 12 to 02 555 12 13.",
        "Mijn naam is Karel Verbeke. Mijn telefoonnummer is gewijzigd van 02 555 12 12 naar 02 555 12 13.",
        "Ik heet Karel Verbeke. Mijn nieuw telefoonnummer is 02 555 12 13.",
        "Mein Name ist Karel Verbeke. Meine neue Telefonnummer ist 02 555 12 13.",
    ],
)
def test_who_introduces_himself_corrects_no_name(read: Read, text: str) -> None:
    fields = read(text).fields
    assert [(c.column, c.new) for c in fields.changes] == [(Column.TELEPHONE, "02 555 12 13")]
    assert fields.name == "Karel Verbeke"
