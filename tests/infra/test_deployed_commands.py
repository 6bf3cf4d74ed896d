"""The operator's other commands: secrets, the site's files, and what is asked before anything happens."""

import dataclasses
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from functions.settings import Settings
from infra.aws import secret_documents, secrets, site
from infra.aws.template import secrets as secrets_template
from infra.site.files import FOLDER, LIBRARIES, files
from tests import stand
from tests.infra import deployed

STAGE = "cmd"
VALUE = "sk_live_" + "v" * 24


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with stand.ministack(tmp_path_factory.mktemp("commands")) as url:
        yield url


@pytest.fixture(scope="module")
def client(url: str) -> Any:
    """Secrets Manager as a deployment leaves it."""
    made = deployed.client(url, "secretsmanager")
    for document, names in secret_documents.DOCUMENTS.items():
        generated = {name: "g" * 64 for name in names if name in secret_documents.GENERATED}
        made.create_secret(Name=f"farebox-{STAGE}/{document}", SecretString=json.dumps(generated))
    return made


def document(client: Any, name: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(client.get_secret_value(SecretId=f"farebox-{STAGE}/{name}")["SecretString"])
    return found


def test_one_table_of_secrets() -> None:
    """Every secret setting is in one document; the template makes these documents, and generates what is generated."""
    of_settings = {
        each.name.upper()
        for each in dataclasses.fields(Settings)
        if each.metadata.get("secret") and not each.name.startswith("aws_")
    }
    assert sorted(secrets.NAMES) == sorted(of_settings)
    described = {
        name: tuple(re.findall(r"[A-Z][A-Z_]+[A-Z]", words)) for name, words in secrets_template.DESCRIPTIONS.items()
    }
    held = dict(secret_documents.DOCUMENTS)
    assert set(described.pop("payments")) <= set(held.pop("payments")), "words that cannot change any more"
    assert described == held
    assert sorted(secrets_template.GENERATED.values()) == sorted(secret_documents.GENERATED)


def test_set_and_unset(client: Any) -> None:
    """A value is put beside what is there, and taken away alone."""
    secrets.put(client, STAGE, "LLAMA_API_KEY", VALUE)
    assert document(client, "gateway") == {"HASH_SECRET": "g" * 64, "LLAMA_API_KEY": VALUE}
    assert any("HASH_SECRET, LLAMA_API_KEY" in line for line in secrets.listed(client, STAGE))
    secrets.unset(client, STAGE, "LLAMA_API_KEY")
    assert document(client, "gateway") == {"HASH_SECRET": "g" * 64}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LLAMA_API_KEY", "", "empty"),
        ("STRIPE_SECRET_KEY", "changeme-please", "placeholder"),
        ("ADMIN_KEY", "tooshort", "shorter than 16"),
        ("PROJECTS_SECRET", "s" * 31, "shorter than 32"),
        ("OPERATOR_PROVIDERS", '{"openai": {"preset": "opanai", "api_key": "sk-1"}}', "openai"),
    ],
)
def test_a_value_that_no_function_takes(client: Any, name: str, value: str, words: str) -> None:
    """A value that would keep functions from starting is refused, unseen, and nothing is changed."""
    before = {each: document(client, each) for each in secret_documents.DOCUMENTS}
    with pytest.raises(secrets.SecretError, match=words) as raised:
        secrets.put(client, STAGE, name, value)
    assert not value or value not in str(raised.value)
    assert {each: document(client, each) for each in secret_documents.DOCUMENTS} == before


def test_rotate_and_unset_what_may_be(client: Any) -> None:
    """Only what we generate is rotated here, and that is never taken away."""
    before = document(client, "gateway")["HASH_SECRET"]
    secrets.rotate(client, STAGE, "HASH_SECRET")
    after = document(client, "gateway")["HASH_SECRET"]
    assert after != before
    assert len(after) >= 43
    with pytest.raises(secrets.SecretError, match="made elsewhere"):
        secrets.rotate(client, STAGE, "STRIPE_SECRET_KEY")
    with pytest.raises(secrets.SecretError, match="cannot be taken away"):
        secrets.unset(client, STAGE, "ADMIN_KEY")


def test_what_seals_is_kept_when_it_is_rotated(client: Any) -> None:
    """Keys of providers are sealed by PROJECTS_SECRET: the one before stays known, and is never overwritten unasked."""
    before = document(client, "projects")["PROJECTS_SECRET"]
    secrets.rotate(client, STAGE, "PROJECTS_SECRET")
    rotated = document(client, "projects")
    assert rotated["PROJECTS_SECRET_BEFORE"] == before != rotated["PROJECTS_SECRET"]
    for change, value in ((secrets.rotate, ()), (secrets.put, ("p" * 64,))):
        with pytest.raises(secrets.SecretError, match="PROJECTS_SECRET_BEFORE is still set") as raised:
            change(client, STAGE, "PROJECTS_SECRET", *value)
        assert before not in str(raised.value)
        assert document(client, "projects") == rotated
    secrets.unset(client, STAGE, "PROJECTS_SECRET_BEFORE")
    secrets.put(client, STAGE, "PROJECTS_SECRET", "p" * 64)
    assert document(client, "projects") == {
        "PROJECTS_SECRET": "p" * 64,
        "PROJECTS_SECRET_BEFORE": rotated["PROJECTS_SECRET"],
    }


def test_a_stage_that_is_not_there(client: Any) -> None:
    """Plain words where the stage is not deployed, or the account is another."""
    with pytest.raises(secrets.SecretError, match="there is no secret farebox-other/mail: is the stage deployed"):
        secrets.put(client, "other", "SMTP_PASSWORD", VALUE)


def test_a_value_is_no_argument() -> None:
    """A value on the command line, which every process of the machine can see, is not taken."""
    command = [sys.executable, "-m", "infra.aws.secrets", "--stage", "staging", "set", "SMTP_PASSWORD", VALUE]
    made = subprocess.run(command, cwd=stand.ROOT, capture_output=True, text=True, timeout=60)
    assert made.returncode == 2
    assert "unrecognized arguments" in made.stderr


def test_publishing(url: str, tmp_path: Path) -> None:
    """Files are as in the folder, with types and caching; what the folder no longer has, the bucket neither."""
    s3, bucket = deployed.client(url, "s3"), "farebox-cmd-site"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    (tmp_path / "deep").mkdir()
    for name in ("index.html", "site.js", "site.css", "deep/logo.svg", "README.md"):
        (tmp_path / name).write_text(f"old {name}")
    site.publish(s3, bucket, {"api": "https://one.example/test"}, files(tmp_path))
    (tmp_path / "site.css").unlink()
    (tmp_path / "index.html").write_text("new")
    (tmp_path / "link.html").symlink_to("/etc/hostname")
    keys = site.publish(s3, bucket, {"api": "https://two.example/test"}, files(tmp_path))
    there = {each["Key"]: s3.get_object(Bucket=bucket, Key=each["Key"]) for each in contents(s3, bucket)}
    assert set(there) == set(keys) == {"index.html", "site.js", "deep/logo.svg", "config.json", *LIBRARIES}
    assert {key: (each["ContentType"], each["CacheControl"]) for key, each in there.items()} == {
        "index.html": ("text/html; charset=utf-8", "no-cache"),
        "config.json": ("application/json", "no-cache"),
        "site.js": ("text/javascript; charset=utf-8", "no-cache"),
        "vendor/uPlot.iife.min.js": ("text/javascript; charset=utf-8", "public, max-age=300"),
        "vendor/uPlot.min.css": ("text/css; charset=utf-8", "public, max-age=300"),
        "deep/logo.svg": ("image/svg+xml", "public, max-age=300"),
    }
    assert there["index.html"]["Body"].read() == b"new"
    assert json.load(there["config.json"]["Body"]) == {"api": "https://two.example/test"}

    site.empty(s3, bucket)  # earlier versions too
    s3.delete_bucket(Bucket=bucket)


def contents(s3: Any, bucket: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return found


class Page(HTMLParser):
    """What a page refers to, and what a strict policy would not let it do."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []
        self.files: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.inside = tag
        self.refused += [name for name in given if name == "style" or name.startswith("on")]
        for name in ("src", "href"):
            value = given.get(name)
            if value and not value.startswith("data:"):
                self.files.append(value)

    def handle_data(self, data: str) -> None:
        if self.inside in ("script", "style") and data.strip():
            self.refused.append(f"inline {self.inside}")


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.html")))
def test_a_page_keeps_to_a_strict_policy(name: str) -> None:
    """A page of the site has no script, style or handler of its own, and refers only to files of the site."""
    page = Page()
    page.feed((FOLDER / name).read_text())
    assert not page.refused
    assert page.files
    named = {re.split("[?#]", file)[0].removeprefix("/").removeprefix("./") or "index.html" for file in page.files}
    assert named <= set(files())


@pytest.mark.parametrize(
    ("command", "answer", "words"),
    [
        (("deploy", "--stage", "prod"), "yes", "not deployed"),
        (("destroy", "--stage", "staging"), "y", "nothing was destroyed"),
        (("destroy", "--stage", "staging", "--delete-data"), "prod", "nothing was destroyed"),
    ],
)
def test_what_is_asked_first(command: tuple[str, ...], answer: str, words: str) -> None:
    """At a terminal, production and every destruction want a word typed; any other, and AWS is not even asked."""
    terminal, other = pty.openpty()
    nobody = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{stand.free_port()}", "AWS_MAX_ATTEMPTS": "1"}
    made = subprocess.Popen(
        [sys.executable, "-m", f"infra.aws.{command[0]}", *command[1:]],
        cwd=stand.ROOT,
        env=os.environ | deployed.ROOT_KEY | nobody,
        stdin=other,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.write(terminal, f"{answer}\n".encode())
    said, error = made.communicate(timeout=60)
    os.close(terminal)
    os.close(other)
    assert (made.returncode, error) == (1, f"farebox: {words}\n")
    assert f"the stage {command[2]}. Type " in said
    assert ("EVERY ACCOUNT AND BALANCE" in said) == ("--delete-data" in command)
