"""What tests of the documentation believe in can say no: the reader of pages, each check, each stand-in."""

import base64
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs import blocks, checks
from tests.docs.blocks import Block
from tests.docs.commands import aws, make, python, wg

ALICE = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"
ALICE_PUBLIC = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
NEVER = NotImplementedError("nothing here opens a terminal")


def block(language: str, kind: str, code: str, about: str = "") -> Block:
    return Block(Path("page.md"), 1, language, kind, about, code, "")


def terminal() -> None:
    raise NEVER


def page(folder: Path, text: str) -> Path:
    path = folder / "page.md"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Words:\n\n    make run\n", "is indented"),
        ("1. Words:\n\n       make run\n", "is indented"),
        ("```\nmake run\n```\n", "has no language"),
        ("```sh\nmake run\n", "does not end"),
        ("<!-- ouput -->\n```json\n{}\n```\n", "which is none"),
    ],
)
def test_a_block_that_is_written_wrong(tmp_path: Path, text: str, words: str) -> None:
    """It is found, in lists too, and said what is wrong with it."""
    (found,) = blocks.read(page(tmp_path, text))
    assert words in found.wrong


def test_a_block_in_a_list(tmp_path: Path) -> None:
    """Its mark is read, and its code is without the item's indent."""
    (found,) = blocks.read(page(tmp_path, "1. Words:\n\n   <!-- output GET /account -->\n   ```json\n   {}\n   ```\n"))
    assert (found.kind, found.about, found.code, found.wrong) == ("output", "GET /account", "{}\n", "")
    assert not blocks.lost_marks(found.page)


@pytest.mark.parametrize("text", ["<!-- output -->\n\n```text\nx\n```\n", "<pre>\nmake run\n</pre>\n"])
def test_a_mark_or_code_that_no_block_has(tmp_path: Path, text: str) -> None:
    """A mark that slipped away from its block, and code in HTML, are told."""
    assert blocks.lost_marks(page(tmp_path, text))


def test_a_document_that_has_no_mark(tmp_path: Path) -> None:
    """What its language does not tell is told by nobody: nothing is done with it, and a test fails."""
    (found,) = blocks.read(page(tmp_path, "```json\n{}\n```\n"))
    assert not found.does


@pytest.mark.parametrize(
    "wrong",
    [
        block("text", "insights", 'fields @timestamp, colour | filter status = "…"'),
        block("toml", "stage", '[network]\nvpm = "none"'),
        block("json", "rules", '{"limits": {"usr": {"minute": 1}}}'),
        block("json", "rules", "{}"),
        block("json", "output", "{"),
        block("sh", "output", "make run"),
        block("json", "output", '{"status": "okay"}', "GET /health"),
        block("json", "output", '{"status": "ok", "version": 1}', "GET /health"),
        block("json", "output", '{"status": "ok"}', "GET /healthy"),
        block("json", "body", '{"email": 1}', "POST /register"),
        block("js", "file", 'console.log("another");', "examples/fetch/ask.mjs"),
        block("sh", "by hand", "if true; then", "an account"),
        block("sh", "by hand", "stripe listen --forward-to 127.0.0.1:8503/strip/webhook", "an account"),
        block("js", "by hand", "const = 1;", "an account"),
        block("python", "by hand", "print(", "an account"),
    ],
    ids=lambda block: f"{block.kind} {block.code[:20]}",
)
def test_what_a_check_refuses(wrong: Block) -> None:
    """A document or an answer with a word that is none, a field too many, or none at all."""
    with pytest.raises((AssertionError, ValueError, SyntaxError, KeyError, subprocess.CalledProcessError)):
        checks.check(wrong, terminal)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "words",
    [
        "secretmanager list-secrets",
        "secretsmanager list-secret",
        "secretsmanager get-secret-value --secret-name x",
        "secretsmanager get-secret-value",
        "cloudformation describe-stacks --query Stack[0].Outputs",
        "ec2 describe-vpc-endpoint-services --service-names x --output yml",
        "apigateway delete-base-path-mapping --domain-name api.example.com --base-path",
    ],
)
def test_what_aws_refuses(words: str) -> None:
    """A service, an operation, an option that there is none of; one that is missing; a query that finds nothing."""
    with pytest.raises(aws.Refused):
        aws.answer(words.split())


def test_what_aws_takes() -> None:
    """Lists, structures, shorthand and what every command has: an answer of the operation's own shape."""
    words = "apigateway create-domain-name --domain-name a --endpoint-configuration types=REGIONAL --region eu-west-1"
    assert '"regionalDomainName"' in aws.answer(words.split())
    told = aws.answer(["cloudformation", "describe-stacks", "--query", "Stacks[0].StackName", "--output", "text"])
    assert told == aws.ANYTHING


@pytest.mark.parametrize("words", [["deplay", "STAGE=staging"], ["deploy"]])
def test_what_make_refuses(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    """A target that there is none of, and one without its stage."""
    monkeypatch.setenv("REAL_MAKE", shutil.which("make") or "make")
    with pytest.raises(SystemExit):
        make.asked(["-n", *words])


@pytest.mark.parametrize(
    "words",
    [
        "infra.aws.restorer --stage prod close",
        "infra.aws.restore --stage prod shut",
        "infra.aws.restore --stage prod copy --until 2026-11-22T10:15:00Z",
        "infra.aws.restore --stage nowhere close",
        "pytest tests/infra/test_deploy.py",
    ],
)
def test_what_python_refuses(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """A module, a step, an option, a stage or a test that there is none of; nothing is done meanwhile."""
    monkeypatch.setattr(sys, "argv", [])
    with pytest.raises((SystemExit, ValueError)) as refused:
        python.run(words.split())
    assert not isinstance(refused.value, SystemExit) or refused.value.code


def test_what_wg_takes_and_refuses() -> None:
    """A key's public half is RFC 7748's (6.1); what is no key has none, and there is no tunnel to show."""
    private = base64.b64encode(bytes.fromhex(ALICE)).decode()
    assert base64.b64decode(wg.answer(["pubkey"], private)).hex() == ALICE_PUBLIC
    assert len(base64.b64decode(wg.answer(["genkey"], ""))) == 32
    for words, given in ((["pubkey"], "key"), (["show"], ""), (["genkeys"], "")):
        with pytest.raises(wg.Refused):
            wg.answer(words, given)
