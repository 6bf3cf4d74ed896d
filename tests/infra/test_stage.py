"""Stages: what an operator may write into a stage's file, and how each mistake is told."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from functions.settings import Settings
from infra.aws import stage_file
from infra.aws.stage import FUNCTIONS
from infra.aws.stage_file import FOLDER, StageError

SECRETS = [each.name.upper() for each in dataclasses.fields(Settings) if each.metadata.get("secret")]
WIREGUARD = {"vpn": "wireguard", "wireguard_peer_key": "k" * 43 + "=", "remote_cidrs": ["100.64.0.0/24"]}


def refused(document: dict[str, Any]) -> str:
    """What the mistake in a document is called."""
    with pytest.raises(StageError) as error:
        stage_file.made("staging", document)
    return str(error.value)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_the_stages_of_the_repository_can_be_read(path: Path) -> None:
    """Each file is valid as it is, and belongs to the stage that it is named after."""
    stage = stage_file.read(path.stem)
    assert (stage.name, stage.stack, stage.table_prefix) == (path.stem, f"farebox-{path.stem}", f"farebox-{path.stem}-")
    assert not stage.in_vpc, "an example deploys without a VPN until somebody asks for one"


def test_there_are_staging_and_production() -> None:
    """The two that the documentation and the workflows speak of."""
    assert {path.stem for path in FOLDER.glob("*.toml")} == {"staging", "prod"}


def test_an_empty_file_is_a_stage() -> None:
    """Everything has a default: streaming on arm64, no VPN, nothing reserved, nobody lets in an operator."""
    stage = stage_file.made("staging", {})
    assert (stage.streaming, stage.architecture, stage.python) == (True, "arm64", "3.13")
    assert set(stage.capacity.memory_mb) == set(stage.capacity.reserved_concurrency) == set(FUNCTIONS)
    assert set(stage.capacity.reserved_concurrency.values()) == {0}
    assert (stage.makes_network, stage.in_vpc, stage.admin.allowed_cidrs) == (False, False, ())


def test_one_function_may_differ() -> None:
    """What is said of one function leaves the others as they are."""
    stage = stage_file.made("staging", {"capacity": {"memory_mb": {"stream": 512}}})
    assert (stage.capacity.memory_mb["stream"], stage.capacity.memory_mb["api"]) == (512, 256)


def test_settings_are_the_text_of_environment_variables() -> None:
    """TOML's own numbers and truths may be used; functions read text."""
    given = {"TRIAL_TOKENS": 5, "TRIAL_PER_MAILBOX": False, "UPSTREAM_CONNECT_TIMEOUT_S": 1.5, "LLAMA_MODEL": "m"}
    settings = stage_file.made("staging", {"settings": given}).settings
    expected = {"TRIAL_TOKENS": "5", "TRIAL_PER_MAILBOX": "false"}
    assert dict(settings) == expected | {"UPSTREAM_CONNECT_TIMEOUT_S": "1.5", "LLAMA_MODEL": "m"}


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_in_a_file_is_refused(name: str) -> None:
    """By its name, whatever its value, which is not repeated."""
    told = refused({"settings": {name: "s3cret-of-sixteen-and-more"}})
    assert told.startswith(f"settings.{name} is a secret:")
    assert "s3cret" not in told


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"regoin": "eu-west-1"}, "regoin is no key of a stage"),
        ({"name": "other"}, "name is no key of a stage"),
        ({"network": {"vnp": "none"}}, "network.vnp is no key"),
        ({"network": "none"}, "network must be a table"),
        ({"network": {"vpn": "openvpn"}}, "network.vpn must be one of: none, site-to-site, wireguard"),
        ({"network": {"vpn": "site-to-site"}}, "network.customer_gateway_ip must be set"),
        ({"network": {"vpn": "wireguard"}}, "network.wireguard_peer_key must be set"),
        ({"network": WIREGUARD | {"remote_cidrs": []}}, "network.remote_cidrs must be set"),
        ({"network": WIREGUARD | {"remote_cidrs": ["100.64.0.2/24"]}}, "network.remote_cidrs: 100.64.0.2/24 has host"),
        ({"network": {"cidr": "everything"}}, "network.cidr: 'everything'"),
        ({"network": {"customer_gateway_ip": "example.com"}}, "network.customer_gateway_ip: 'example.com'"),
        ({"network": {"outbound": "nat"}}, "network.outbound is of the VPC"),
        ({"network": {"subnet_ids": ["subnet-1a"]}}, "network.subnet_ids and network.security_group_ids need each"),
        ({"network": {"subnet_ids": ["10.0.0.0/24"]}}, "network.subnet_ids: '10.0.0.0/24' does not look like"),
        ({"network": WIREGUARD | {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}}, "network.subnet_ids"),
        ({"streaming": "yes"}, "streaming must be true or false"),
        ({"architecture": "armv7"}, "architecture must be one of: arm64, x86_64"),
        ({"python": 3.13}, "python must be a text"),
        ({"python": "3.10"}, "python must be one of"),
        ({"region": "Frankfurt"}, "region: 'Frankfurt' does not look like"),
        ({"capacity": {"memory_mb": {"api": 64}}}, "capacity.memory_mb.api must be between 128 and 10240"),
        ({"capacity": {"memory_mb": {"lambda": 256}}}, "capacity.memory_mb must be a table with an entry for any of"),
        ({"capacity": {"memory_mb": 256}}, "capacity.memory_mb must be a table"),
        ({"capacity": {"reserved_concurrency": {"api": True}}}, "capacity.reserved_concurrency.api must be a whole"),
        ({"capacity": {"throttle_rate": 0}}, "capacity.throttle_rate must be between 1"),
        ({"logs": {"retention_days": 31}}, "logs.retention_days must be one of: 1, 3, 5, 7"),
        ({"alarms": {"mail": "operator"}}, "alarms.mail: 'operator' does not look like"),
        ({"admin": {"allowed_cidrs": "10.0.0.0/8"}}, "admin.allowed_cidrs must be a list"),
        ({"admin": {"allowed_cidrs": ["10.0.0.1/8"]}}, "admin.allowed_cidrs: 10.0.0.1/8 has host bits"),
        ({"settings": {"TRIAL_TOKEN": 1}}, "settings.TRIAL_TOKEN is no setting"),
        ({"settings": {"TRIAL_TOKENS": "many"}}, "settings.TRIAL_TOKENS must be a number"),
        ({"settings": {"LLAMA_MODEL": ["a"]}}, "settings.LLAMA_MODEL must be a text, a number, true or false"),
        ({"settings": {"TABLE_PREFIX": "x-"}}, "settings.TABLE_PREFIX cannot be set here"),
        ({"settings": {"ADMIN_ALLOWED_CIDRS": ""}}, "settings.ADMIN_ALLOWED_CIDRS cannot be set here"),
        (
            {"settings": {"OUTBOUND_ALLOWED_CIDRS": "10.0.0.0/8,127.0.0.0/8"}},
            "settings.OUTBOUND_ALLOWED_CIDRS must not reach into the function itself",
        ),
        ({"settings": {"PROJECTS_SECRET": "s" * 40}}, "settings.PROJECTS_SECRET is a secret"),
        ({"settings": {"OPERATOR_PROVIDERS": "{}"}}, "settings.OPERATOR_PROVIDERS is a secret"),
        ({"settings": {"RULES": "{"}}, "settings.RULES must be a JSON object"),
        ({"settings": {"RULES": '{"prices": [{"model": "*", "input": -1}]}'}}, "settings.RULES: prices"),
        ({"mail": {"identity": "example.com"}}, "settings.SMTP_FROM must be an address of mail.identity"),
        (
            {"mail": {"identity": "example.com"}, "settings": {"SMTP_FROM": "a@notexample.com"}},
            "settings.SMTP_FROM must be an address of mail.identity, example.com",
        ),
    ],
)
def test_a_mistake_is_named(document: dict[str, Any], told: str) -> None:
    """By its key and what is wrong with it, before anything is packaged."""
    assert refused(document).startswith(told)


def test_the_file_is_named_too(tmp_path: Path) -> None:
    """An operator with several stages reads which file to open; a line of TOML that cannot be read is told as well."""
    (tmp_path / "blue.toml").write_text('[settings]\nHASH_SECRET = "s"\n')
    (tmp_path / "green.toml").write_text("[settings\n")
    with pytest.raises(StageError, match=r"^blue\.toml: settings\.HASH_SECRET is a secret:"):
        stage_file.read("blue", tmp_path)
    with pytest.raises(StageError, match=r"^green\.toml: .*line 1"):
        stage_file.read("green", tmp_path)
    with pytest.raises(StageError, match=r"^there is no red\.toml in .*; stages are: blue, green$"):
        stage_file.read("red", tmp_path)


@pytest.mark.parametrize("name", ["", "Prod", "my-data", "a" * 17, "../prod", "github", "1st"])
def test_a_name_that_could_collide_is_refused(name: str) -> None:
    """`farebox-my-data` would be the data of `my`, `farebox-github` is another stack, and a bucket's name has 63."""
    with pytest.raises(StageError, match="cannot be a stage"):
        stage_file.read(name)


@pytest.mark.parametrize("sender", ["no-reply@example.com", "Farebox <a@mail.example.com>"])
def test_mail_comes_from_the_identity(sender: str) -> None:
    """A verified domain sends for its own addresses and those of its subdomains."""
    document = {"mail": {"identity": "example.com"}, "settings": {"SMTP_FROM": sender}}
    assert stage_file.made("staging", document).mail.identity == "example.com"


@pytest.mark.parametrize(
    ("document", "doubted"),
    [
        ({}, "LLAMA_BASE_URL is not set"),
        ({"settings": {"LLAMA_BASE_URL": "http://100.64.0.2:8502"}}, "a private address"),
        ({"settings": {"LLAMA_BASE_URL": "http://localhost:8502"}}, "a private address"),
        ({}, "no registration mail can be sent"),
        ({}, "nobody reaches /admin"),
    ],
)
def test_what_will_not_work_is_told(document: dict[str, Any], doubted: str) -> None:
    """A stage may be deployed without a model or mail, but not without hearing so."""
    assert [doubt for doubt in stage_file.doubts(stage_file.made("staging", document)) if doubted in doubt]


def test_nothing_is_doubted_without_a_reason() -> None:
    """A complete stage packages in silence, with a public llama-server or one behind the VPN."""
    complete: dict[str, Any] = {
        "settings": {"LLAMA_BASE_URL": "https://llama.example.com", "SMTP_FROM": "a@example.com"},
        "mail": {"identity": "example.com"},
        "admin": {"allowed_cidrs": ["203.0.113.7/32"]},
    }
    assert stage_file.doubts(stage_file.made("staging", complete)) == []
    complete |= {"network": WIREGUARD, "settings": complete["settings"] | {"LLAMA_BASE_URL": "http://100.64.0.2:8502"}}
    assert stage_file.doubts(stage_file.made("staging", complete)) == []
