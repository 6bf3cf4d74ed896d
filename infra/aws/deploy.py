"""Deploys a stage: `python -m infra.aws.deploy --stage staging`. `make deploy STAGE=staging` runs it.

Packages the working tree, brings the stacks to what the package says (tables and secrets, network, application),
publishes the static site, and tries what was deployed. Run again, it changes what differs and nothing else.
Account and credentials are boto3's usual ones.
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws import artifacts, boundary, leaving, leftovers, package, site, smoke, stage_file
from infra.aws.chosen_stage import add_stage, is_confirmed, read_stage
from infra.aws.cloudformation import NEVER_MADE, NOT_USABLE, TEMPLATE_BYTES_MAX, StackError, Stacks, Tell
from infra.aws.secret_documents import secret_name
from infra.aws.stage import Stage
from infra.aws.template.functions import SITE_PARAMETER
from infra.local.progress import Progress
from infra.site.files import SiteFailed, files

CAREFUL = ("prod",)
"""Stages whose deployment is asked about first."""
WORD = "deploy"
PATIENCE_S = 90
"""How long new routes and roles may take until they hold everywhere."""
NETWORK_OUTPUTS = ("SubnetIds", "SecurityGroupId")
FIRST = ("", *NEVER_MADE, *NOT_USABLE)
"""What a stack's status is before its first deployment that succeeds."""
PARTITION = "aws"


@dataclass
class Deployment:
    """One stage in one account, and the package in `folder`."""

    stage: Stage
    folder: Path
    tell: Tell = print

    def __post_init__(self) -> None:
        session = boto3.Session(region_name=self.stage.region)
        client: Any = session.client
        self.client = client
        self.account = str(client("sts").get_caller_identity()["Account"])
        self.stacks = Stacks(client("cloudformation"), self.tell)
        self.s3 = client("s3")
        self.bucket = artifacts.bucket_name(self.stage.name, self.account, self.stage.region)
        self.manifest = json.loads((self.folder / package.MANIFEST).read_text())
        for key in ("name", "region"):
            if self.manifest[key] != getattr(self.stage, key):
                raise StackError(f"{self.folder} is a package of {self.manifest['name']} in {self.manifest['region']}")

    def run(self) -> str:
        """Deploy everything; gives the API's URL, without a trailing slash. Raises StackError."""
        name = self.stage.stack
        if self.stacks.status(f"{name}-data") in FIRST:
            self._refuse_leftovers()
        self._deploy(f"{name}-data", "data.json")
        self._upload()
        network = {}
        if (self.folder / "network.json").exists():
            self._deploy(f"{name}-network", "network.json")
            network = self.stacks.outputs(f"{name}-network")
        is_first = self.stacks.status(name) in FIRST
        leaves = self.leaves_network
        values = {key: network[key] for key in NETWORK_OUTPUTS if key in network}
        change = leaving.with_interfaces(self.stage) if leaves else None
        site_url = self._site_url()
        self._deploy(name, "template.json", values | site_url, change)
        if self._site_url() != site_url:
            self.tell(f"{name}: once more, for its functions to know where the site is")
            self._deploy(name, "template.json", values | self._site_url(), change)
        url = api_url(self.stacks, name, self.stage.name, os.environ.get("AWS_ENDPOINT_URL", ""))
        self._publish(url)
        if is_first:
            self._audit()
        return url

    @property
    def leaves_network(self) -> bool:
        """Whether there is a network stack that the package has no use for."""
        return not (self.folder / "network.json").exists() and bool(self.stacks.status(f"{self.stage.stack}-network"))

    def delete_network(self) -> None:
        """Delete the network that no function joins any more, then take their right to interfaces away."""
        leaving.delete(self.stacks, f"{self.stage.stack}-network")
        self._deploy(self.stage.stack, "template.json", self._site_url())

    def _refuse_leftovers(self) -> None:
        if words := leftovers.scheduled_secrets(self.client("secretsmanager"), self.stage):
            raise StackError(words)

    def _site_url(self) -> dict[str, str]:
        """The parameter by which functions know where the site is: only the stack itself says it, once it is there."""
        if "SITE_URL" in self.stage.settings:
            return {}
        return {SITE_PARAMETER: self.stacks.outputs(self.stage.stack).get("SiteURL", "").rstrip("/")}

    def _audit(self) -> None:
        """Start the night's audit once, so that a new stage is not in alarm until its first night."""
        machine = self.stacks.outputs(self.stage.stack)["NightlyAuditArn"]
        try:
            self.client("stepfunctions").start_execution(stateMachineArn=machine)
        except ClientError as error:
            self.tell(f"the first audit was not started; it runs in the night: {error}")
        else:
            self.tell("the first audit is started")

    def _deploy(
        self, name: str, file: str, values: dict[str, str] | None = None, change: Callable[[str], str] | None = None
    ) -> None:
        text = (self.folder / file).read_text()
        text = change(text) if change else text
        asked = json.loads(text).get("Parameters", {})
        values = dict(values or {})
        if boundary.PARAMETER in asked:
            values[boundary.PARAMETER] = boundary.boundary_arn(self.client("iam"), self.account, self.stage)
        # No version: CloudFormation hands a stack's tags to all that is in it, and each commit would change everything.
        tags = {"farebox": self.stage.name}
        given = {key: value for key, value in values.items() if key in asked}
        self.stacks.deploy(name, self._template(text), given, tags)

    def _template(self, text: str) -> dict[str, str]:
        """The template itself, or where it lies if it is too long for that."""
        if len(text.encode()) <= TEMPLATE_BYTES_MAX:
            return {"TemplateBody": text}
        key = f"templates/{hashlib.sha256(text.encode()).hexdigest()}.json"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=text.encode(), ContentType="application/json")
        return {"TemplateURL": f"https://s3.{self.stage.region}.amazonaws.com/{self.bucket}/{key}"}

    def _upload(self) -> None:
        """The zips. A name is its content's hash: what is there already is the same."""
        for each in self.manifest["zips"].values():
            if self._is_there(each["key"]):
                continue
            self.tell(f"uploading {each['file']}")
            self.s3.upload_file(str(self.folder / each["file"]), self.bucket, each["key"])

    def _is_there(self, key: str) -> bool:
        try:
            self.s3.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                return False
            raise
        return True

    def _publish(self, url: str) -> None:
        outputs = self.stacks.outputs(self.stage.stack)
        api = self.stage.settings.get("BASE_URL", "").rstrip("/") or url
        keys = site.publish(self.s3, outputs["SiteBucketName"], {"api": api}, files())
        site.invalidate(self.client("cloudfront"), outputs["SiteDistributionId"])
        self.tell(f"the site: {len(keys)} files at {outputs['SiteURL']}")


def api_url(stacks: Stacks, name: str, stage: str, emulator: str = "") -> str:
    """The API's address without a trailing slash: AWS's, or the one in the emulator that answers at another's."""
    if emulator:
        return f"{emulator.rstrip('/')}/_aws/execute-api/{stacks.resources(name)['RestAPI']}/{stage}"
    return stacks.outputs(name)["EndpointURL"].rstrip("/")


def check_partition(region: str) -> None:
    """Raise StackError for regions of China, of the US government, and others that are AWS of their own."""
    partition = boto3.Session().get_partition_for_region(region)
    if partition != PARTITION:
        raise StackError(f"{region} is in the partition {partition}; a stage can be in AWS's commercial regions only")


def deploy(stage: Stage, folder: Path | None, key: str, tell: Tell = print) -> bool:
    """Package, unless `folder` is a package; deploy; try it. Whether the smoke test passed. Raises StackError."""
    check_partition(stage.region)
    if folder is None:
        folder = package.BUILD / stage.name
        package.build(stage, folder, Progress(), cache=package.BUILD / "cache")
    deployment = Deployment(stage, folder, tell)
    url = deployment.run()
    tell("smoke test")
    passed = smoke.run(url, key, tell, PATIENCE_S)
    if deployment.leaves_network:
        deployment.delete_network()
    tell(f"{url}\nthe admin key is in Secrets Manager: {secret_name(stage.name, 'admin')}")
    return passed


FAILURES = (
    *(StackError, ClientError, BotoCoreError, stage_file.StageError),
    *(artifacts.PackageFailed, SiteFailed, OSError),
)


def main() -> int:
    """Exit code: 0 deployed, 1 not, or not rid of an old network (the last lines say why), 2 the smoke test failed."""
    parser = argparse.ArgumentParser(prog="python -m infra.aws.deploy", description="Deploy a stage.")
    add_stage(parser)
    parser.add_argument("--package", type=Path, help="a package's folder, instead of packaging")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--key", default=os.environ.get("FAREBOX_KEY", ""), help="an account's key, for the smoke test")
    arguments = parser.parse_args()
    try:
        stage = read_stage(arguments)
        asks = stage.name in CAREFUL and not arguments.yes and sys.stdin.isatty()
        if asks and not is_confirmed(stage.name, WORD, "This deploys"):
            print("farebox: not deployed", file=sys.stderr)
            return 1
        return 0 if deploy(stage, arguments.package, arguments.key) else 2
    except FAILURES as error:
        print(f"farebox: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
