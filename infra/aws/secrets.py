"""The secrets of a deployment: `python -m infra.aws.secrets --stage staging list`, or `set`, `unset`, `rotate` a NAME.

A value comes from standard input or a prompt that does not show it, never from an argument, and is never printed.
Functions read a changed secret within SECRETS_MAX_AGE_S, five minutes by default.
"""

import argparse
import getpass
import json
import secrets
import sys
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from functions import settings
from functions.projects.operators import operators
from infra.aws.chosen_stage import add_stage, read_stage
from infra.aws.secret_documents import DOCUMENTS, GENERATED, KEPT_AS, document_of, secret_name
from infra.aws.stage_file import StageError

GENERATED_BYTES = 32
NAMES = [name for names in DOCUMENTS.values() for name in names]

Change = Callable[[dict[str, str]], object]


class SecretError(Exception):
    """A secret cannot be changed or listed. The message never holds a value."""


def listed(client: Any, stage: str) -> list[str]:
    """A line for each secret: its name, when it last changed, and the names that are set in it."""
    lines = []
    for document in DOCUMENTS:
        name = secret_name(stage, document)
        described = _asked(client.describe_secret, name, SecretId=name)
        changed = described.get("LastChangedDate") or described["CreatedDate"]
        set_names = ", ".join(sorted(_read(client, name))) or "nothing set"
        lines.append(f"{name}  changed {changed:%Y-%m-%d %H:%M} UTC  {set_names}")
    return lines


def put(client: Any, stage: str, setting: str, value: str) -> None:
    """Give a setting a value. Raises SecretError where it is malformed, or one before it would be lost."""
    try:
        operators(settings.read({setting: value}))
    except settings.SettingsError as error:
        raise SecretError(str(error)) from None
    _change(client, stage, setting, lambda document: document.update({setting: value} | _kept(document, setting)))


def unset(client: Any, stage: str, setting: str) -> None:
    """Take a setting away. Raises SecretError for one that no deployment can be without."""
    if setting in GENERATED:
        raise SecretError(f"{setting} cannot be taken away; rotate it")
    _change(client, stage, setting, lambda document: document.pop(setting, None))


def rotate(client: Any, stage: str, setting: str) -> None:
    """Give a generated setting a new value. Raises SecretError for one that somebody else makes."""
    if setting not in GENERATED:
        raise SecretError(f"{setting} is made elsewhere: get a new one there, then `set {setting}`")
    put(client, stage, setting, secrets.token_urlsafe(GENERATED_BYTES))


def _kept(document: dict[str, str], setting: str) -> dict[str, str]:
    """What a setting was, under the name that it is kept as. Raises SecretError where that is taken by one before."""
    before = KEPT_AS.get(setting, "")
    if not before or setting not in document:
        return {}
    if before in document:
        raise SecretError(
            f"{before} is still set, and what is sealed by it would be lost: docs/operate.md says how it is sealed"
            f" anew; then `unset {before}`, and change {setting}"
        )
    return {before: document[setting]}


def _change(client: Any, stage: str, setting: str, change: Change) -> None:
    name = secret_name(stage, document_of(setting))
    document = _read(client, name)
    change(document)
    _asked(client.put_secret_value, name, SecretId=name, SecretString=json.dumps(document))


def _read(client: Any, name: str) -> dict[str, str]:
    text = _asked(client.get_secret_value, name, SecretId=name)["SecretString"]
    try:
        document: dict[str, str] = json.loads(text)
    except ValueError:
        raise SecretError(f"{name} is not a JSON object") from None
    return document


def _asked(call: Callable[..., Any], name: str, **arguments: Any) -> Any:
    """What Secrets Manager answers. Raises SecretError where the secret cannot be reached."""
    try:
        return call(**arguments)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ResourceNotFoundException":
            raise SecretError(f"there is no secret {name}: is the stage deployed, and is this its account?") from None
        raise SecretError(f"{name}: {code}") from None
    except BotoCoreError as error:
        raise SecretError(f"{name}: {error}") from None


def _value(setting: str) -> str:
    """What the operator gives; from a pipe without the line's end."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{setting} (not shown): ").strip()
    return sys.stdin.read().strip()


def main() -> int:
    """Exit code: 0 done, 1 not (one line says why)."""
    parser = argparse.ArgumentParser(prog="python -m infra.aws.secrets", description="The secrets of a deployment.")
    add_stage(parser)
    does = parser.add_subparsers(dest="does", required=True)
    does.add_parser("list", help="the names that are set, and when they changed")
    for name, names, help in (
        ("set", NAMES, "from standard input or a prompt"),
        ("unset", [name for name in NAMES if name not in GENERATED], "take a value away"),
        ("rotate", list(GENERATED), "generate a new value"),
    ):
        does.add_parser(name, help=help).add_argument("setting", choices=names, metavar="NAME")
    arguments = parser.parse_args()
    try:
        stage = read_stage(arguments)
        client = boto3.client("secretsmanager", region_name=stage.region)
        if arguments.does == "list":
            print(*listed(client, stage.name), sep="\n")
            return 0
        if arguments.does == "set":
            put(client, stage.name, arguments.setting, _value(arguments.setting))
        else:
            {"unset": unset, "rotate": rotate}[arguments.does](client, stage.name, arguments.setting)
    except (SecretError, StageError) as error:
        print(f"farebox: {error}", file=sys.stderr)
        return 1
    print(f"{arguments.setting} is changed; functions use it within SECRETS_MAX_AGE_S (five minutes by default)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
