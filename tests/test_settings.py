"""Settings: parsed once, refused when wrong, documented on one page."""

import dataclasses
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from functions import settings as settings_module
from functions.settings import (
    PROJECTS_SECRET_LENGTH_MIN,
    SECRET_LENGTH_MIN,
    Settings,
    SettingsError,
    dotenv,
    names,
    read,
)
from functions.values import PLACEHOLDERS

DOCS = Path(__file__).parent.parent / "docs" / "settings.md"
FIELDS = {f.name: f for f in dataclasses.fields(Settings)}
SECRETS = [name for name, f in FIELDS.items() if f.metadata.get("secret")]
NUMBERS = [name for name, f in FIELDS.items() if isinstance(f.default, int | float) and not isinstance(f.default, bool)]
WHOLE_NUMBERS = [name for name in NUMBERS if isinstance(FIELDS[name].default, int)]
BOOLEANS = [name for name, f in FIELDS.items() if isinstance(f.default, bool)]
TEXTS = [name for name, f in FIELDS.items() if f.default == "" or isinstance(f.default, str)]
TEXTS = [name for name in TEXTS if name not in SECRETS and not FIELDS[name].metadata.get("choices")]
LOCAL = ("100.64.0.0/10", "127.0.0.1/32", "::1/128", "172.16.0.0/12")


def good(name: str) -> str:
    """A secret that the setting takes."""
    if name == "notices_secret":
        return "whsec_" + "s3cret/k" * 4
    prefix: str = next(iter(FIELDS[name].metadata.get("prefixes", ("",))))
    return prefix + "s3cret-" + "k" * PROJECTS_SECRET_LENGTH_MIN


def one(name: str, text: str) -> Any:
    """What a setting becomes when the environment says `text`."""
    return getattr(read({name.upper(): text}), name)


def test_without_an_environment_every_setting_has_its_default() -> None:
    """The defaults are usable on one machine, where the operator comes from private networks."""
    settings = read({})
    for name, setting in FIELDS.items():
        if name != "admin_allowed_cidrs":
            assert getattr(settings, name) == setting.default
    assert settings.admin_allowed_cidrs == tuple(ip_network(text) for text in LOCAL)


def test_on_lambda_nobody_is_the_operator_until_told() -> None:
    """Private networks say nothing there; the list is empty until it is set."""
    assert read({"AWS_LAMBDA_FUNCTION_NAME": "f"}).admin_allowed_cidrs == ()
    given = read({"AWS_LAMBDA_FUNCTION_NAME": "f", "ADMIN_ALLOWED_CIDRS": "10.0.0.0/8"})
    assert (given.on_lambda, given.admin_allowed_cidrs) == (True, (ip_network("10.0.0.0/8"),))


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_taken_without_the_space_around_it(name: str) -> None:
    """What a shell or an editor adds is not part of a value."""
    assert one(name, "  some text\n") == "some text"


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_a_number_within_bounds(name: str) -> None:
    """Of the type of its default; text, negatives, NaN and infinity are refused, and the message names the setting."""
    assert one(name, " 42 ") == 42
    assert type(one(name, "42")) is type(FIELDS[name].default)
    for wrong in ("", "many", "-1", "nan", "inf", "1e400", "1000000000000", "0x10", "4 2"):
        with pytest.raises(SettingsError, match=name.upper()):
            one(name, wrong)


@pytest.mark.parametrize("name", WHOLE_NUMBERS)
def test_a_whole_number_has_no_fraction(name: str) -> None:
    """`1.5` requests a minute is a mistake, not 1."""
    with pytest.raises(SettingsError, match=name.upper()):
        one(name, "1.5")


@pytest.mark.parametrize("name", BOOLEANS)
def test_true_and_false_are_the_only_words_for_it(name: str) -> None:
    """`no` would otherwise be true."""
    assert [one(name, text) for text in ("true", "TRUE", "1", "false", "False", "0")] == [True] * 3 + [False] * 3
    for wrong in ("", "yes", "no", "2"):
        with pytest.raises(SettingsError, match=name.upper()):
            one(name, wrong)


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_is_empty_or_a_placeholder_is_refused(name: str) -> None:
    """Refused at the start, with the setting's name; the value itself is never repeated."""
    assert one(name, good(name)) == good(name)
    placeholders = [placeholder + "-" * PROJECTS_SECRET_LENGTH_MIN for placeholder in PLACEHOLDERS]
    for wrong in ("", "   ", *placeholders, *(text.upper() for text in placeholders)):
        with pytest.raises(SettingsError, match=name.upper()) as refused:
            one(name, wrong)
        assert not wrong.strip() or wrong not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("hash_secret", SECRET_LENGTH_MIN),
        ("admin_key", SECRET_LENGTH_MIN),
        ("projects_secret", PROJECTS_SECRET_LENGTH_MIN),
        ("projects_secret_before", PROJECTS_SECRET_LENGTH_MIN),
    ],
)
def test_a_secret_of_our_own_has_a_length(name: str, length: int) -> None:
    """What we choose ourselves can be long; one character less is refused and not repeated."""
    assert one(name, "k" * length)
    with pytest.raises(SettingsError, match=name.upper()) as refused:
        one(name, "k" * (length - 1))
    assert "kkk" not in str(refused.value)


@pytest.mark.parametrize("wrong", ["k" * 32, "whsec_" + "k" * 28, "whsec_" + "k" * 88, "whsec_" + "k-_!" * 8])
def test_the_secret_of_notices_is_one_of_the_standard(wrong: str) -> None:
    """It is refused at the start, and not in each run of what signs with it."""
    with pytest.raises(SettingsError, match="NOTICES_SECRET must be whsec_ and 24 to 64 random bytes") as refused:
        one("notices_secret", wrong)
    assert "kk" not in str(refused.value)


KEYS = {
    "stripe_secret_key": ("sk_live_", "rk_live_", "sk_test_", "rk_test_"),
    "mollie_api_key": ("live_", "test_"),
}


@pytest.mark.parametrize("name", KEYS)
def test_a_key_that_says_no_mode_is_refused(name: str) -> None:
    """Stripe's and Mollie's keys begin with their mode; another key, a publishable one too, names the setting."""
    for prefix in KEYS[name]:
        assert one(name, f" {prefix}51Abc ") == f"{prefix}51Abc"
    for wrong in ("s3cret", "pk_live_s3cret", "SK_LIVE_s3cret", "whsec_s3cret", "polar_oat_s3cret", "_live_s3cret"):
        with pytest.raises(SettingsError, match=f"{name.upper()} must begin with one of: ") as refused:
            one(name, wrong)
        assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("name", KEYS)
def test_a_key_that_is_only_begun_is_refused(name: str) -> None:
    """The beginning that every key has, and a placeholder behind it, are no key."""
    for prefix in KEYS[name]:
        for rest in ("", *PLACEHOLDERS, "...", "XXXX"):
            with pytest.raises(SettingsError, match=name.upper()):
                one(name, prefix + rest)


@pytest.mark.parametrize("name", ["polar_mode", "btcpay_mode"])
def test_where_a_key_says_no_mode_a_setting_does(name: str) -> None:
    """Live or test, in these letters; another word is refused."""
    assert [one(name, mode) for mode in ("live", "test")] == ["live", "test"]
    for wrong in ("", "sandbox", "LIVE"):
        with pytest.raises(SettingsError, match=f"{name.upper()} must be one of: live, test"):
            one(name, wrong)


def test_settings_show_no_secret() -> None:
    """Neither in a log nor in a traceback."""
    settings = read({name.upper(): good(name) for name in SECRETS})
    assert "s3cret" not in repr(settings) + str(settings) + f"{settings!r}"


@pytest.mark.parametrize("text", ["immediate", "on_first_use"])
def test_key_reissue_is_one_of_two_ways(text: str) -> None:
    """Any other word is refused, and the message lists the two."""
    assert one("key_reissue", text) == text
    for wrong in ("", "never", text.upper()):
        with pytest.raises(SettingsError, match="KEY_REISSUE must be one of: immediate, on_first_use"):
            one("key_reissue", wrong)


def test_lists_are_separated_by_commas() -> None:
    """Space and case do not matter, empty parts are nothing, what is no network is refused."""
    assert one("refused_email_domains", " Mail.test, ,b.test,") == ("mail.test", "b.test")
    assert one("refused_email_domains", "") == ()
    assert one("admin_allowed_cidrs", "10.0.0.0/8, ::1/128") == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert one("admin_allowed_cidrs", "") == ()
    for wrong in ("everyone", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/8;::1"):
        with pytest.raises(SettingsError, match="ADMIN_ALLOWED_CIDRS"):
            one("admin_allowed_cidrs", wrong)


@pytest.mark.parametrize(
    "network", ["127.0.0.0/8", "169.254.169.254/32", "0.0.0.0/0", "::1/128", "fe80::/10", "fd00:ec2::/64", "::/0"]
)
def test_no_url_of_an_owner_reaches_into_a_function(network: str) -> None:
    """On Lambda no setting opens loopback or what AWS answers to the function alone; on one machine it may be."""
    told = {"OUTBOUND_ALLOWED_CIDRS": f"10.0.0.0/8,{network}"}
    assert read(told).outbound_allowed_cidrs[1] == ip_network(network)
    with pytest.raises(SettingsError, match="OUTBOUND_ALLOWED_CIDRS must not reach into the function itself"):
        read(told | {"AWS_LAMBDA_FUNCTION_NAME": "stream"})
    assert read({"OUTBOUND_ALLOWED_CIDRS": "10.0.0.0/8,fd00::/64", "AWS_LAMBDA_FUNCTION_NAME": "stream"})


def test_a_hold_lives_long_enough_for_a_request() -> None:
    """Half of it is the request's; less than two seconds leave nothing."""
    assert one("hold_expiry_s", "2") == 2
    with pytest.raises(SettingsError, match="HOLD_EXPIRY_S"):
        one("hold_expiry_s", "1")


def test_what_cannot_be_done_without_is_asked_for_by_name() -> None:
    """HASH_SECRET has no default that could be guessed."""
    with pytest.raises(SettingsError, match="HASH_SECRET must be set"):
        read({}).need("hash_secret")
    read({"HASH_SECRET": "k" * SECRET_LENGTH_MIN}).need("hash_secret")


def test_what_is_no_setting_is_left_alone() -> None:
    """The environment is full of other programs' variables."""
    assert read({"PATH": "/bin", "base_url": "lower case", "FAREBOX": "x"}) == read({})


def test_the_environment_wins_over_dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env` is for one machine's habits, the environment for this run."""
    (tmp_path / ".env").write_text("BASE_URL=http://from.file\nTABLE_PREFIX=file-\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BASE_URL", "http://from.environment")
    monkeypatch.delenv("TABLE_PREFIX", raising=False)
    settings_module.source.cache_clear()
    try:
        settings = settings_module.get()
        assert (settings.base_url, settings.table_prefix) == ("http://from.environment", "file-")
        assert settings_module.get() is settings, "read once"
    finally:
        settings_module.source.cache_clear()


def test_dotenv_is_lines_of_name_and_value(tmp_path: Path) -> None:
    """Comments, behind values too, empty lines, `export`, quotes and space around values; no file is an empty one."""
    path = tmp_path / ".env"
    assert dotenv(path) == {}
    path.write_text("# A=1\n\n  B = two words \nexport C=\"three\"\nD='four'\nE=a=b\nno separator\n#F=1\nG=\n")
    assert dotenv(path) == {"B": "two words", "C": "three", "D": "four", "E": "a=b", "G": ""}
    path.write_text("A=one # mine\nB='two # three' # four\nC=a#b\nD= # nothing\nE=\"it's\"\t# five\n")
    assert dotenv(path) == {"A": "one", "B": "two # three", "C": "a#b", "D": "", "E": "it's"}


def documented() -> dict[str, str]:
    """Every row of the tables in docs/settings.md: name → default, as written."""
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| (.*?) \| .* ?\|$", DOCS.read_text(), re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a setting stands twice"
    return dict(rows)


def test_the_page_of_settings_lists_exactly_those_that_exist() -> None:
    """Name by name: none is missing, none is made up."""
    assert set(documented()) == set(names())


@pytest.mark.parametrize("name", [name for name in names() if FIELDS[name.lower()].default not in ("", ())])
def test_the_page_of_settings_tells_the_true_default(name: str) -> None:
    """A default with a value stands in the table as it is in the code."""
    default, written = FIELDS[name.lower()].default, documented()[name].strip("`")
    shown = str(default).lower() if isinstance(default, bool) else str(default).removesuffix(".0")
    assert written == shown


@pytest.mark.parametrize("name", [name for name in names() if FIELDS[name.lower()].default == ""])
def test_the_page_of_settings_promises_no_value_where_there_is_none(name: str) -> None:
    """What has no default is described in words, not as a value."""
    assert "`" not in documented()[name]
