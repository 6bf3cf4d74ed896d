"""Where the zips of a package lie in S3. A name is its content's hash, so nothing that is there is ever overwritten."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LAYERS = ("stream", "rest", "payments")
BESIDE = {"payments": "rest"}
"""A layer that no function has without another leaves out what that one holds."""


class PackageFailed(Exception):
    """A package cannot be made. The message says why, and what to do."""


@dataclass(frozen=True)
class Artifacts:
    """What the templates say of the zips."""

    bucket: Mapping[str, Any]
    """The bucket's name as a CloudFormation value: {"Fn::Sub": …}."""
    code_key: str
    """code/<sha256>.zip: of all functions."""
    layer_keys: Mapping[str, str]
    """By the layer's name, one of LAYERS: layers/<name>-<sha256>.zip."""
    version: str
    """The commit, with `-dirty` where the working tree differed from it."""


def bucket_name(stage: str, account: str, region: str) -> str:
    """The bucket of a stage's zips, in one account and region."""
    return f"farebox-{stage}-artifacts-{account}-{region}"


def bucket_value(stage: str) -> dict[str, Any]:
    """The same as CloudFormation says it, which knows account and region."""
    return {"Fn::Sub": bucket_name(stage, "${AWS::AccountId}", "${AWS::Region}")}
