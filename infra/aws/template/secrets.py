"""The secrets, each a JSON object in Secrets Manager. What an operator puts there, no deployment ever overwrites.

CloudFormation writes a secret's value when it makes the secret, and again only when the template's words about that
secret change. So they never change: a test holds them to the letter, and they depend on nothing but the stage's name.
"""

from typing import Any

from infra.aws.stage import Stage
from infra.aws.template.tables import KEPT

Resources = dict[str, Any]

DESCRIPTIONS = {
    "gateway": "HASH_SECRET (generated), LLAMA_API_KEY",
    "admin": "ADMIN_KEY (generated)",
    "payments": "STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET, BTCPAY_API_KEY, BTCPAY_WEBHOOK_SECRET",
    "mail": "SMTP_PASSWORD",
    "projects": "PROJECTS_SECRET (generated), PROJECTS_SECRET_BEFORE, OPERATOR_PROVIDERS",
}
GENERATED = {"gateway": "HASH_SECRET", "admin": "ADMIN_KEY", "projects": "PROJECTS_SECRET"}
LENGTH = 64


def arn(stage: Stage, name: str) -> dict[str, str]:
    """Of a secret; AWS ends it with a hyphen and six random characters."""
    place = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:"
    return {"Fn::Sub": f"{place}{stage.stack}/{name}-??????"}


def resources(stage: Stage) -> Resources:
    """One secret for each set of functions that needs to know it."""
    return {f"{name.title()}Secret": _secret(stage, name) for name in DESCRIPTIONS}


def _secret(stage: Stage, name: str) -> Resources:
    properties: dict[str, Any] = {"Name": f"{stage.stack}/{name}", "Description": DESCRIPTIONS[name]}
    if name in GENERATED:
        properties["GenerateSecretString"] = {
            "SecretStringTemplate": "{}",
            "GenerateStringKey": GENERATED[name],
            "PasswordLength": LENGTH,
            "ExcludePunctuation": True,
            "ExcludeCharacters": "xX",  # settings refuse what begins with xxx as a placeholder
        }
    else:
        properties["SecretString"] = "{}"
    return {"Type": "AWS::SecretsManager::Secret", **KEPT, "Properties": properties}
