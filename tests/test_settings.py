"""The typed tree: what may be written, where it comes from, and what is said when it is wrong."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path

import pytest

from worker.errors import ConfigurationError
from worker.rules.decision import Mode
from worker.rules.model import Language
from worker.rules.policy import Policy
from worker.settings import Settings, load
from worker.settings.given import from_file, overlay
from worker.settings.kinds import Listen, duration, duration_text
from worker.settings.tree import PolicySection, key_of
from worker.settings.written import example, page, sections, shown, values

ROOT = Path(__file__).parent.parent
GOOD = """\
[desk]
company = "Example Company BV"
address = "Voorbeeldstraat 1, 9000 Gent"
contact = "privacy@example.com"
base_url = "https://privacy.example.com"

[[mailbox]]
name = "privacy"
host = "imap.example.com"
user = "privacy"
password_file = "mailbox.secret"

[smtp]
host = "smtp.example.com"
from = "privacy@example.com"
"""


def settings(tmp_path: Path, text: str = GOOD, environment: Mapping[str, str] | None = None) -> Settings:
    file = tmp_path / "worker.toml"
    file.write_text(text, "utf-8")
    (tmp_path / "mailbox.secret").write_text("hush-mailbox\n")
    return load(file, environment or {})


def faults(tmp_path: Path, text: str, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        settings(tmp_path, text, environment)
    return {error.setting: f"{error.problem}. {error.mend}" for error in (caught.value, *caught.value.also)}


# Example, documentation and code say the same ---------------------------------------------------------------------


def test_the_example_file_is_what_the_code_writes() -> None:
    assert (ROOT / "config/worker.example.toml").read_text("utf-8") == example(), "run: python -m worker.settings"


def test_the_documentation_is_what_the_code_writes() -> None:
    assert (ROOT / "docs/settings.md").read_text("utf-8") == page(), "run: python -m worker.settings"


def test_every_setting_has_a_meaning_and_stands_in_the_documentation() -> None:
    documentation = page()
    for name, kind, _ in sections():
        assert f"[{name}]" in documentation
        for field, about, _hint in values(kind):
            assert about.meaning.endswith("."), field.name
            assert f"| `{key_of(field.name)}` |" in documentation


def test_every_default_in_the_example_file_can_be_uncommented(tmp_path: Path) -> None:
    text = re.sub(r"^#(\[|\w+ = )", r"\1", example(), flags=re.MULTILINE)
    text = re.sub(r"^\[lmtp\]\n(.*\n)*?\n", "", text, flags=re.MULTILINE)
    for folder in ("policy", "letters"):
        (tmp_path / folder).mkdir()
    for file in ("register.toml", "company.pem"):
        (tmp_path / file).touch()
    given = settings(tmp_path, text.replace("/etc/ssl/certs/company.pem", "company.pem"))
    plain = settings(tmp_path, example())
    assert given.policy == plain.policy
    assert given.desk.languages == plain.desk.languages
    assert given.data == plain.data


def test_the_settings_of_policy_are_the_rules_own() -> None:
    assert {f.name: f.default for f in fields(PolicySection)} == {f.name: f.default for f in fields(Policy)}


# Values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [("72h", timedelta(hours=72)), ("10s", timedelta(seconds=10)), ("14 days", timedelta(days=14)), ("1 day", timedelta(days=1)), ("3 years", timedelta(days=1095)), ("250ms", timedelta(milliseconds=250)), ("5 min", timedelta(minutes=5))],
)  # fmt: skip
def test_a_duration_is_read_with_its_unit_and_written_back(text: str, value: timedelta) -> None:
    assert duration(text) == value
    assert duration(duration_text(value)) == value


@pytest.mark.parametrize("text", ["72", "", "h", "-3h", "3 parsecs", "3h 5min"])
def test_a_duration_without_a_known_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        duration(text)


def test_what_is_not_given_has_its_default(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert found.mailbox[0].port == 993
    assert found.mailbox[0].folders == ("INBOX", "Junk")
    assert found.desk.mode is Mode.ON
    assert found.web.listen == Listen("127.0.0.1", 8080)
    assert found.limits_by_law() == Policy()
    assert found.store_url == f"sqlite:///{tmp_path.parent / 'var/data/desk.sqlite3'}"
    assert found.newsletter.from_ == "privacy@example.com"


def test_each_adapter_gets_its_own_settings(tmp_path: Path) -> None:
    found = settings(tmp_path, GOOD.replace("[smtp]", "since = 2026-01-31\n[smtp]"))
    mailbox = found.mailbox_settings()[0]
    assert (mailbox.name, mailbox.host, mailbox.port, mailbox.password) == ("privacy", "imap.example.com", 993, "hush-mailbox")
    assert mailbox.since == date(2026, 1, 31)
    assert found.smtp_settings().host == "smtp.example.com"
    assert found.relay_settings() == (found.smtp_settings(),)
    assert found.card().base_url == "https://privacy.example.com"
    assert found.web_settings().listen == "127.0.0.1:8080"
    assert found.mail_domain == "example.com"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    given = {
        "PRIVACY_DESK__SMTP__PORT": "2525",
        "PRIVACY_DESK__MAILBOX__0__HOST": "imap.example.org",
        "PRIVACY_DESK__DESK__LANGUAGES": "fr,nl",
        "PRIVACY_DESK__POLICY__DELETION_GRACE": "10s",
        "PATH": "/bin",
    }
    found = settings(tmp_path, environment=given)
    assert found.smtp.port == 2525
    assert found.mailbox[0].host == "imap.example.org"
    assert found.desk.languages == (Language.FR, Language.NL)
    assert found.policy.deletion_grace == timedelta(seconds=10)


def test_the_environment_alone_is_enough() -> None:
    tree = overlay({}, {"PRIVACY_DESK__MAILBOX__0__HOST": "a", "PRIVACY_DESK__MAILBOX__1__HOST": "b", "PRIVACY_DESK__SMTP__HOST": "c"})
    assert set(tree) == {"mailbox", "smtp"}


def test_relative_paths_begin_at_the_file(tmp_path: Path) -> None:
    found = settings(tmp_path, GOOD + '[keys]\nmaster_file = "k/master"\n')
    assert found.keys.master_file == tmp_path / "k/master"


# Faults -----------------------------------------------------------------------------------------------------------


def test_the_folder_that_mails_are_moved_to_can_be_read_only_where_nothing_is_moved(tmp_path: Path) -> None:
    both = GOOD.replace("[smtp]", 'folders = ["INBOX", "Processed"]\n[smtp]')
    assert "Leave it out" in faults(tmp_path, both)["mailbox.0.folders"]
    assert settings(tmp_path, both.replace("[smtp]", 'after = "keep"\n[smtp]')).mailbox[0].folders == ("INBOX", "Processed")


def test_all_faults_are_listed_at_once_each_with_its_mend(tmp_path: Path) -> None:
    text = (
        GOOD.replace("company", "compny").replace('host = "imap.example.com"', 'host = "imap.example.com"\nport = "993"')
        + "[policy]\nstale_after = 14\n"
    )
    found = faults(tmp_path, text)
    assert set(found) == {"desk.compny", "desk.company", "mailbox.0.port", "policy.stale_after"}
    assert "Did you mean desk.company?" in found["desk.compny"]
    assert "worker.toml:2" in found["desk.compny"]
    assert "worker.toml:10" in found["mailbox.0.port"]


def test_a_setting_in_the_wrong_section_is_shown_its_place(tmp_path: Path) -> None:
    assert "Did you mean web.trusted_proxies?" in faults(tmp_path, GOOD + "trusted_proxies = []\n")["smtp.trusted_proxies"]


def test_an_unknown_variable_of_ours_is_a_fault(tmp_path: Path) -> None:
    found = faults(tmp_path, GOOD, {"PRIVACY_DESK__SMPT__HOST": "x"})
    assert "Did you mean smtp?" in found["smpt"]
    assert "environment PRIVACY_DESK__SMPT__HOST" in found["smpt"]


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        (GOOD.replace("https://privacy", "http://privacy"), "desk.base_url"),
        (GOOD.replace("https://privacy.example.com", "privacy"), "desk.base_url"),
        (GOOD.replace("[smtp]", 'tls = "none"\n[smtp]'), "mailbox.0.tls"),
        (GOOD.replace('password_file = "mailbox.secret"', ""), "mailbox.0.password_file"),
        (GOOD.replace("[smtp]", 'folders = ["INBOX", "Processed"]\n[smtp]'), "mailbox.0.folders"),
        (GOOD.replace("[smtp]", 'folders = ["INBOX", "INBOX/Processed"]\n[smtp]'), "mailbox.0.folders"),
        (GOOD + "[desk.more]\nx = 1\n", "desk.more"),
        (GOOD + '[lmtp]\nlisten = "127.0.0.1:24"\n', "lmtp"),
        (GOOD + '[keys]\nmaster_file = "../var/data/k"\n', "keys.master_file"),
        (GOOD + '[register]\nfile = "nowhere.toml"\n', "register.file"),
        (GOOD + '[web]\nlisten = "8080"\n', "web.listen"),
        (GOOD.replace("[desk]", '[desk]\ntimezone = "Europe/Brussel"'), "desk.timezone"),
        (GOOD.replace("[desk]", '[desk]\nlanguages = ["nl", "nl"]'), "desk.languages"),
        (GOOD.replace("[desk]", '[desk]\nlanguages = ["es"]'), "desk.languages"),
        (GOOD.replace("[[mailbox]]", "[mailbox]"), "mailbox"),
        (GOOD + '[limits]\nmail_size = "25"\n', "limits.mail_size"),
    ],
)  # fmt: skip
def test_a_wrong_value_names_its_setting(tmp_path: Path, text: str, setting: str) -> None:
    assert setting in faults(tmp_path, text)


#: A line in a section (one that stands in GOOD, or a new one) that must stop the start, and the setting that it names.
WRONG = [
    ("[desk]", 'country = "be"', "desk.country"),
    ("[desk]", 'country = "Belgium"', "desk.country"),
    ("[desk]", 'templates = "nowhere"', "desk.templates"),
    ("[desk]", 'authority_url = "example.com"', "desk.authority_url"),
    ("[[mailbox]]", "port = 0", "mailbox.0.port"),
    ("[[mailbox]]", "port = 70000", "mailbox.0.port"),
    ("[[mailbox]]", 'poll = "0s"', "mailbox.0.poll"),
    ("[[mailbox]]", 'ca_file = "nowhere.pem"', "mailbox.0.ca_file"),
    ("[[mailbox]]", 'folders = [""]', "mailbox.0.folders"),
    ("[smtp]", "port = 0", "smtp.port"),
    ("[smtp]", 'ca_file = "."', "smtp.ca_file"),
    ("[newsletter]", 'from = "bad"', "newsletter.from"),
    ("[newsletter]", 'unsubscribe_mailbox = "stop@"', "newsletter.unsubscribe_mailbox"),
    ("[newsletter]", 'give_up = "0s"', "newsletter.give_up"),
    ("[[newsletter.relay]]", 'host = "a"\n[[newsletter.relay]]\nhost = "b"', "newsletter.relay"),
    ("[store]", 'url = "garbage"', "store.url"),
    ("[store]", 'url = "mysql://db.example.com/desk"', "store.url"),
    ("[store]", 'url = "postgresql://db.example.com:port/desk"', "store.url"),
    ("[store]", 'url = "postgresql://db.example.com"', "store.url"),
    ("[store]", 'url = "sqlite:///"', "store.url"),
    ("[register]", 'url = "customers.sqlite3"', "register.url"),
    ("[web]", 'listen = "127.0.0.1:70000"', "web.listen"),
    ("[web]", 'listen = "127.0.0.1:8080"\nstaff_listen = "127.0.0.1:8080"', "web.staff_listen"),
    ("[web]", 'trusted_proxies = ["foo"]', "web.trusted_proxies"),
    ("[web]", 'policy_version = ""', "web.policy_version"),
    ("[policy]", 'reminders = ["7 days", "3 days"]', "policy.reminders"),
    ("[policy]", 'reminders = ["3 days", "3 days"]', "policy.reminders"),
    ("[policy]", 'reminders = ["0s"]', "policy.reminders"),
    ("[policy]", "letters_per_day = 0", "policy.letters_per_day"),
    ("[policy]", "letters_per_hour = 0", "policy.letters_per_hour"),
    ("[policy]", "max_attempts_per_letter = 0", "policy.max_attempts_per_letter"),
    ("[policy]", 'request_file = "1 day"', "policy.request_file"),
    ("[policy]", "grace_margin_days = 40", "policy.grace_margin_days"),
    ("[policy]", 'download_expires = "0s"', "policy.download_expires"),
    ("[limits]", 'mail_size = "0 B"', "limits.mail_size"),
    ("[limits]", "logins_per_network = 0", "limits.logins_per_network"),
]


@pytest.mark.parametrize(("header", "line", "setting"), WRONG)
def test_what_cannot_be_meant_is_refused_with_its_mend(tmp_path: Path, header: str, line: str, setting: str) -> None:
    text = GOOD.replace(header, f"{header}\n{line}") if header in GOOD else f"{GOOD}{header}\n{line}\n"
    found = faults(tmp_path, text)
    assert set(found) == {setting}
    problem, _, mend = found[setting].partition(". ")
    assert problem
    assert mend


@pytest.mark.parametrize(
    ("there", "instead", "setting"),
    [
        ('from = "privacy@example.com"', 'from = "notanaddress"', "smtp.from"),
        ('host = "smtp.example.com"', 'host = ""', "smtp.host"),
        ('host = "smtp.example.com"', 'host = "smtp.example.com:465"', "smtp.host"),
        ('host = "imap.example.com"', 'host = "imaps://imap.example.com"', "mailbox.0.host"),
        ('name = "privacy"', 'name = " "', "mailbox.0.name"),
        ('user = "privacy"', 'user = ""', "mailbox.0.user"),
        ('contact = "privacy@example.com"', 'contact = ""', "desk.contact"),
        ("https://privacy.example.com", "ftp://privacy.example.com", "desk.base_url"),
        ("https://privacy.example.com", "https://privacy.example.com:port", "desk.base_url"),
    ],
)
def test_what_must_be_given_must_make_sense(tmp_path: Path, there: str, instead: str, setting: str) -> None:
    assert there in GOOD
    assert set(faults(tmp_path, GOOD.replace(there, instead))) == {setting}


def test_faults_of_one_setting_and_of_several_together_come_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("https://privacy", "http://privacy").replace("[smtp]", 'port = "993"\n[smtp]\nca_file = "nowhere.pem"')
    found = faults(tmp_path, text + '[policy]\nreminders = ["7 days", "3 days"]\n[web]\nlisten = 5\n')
    assert set(found) == {"desk.base_url", "mailbox.0.port", "smtp.ca_file", "policy.reminders", "web.listen"}


def test_a_wrong_setting_raises_no_doubt_about_another(tmp_path: Path) -> None:
    text = GOOD.replace('host = "smtp.example.com"', 'host = ""\ntls = "none"').replace('user = "privacy"\n', "user = 5\n")
    assert set(faults(tmp_path, text)) == {"smtp.host", "mailbox.0.user"}


@pytest.mark.parametrize(
    "url", ["postgresql://desk:p[a#s]s/w@[::1]:5432/desk", "postgresql:///desk?host=/run/postgresql", "postgresql://db/desk"]
)
def test_a_database_may_be_named_as_its_driver_takes_it(tmp_path: Path, url: str) -> None:
    assert settings(tmp_path, f'{GOOD}[store]\nurl = "{url}"\n').store_url == url


def test_a_relative_path_of_sqlite_begins_at_the_file(tmp_path: Path) -> None:
    assert settings(tmp_path, GOOD + '[store]\nurl = "sqlite:///x/desk.sqlite3"\n').store_url == f"sqlite:///{tmp_path}/x/desk.sqlite3"


def test_a_secret_url_is_not_told_when_it_is_wrong(tmp_path: Path) -> None:
    assert "hush" not in str(faults(tmp_path, GOOD + '[store]\nurl = "oracle://desk:hush@db/desk"\n'))


def test_two_mailboxes_of_one_name_are_refused(tmp_path: Path) -> None:
    again = GOOD[GOOD.index("[[mailbox]]") : GOOD.index("[smtp]")]
    assert "mailbox.1.name" in faults(tmp_path, GOOD + again)


def test_a_file_that_is_not_toml_says_where(tmp_path: Path) -> None:
    (name,) = faults(tmp_path, "[desk\n")
    assert name.endswith("worker.toml")


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="privacy-desk init"):
        load(tmp_path / "nothing.toml", {})


def test_a_gap_in_the_numbers_of_mailboxes_is_a_fault(tmp_path: Path) -> None:
    assert faults(tmp_path, GOOD, {"PRIVACY_DESK__MAILBOX__2__HOST": "x"})


# Secrets ----------------------------------------------------------------------------------------------------------


def test_a_password_may_not_stand_in_the_file_and_is_not_shown(tmp_path: Path) -> None:
    found = faults(tmp_path, GOOD.replace("[smtp]", 'password = "hush-in-file"\n[smtp]'))
    assert "password_file" in found["mailbox.0.password"]
    assert "hush" not in str(found)


def test_a_password_of_the_environment_is_used(tmp_path: Path) -> None:
    found = settings(tmp_path, environment={"PRIVACY_DESK__MAILBOX__0__PASSWORD": "hush-environment"})
    assert found.mailbox_settings()[0].password == "hush-environment"


def test_an_empty_or_missing_password_file_is_named(tmp_path: Path) -> None:
    found = settings(tmp_path)
    (tmp_path / "mailbox.secret").write_text("")
    with pytest.raises(ConfigurationError, match=r"mailbox\.0\.password_file"):
        found.mailbox_settings()


def test_no_secret_is_shown_by_config_show_or_repr(tmp_path: Path) -> None:
    given = {"PRIVACY_DESK__MAILBOX__0__PASSWORD": "hush-1", "PRIVACY_DESK__STORE__URL": "postgresql://desk:hush-2@db.example.com/desk"}
    found = settings(tmp_path, environment=given)
    everything = shown(found) + repr(found)
    assert "hush" not in everything
    assert 'url = "postgresql://desk:***@db.example.com/desk"' in shown(found)


def test_config_show_is_toml_and_says_where_each_value_came_from(tmp_path: Path) -> None:
    text = shown(settings(tmp_path, environment={"PRIVACY_DESK__SMTP__PORT": "2525"}))
    assert tomllib.loads(text)["mailbox"][0]["host"] == "imap.example.com"
    assert re.search(r"^port = 2525  # environment PRIVACY_DESK__SMTP__PORT$", text, re.MULTILINE)
    assert re.search(r"^port = 993  # default$", text, re.MULTILINE)
    assert re.search(r'^company = "Example Company BV"  # .*worker\.toml:2$', text, re.MULTILINE)


def test_config_show_has_every_setting_also_those_that_are_not_set(tmp_path: Path) -> None:
    text = shown(settings(tmp_path))
    for name, kind, _ in sections():
        below = text.partition(f"[{name}]")[2].partition("\n\n")[0]
        missing = [
            key_of(field.name) for field, _about, _hint in values(kind) if not re.search(rf"^#?{key_of(field.name)} =", below, re.MULTILINE)
        ]
        assert missing == [], name
    assert re.search(r"^#since =  # not set$", text, re.MULTILINE)


def test_the_line_of_a_setting_is_found_in_repeated_sections(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('[[mailbox]]\nname = "a"\n[[mailbox]] # second\nname = "b"\n[newsletter]\n[[newsletter.relay]]\nhost = "c"\n')
    tree = from_file(file)
    assert tree["mailbox"][1]["name"].where.endswith(":4")  # type: ignore[index,union-attr,call-overload]
    assert tree["newsletter"]["relay"][0]["host"].where.endswith(":7")  # type: ignore[index,union-attr,call-overload]
