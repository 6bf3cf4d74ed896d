"""The environment of these tests is that of the template, and secrets come from where the template says."""

import json
import secrets
from typing import Any

import boto3
import pytest

from tests.forward.stage import HELLO, Stage
from tests.lambda_runtime.conftest import StartFunction
from tests.lambda_runtime.disk import Disk
from tests.lambda_runtime.environment import STREAM, Environment, InitFailed
from tests.lambda_runtime.events import event

CHAT = {"messages": HELLO}


def secret(endpoint_url: str, **values: str) -> str:
    """The name of a new secret on MiniStack."""
    client: Any = boto3.client(
        "secretsmanager",
        region_name="us-east-1",
        endpoint_url=endpoint_url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    name = f"farebox-{secrets.token_hex(5)}/gateway"
    client.create_secret(Name=name, SecretString=json.dumps(values))
    return name


def test_the_environment_is_that_of_the_template(disk: Disk, function: Environment) -> None:
    """Handler, wrapper and every setting of the adapter are here as they are deployed, but for paths and port."""
    template = json.loads((disk.task.parent / "package/template.json").read_text())
    properties = template["Resources"]["StreamFunction"]["Properties"]
    deployed = properties["Environment"]["Variables"]
    here = function.own_variables() | {"AWS_LWA_PORT": "8080", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"}
    adapters = ("AWS_LWA_", "AWS_LAMBDA_EXEC_WRAPPER")
    assert properties["Handler"] == STREAM
    assert {n: v for n, v in deployed.items() if n.startswith(adapters)} == {
        n: v for n, v in here.items() if n.startswith(adapters)
    }
    assert properties["LoggingConfig"]["LogFormat"] == here["AWS_LAMBDA_LOG_FORMAT"]


def test_secrets_are_read_when_the_environment_starts(
    environments: StartFunction, stage: Stage, dynamodb_url: str
) -> None:
    """The provider's key and the secret of addresses come from Secrets Manager; neither is in the environment."""
    name = secret(dynamodb_url, HASH_SECRET=secrets.token_hex(16), LLAMA_API_KEY="a-key-of-the-provider")
    function = environments(HASH_SECRET=None, SECRETS=name, SECRETS_ENDPOINT_URL=dynamodb_url)
    assert function.invoke(event(CHAT, stage.key)).whole().status == 200
    assert ("authorization", "Bearer a-key-of-the-provider") in stage.upstream.call.headers
    assert "a-key-of-the-provider" not in function.log


@pytest.mark.parametrize("values", [None, {"HASH_SECRET": "short"}])
def test_without_its_secrets_nothing_starts(
    environments: StartFunction, dynamodb_url: str, values: dict[str, str] | None
) -> None:
    """A secret that is not there, or a value in it that is too short: the init fails, and one line says which."""
    name = secret(dynamodb_url, **values) if values else "farebox-nobody/gateway"
    with pytest.raises(InitFailed) as failed:
        environments(HASH_SECRET=None, SECRETS=name, SECRETS_ENDPOINT_URL=dynamodb_url)
    log = str(failed.value)
    assert "Traceback" not in log
    named = "HASH_SECRET" if values else name
    assert [line for line in log.splitlines() if named in line], log
