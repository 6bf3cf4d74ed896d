"""A deployment inside MiniStack, made by `infra.aws.deploy` itself, and what tests ask of it.

MiniStack enforces IAM here (AUTH), so the roles of the template must suffice; and its functions run on a Python
without packages, so that the layers must, too.
"""

import contextlib
import json
import os
import secrets
import string
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from infra.aws import package, stage_file
from infra.aws.cloudformation import Stacks
from infra.aws.deploy import api_url
from infra.aws.stage import Stage
from infra.local.progress import Progress
from tests import stand
from tests.infra import packaged

BARE = (
    "import runpy, sys; sys.executable = sys._base_executable;"
    " runpy.run_module('ministack', run_name='__main__', alter_sys=True)"
)
"""MiniStack itself needs .venv; the functions that it starts by `sys.executable` do not get it."""
ROOT_KEY = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
"""Who may do everything in MiniStack: the operator."""
NO_PROFILE = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_PROFILE": ""}
ADDRESS = "https://api.farebox.example"
"""As the stage says that people reach it; here it is reached at MiniStack."""
STAGE = """\
streaming = false
architecture = "{architecture}"
python = "{python}"

[settings]
LLAMA_BASE_URL = "{llama_url}"
DYNAMODB_ENDPOINT_URL = "{url}"
SECRETS_ENDPOINT_URL = "{url}"
SES_ENDPOINT_URL = "{url}"
SECRETS_MAX_AGE_S = 1
BASE_URL = "{address}"
SMTP_FROM = "Farebox <no-reply@farebox.example>"
TRIAL_TOKENS = 100_000
REGISTRATION_RATE_LIMIT = 1000
INFERENCE_IP_RATE_LIMIT = 10_000
STRIPE_URL = "{stripe_url}"

[mail]
identity = "farebox.example"

[admin]
allowed_cidrs = ["127.0.0.1/32"]
"""
COMMAND_WITHIN_S = 240
ANY = "x-amazon-apigateway-any-method"
METHODS = ("delete", "get", "head", "options", "patch", "post", "put")


@dataclass
class Deployed:
    """One stage in a MiniStack of its own."""

    url: str
    folder: Path
    stage: Stage
    left_out: list[str]

    def run(self, module: str, *arguments: str, say: str | None = None) -> "subprocess.CompletedProcess[str]":
        """A command as the operator types it; `say` is its standard input."""
        command = [sys.executable, "-m", f"infra.aws.{module}", *arguments]
        environment = os.environ | ROOT_KEY | NO_PROFILE | {"AWS_ENDPOINT_URL": self.url}
        environment = {name: value for name, value in environment.items() if value}
        return subprocess.run(
            command,
            cwd=stand.ROOT,
            env=environment,
            input=say or "",
            capture_output=True,
            text=True,
            timeout=COMMAND_WITHIN_S,
        )

    def deploy(self, *arguments: str) -> str:
        """`make deploy` of the package that is there; gives what it says."""
        made = self.run("deploy", "--stage-file", str(self.stage_file), "--package", str(self.package), *arguments)
        assert made.returncode == 0, made.stdout + made.stderr
        return made.stdout

    def destroy(self, *arguments: str) -> str:
        made = self.run("destroy", "--stage-file", str(self.stage_file), "--yes", *arguments)
        assert made.returncode == 0, made.stdout + made.stderr
        return made.stdout

    @property
    def stage_file(self) -> Path:
        return self.folder / f"{self.stage.name}.toml"

    @property
    def package(self) -> Path:
        return self.folder / "package"

    def client(self, service: str) -> Any:
        """boto3's client for MiniStack, as the operator."""
        return client(self.url, service)

    @property
    def stacks(self) -> Stacks:
        return Stacks(self.client("cloudformation"), print, poll_s=0.1)

    @property
    def api(self) -> str:
        """The API's address in MiniStack, stage path and all."""
        return api_url(self.stacks, self.stage.stack, self.stage.name, self.url)

    @property
    def gateway(self) -> stand.RunningGateway:
        """What is deployed, as other tests know a gateway; its mail is in `mails`."""
        return stand.RunningGateway(self.api, self.folder, None, None, self.folder)  # type: ignore[arg-type]

    @contextlib.contextmanager
    def changed(self, old: str, new: str) -> Iterator[None]:
        """While it lasts, the stage's file says otherwise, and the package is made from it."""
        before = {path: path.read_text() for path in (self.stage_file, *self.package.glob("*.json"))}
        assert old in before[self.stage_file]
        self.stage_file.write_text(before[self.stage_file].replace(old, new))
        build(self.folder, self.stage.name)
        yield
        for path, text in before.items():
            path.write_text(text)

    def mails(self, to: str) -> list[dict[str, Any]]:
        """What SES was given for an address."""
        with urllib.request.urlopen(f"{self.url}/_ministack/ses/messages", timeout=10) as response:
            accounts: dict[str, list[dict[str, Any]]] = json.load(response)["messages"]
        return [mail for mails in accounts.values() for mail in mails if to in mail["To"]]

    def register(self, email: str) -> str:
        """Register an address; gives the key that SES was given to mail."""
        answer = self.gateway.request("POST", "/register", {"email": email})
        assert answer.status == 200, answer.body
        found = stand.KEY.search(self.mails(email)[-1]["BodyText"])
        assert found
        return found[0]

    def secret(self, name: str) -> dict[str, str]:
        """A secret's JSON object."""
        found = self.client("secretsmanager").get_secret_value(SecretId=f"{self.stage.stack}/{name}")
        document: dict[str, str] = json.loads(found["SecretString"])
        return document

    def keys_of(self, role_arn: str) -> dict[str, str]:
        """`client`'s arguments for whoever has taken a role."""
        given = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
        return {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }

    def role_that_may(self, action: str, resource: str) -> dict[str, str]:
        """The keys of a new role that is allowed one thing."""
        iam, name = self.client("iam"), f"role-{secrets.token_hex(4)}"
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        allowed = {"Effect": "Allow", "Action": action, "Resource": resource}
        documents = [json.dumps({"Version": "2012-10-17", "Statement": [each]}) for each in (trust, allowed)]
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=documents[0])["Role"]
        iam.put_role_policy(RoleName=name, PolicyName="allowed", PolicyDocument=documents[1])
        return self.keys_of(role["Arn"])


def client(url: str, service: str, **keys: str) -> Any:
    """boto3's client for MiniStack, as the operator, or with other keys."""
    made: Any = boto3.client
    operator = {name.lower(): value for name, value in ROOT_KEY.items()}
    return made(service, endpoint_url=url, region_name="us-east-1", **(keys or operator))


@contextlib.contextmanager
def strict_ministack(folder: Path) -> Iterator[str]:
    """MiniStack that enforces IAM, and runs functions on nothing but their zips. Gives its URL."""
    port = stand.free_port()
    environment = os.environ | {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "INFO",
        "AUTH": "true",
    }
    url = f"http://127.0.0.1:{port}"
    with stand.process(["-c", BARE], environment, folder / "ministack.log"):
        stand.wait_until(lambda: stand.answers(f"{url}/_ministack/health"), "MiniStack")
        yield url


@contextlib.contextmanager
def deployment(
    folder: Path, llama_url: str, name: str = "test", stripe_url: str = "https://api.stripe.com"
) -> Iterator[Deployed]:
    """A MiniStack with a package for it beside it, and an e-mail identity as an operator has one. Not deployed yet."""
    with strict_ministack(folder) as url:
        stage_text = STAGE.format(
            architecture=packaged.ARCHITECTURE,
            python=packaged.PYTHON,
            llama_url=llama_url,
            url=url,
            address=ADDRESS,
            stripe_url=stripe_url,
        )
        (folder / f"{name}.toml").write_text(stage_text)
        stage, left_out = build(folder, name)
        client(url, "sesv2").create_email_identity(EmailIdentity=stage.mail.identity)
        yield Deployed(url, folder, stage, left_out)


def build(folder: Path, name: str) -> tuple[Stage, list[str]]:
    """Package a stage into `folder/package`, in MiniStack's words; gives the stage, and what was left out."""
    stage = stage_file.read(name, folder)
    package.build(stage, folder / "package", Progress(), cache=package.BUILD / "cache")
    template = folder / "package" / "template.json"
    document = json.loads(template.read_text())
    left_out = adapt(document)
    template.write_text(json.dumps(document))
    data = folder / "package" / "data.json"
    data.write_text(json.dumps(without_punctuation(json.loads(data.read_text()))))
    return stage, left_out


def without_punctuation(document: dict[str, Any]) -> dict[str, Any]:
    """The data stack in MiniStack's words: it generates secrets with punctuation, and one with `<` is a placeholder."""
    for resource in document["Resources"].values():
        if generated := resource["Properties"].get("GenerateSecretString"):
            generated["ExcludeCharacters"] += string.punctuation
    return document


def adapt(document: dict[str, Any]) -> list[str]:
    """Rewrite a template in the words that MiniStack knows; gives the logical ids of what is left out.

    A test shows that each of these is still needed:
    - its import of an API's description passes over "any method": every method is named instead;
    - it has no alarms on an expression of several metrics: they are left out;
    - its IAM does not know from which identity and address a mail is sent: any is allowed.
    """
    for path in document["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"].values():
        if ANY in path:
            fallback = path.pop(ANY)
            path |= {method: fallback for method in METHODS if method not in path}
    for resource in document["Resources"].values():
        for policy in resource.get("Properties", {}).get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement.get("Sid") == "Mail":
                    statement["Resource"] = "*"
                    del statement["Condition"]
    left_out = [name for name, resource in document["Resources"].items() if is_calculated(resource)]
    for name in left_out:
        del document["Resources"][name]
    return left_out


def is_calculated(resource: dict[str, Any]) -> bool:
    """Whether this is an alarm on an expression of several metrics."""
    return resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]
