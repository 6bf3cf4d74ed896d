"""What is in the way of a stage's first deployment, and the commands that take it away. Nothing is deleted here.

Tables and secrets have fixed names: what an earlier attempt left of them, the next one meets.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.aws.secret_documents import DOCUMENTS, secret_name
from infra.aws.stage import Stage


def forced(secret: str, region: str) -> str:
    """The command that deletes a secret for good, also one that is scheduled for deletion."""
    return f"aws secretsmanager delete-secret --region {region} --force-delete-without-recovery --secret-id {secret}"


def scheduled_secrets(secretsmanager: Any, stage: Stage) -> str:
    """What to do about secrets of the stage that are scheduled for deletion, "" where there is none.

    Their names are taken until they are gone.
    """
    scheduled = []
    for document in DOCUMENTS:
        name = secret_name(stage.name, document)
        try:
            if secretsmanager.describe_secret(SecretId=name).get("DeletedDate"):
                scheduled.append(name)
        except secretsmanager.exceptions.ResourceNotFoundException:
            continue
    if not scheduled:
        return ""
    region = stage.region
    lines = [f"{stage.name} was deleted, and its secrets keep their names until they are gone, some days after that."]
    lines += ["To read once more what is in them, get them back:"]
    lines += [f"  aws secretsmanager restore-secret --region {region} --secret-id {name}" for name in scheduled]
    lines += ["To deploy, now or after that, delete them for good:"]
    return "\n".join(lines + [f"  {forced(name, region)}" for name in scheduled])


def refusal(name: str, status: str, kinds: Mapping[str, Sequence[str]], region: str) -> str:
    """What to do by hand about a data stack that cannot be used, and that still has tables or may have."""
    lines = [
        f"{name} is {status}, and this is left of it. Its events say what failed.",
        "Where you are sure that no account is in these tables, delete all of it, the stack last, and deploy again:",
    ]
    for table in kinds.get("AWS::DynamoDB::Table", ()):
        named = f"--region {region} --table-name {table}"
        lines += [f"  aws dynamodb update-table {named} --no-deletion-protection-enabled"]
        lines += [f"  aws dynamodb delete-table {named}"]
    lines += [f"  {forced(secret, region)}" for secret in kinds.get("AWS::SecretsManager::Secret", ())]
    lines += [f"  aws s3 rb --region {region} s3://{bucket}" for bucket in kinds.get("AWS::S3::Bucket", ())]
    return "\n".join([*lines, f"  aws cloudformation delete-stack --region {region} --stack-name {name}"])
