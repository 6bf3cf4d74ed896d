"""The functions: what each runs, what it is told, and which zips it carries."""

from dataclasses import dataclass
from typing import Any

from infra.aws.artifacts import LAYERS, Artifacts
from infra.aws.network.joining import settings as network_settings
from infra.aws.stage import Stage
from infra.aws.template.tables import GOES

Resources = dict[str, Any]

STREAM_TIMEOUT_S = 900
"""Lambda's longest; API Gateway streams as long."""
ANSWER_TIMEOUT_S = 29
"""API Gateway waits no longer for an answer in one piece."""
ERRANDS_TIMEOUT_S = 300
"""What is left then is for the next run."""
SITE_PARAMETER = "SiteUrl"
"""Where the stage's distribution is. Functions cannot refer to it: it refers to the API, and that to functions."""
SITE_URL_BYTES = 60
"""At most, of a distribution's address."""
ENVIRONMENT_BYTES_MAX = 4096
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

ADAPTER_LAYERS = {"arm64": "LambdaAdapterLayerArm64", "x86_64": "LambdaAdapterLayerX86"}
ADAPTER_VERSION = 27
ADAPTER_ACCOUNT = "753240598075"
ADAPTER_ACCOUNTS_CHINA = {"cn-north-1": "041581134020", "cn-northwest-1": "069767869989"}
"""https://aws.github.io/aws-lambda-web-adapter/getting-started/zip-packages.html"""
ADAPTER_ENVIRONMENT = {
    "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
    "AWS_LWA_INVOKE_MODE": "response_stream",
    "AWS_LWA_PORT": "8080",
    "AWS_LWA_READINESS_CHECK_PROTOCOL": "tcp",
}


class TemplateError(ValueError):
    """A stage asks for what AWS would refuse. The message names it."""


@dataclass(frozen=True)
class Function:
    """One function. `secrets` are those it may read; `calls_out`: it may call an address behind the VPN."""

    name: str
    logical_id: str
    handler: str
    timeout_s: int
    layers: tuple[str, ...] = ("rest",)
    secrets: tuple[str, ...] = ()
    calls_out: bool = False
    adapter: bool = False
    """It is a web server behind the Lambda Web Adapter."""

    @property
    def role_id(self) -> str:
        """Of its role; `api`'s is named by Chalice."""
        return "ApiHandlerRole" if self.name == "api" else f"{self.logical_id}Role"

    @property
    def logs_id(self) -> str:
        return f"{self.name.title()}Logs"

    @property
    def id_words(self) -> str:
        """What the ids of all else that belongs to it begin with."""
        return self.name.title()

    def full_name(self, stage: Stage) -> str:
        return f"{stage.stack}-{self.name}"

    def log_group(self, stage: Stage) -> str:
        return f"/aws/lambda/{self.full_name(stage)}"

    def joins_vpc(self, stage: Stage) -> bool:
        return self.calls_out and stage.in_vpc


PAYING = ("rest", "payments")
"""The layers of functions that speak to payment providers."""
READ_BY_STREAM = ("gateway", "projects")
STREAM = Function(
    "stream", "StreamFunction", "functions/stream.sh", STREAM_TIMEOUT_S, ("stream",), READ_BY_STREAM, True, True
)
WHOLE = Function(
    "stream", "StreamFunction", "functions.whole.handler", ANSWER_TIMEOUT_S, ("stream",), READ_BY_STREAM, True
)
"""The same story answered in one piece, where API Gateway does not stream."""
API = Function(
    "api",
    "APIHandler",
    "app.app",
    ANSWER_TIMEOUT_S,
    PAYING,
    secrets=("gateway", "mail", "payments", "projects"),
    calls_out=True,
)
CONSOLE = Function(
    "console",
    "ConsoleFunction",
    "functions.console.app",
    ANSWER_TIMEOUT_S,
    secrets=("gateway", "mail", "projects"),
    calls_out=True,
)
WEBHOOKS = Function(
    "webhooks",
    "WebhooksFunction",
    "functions.webhooks.app",
    ANSWER_TIMEOUT_S,
    PAYING,
    secrets=("gateway", "payments", "projects"),
    calls_out=True,
)
ADMIN = Function("admin", "AdminFunction", "functions.admin.app", ANSWER_TIMEOUT_S, secrets=("gateway", "admin"))
AUTHORIZER = Function(
    "authorizer", "AuthorizerFunction", "functions.authorizer.handler", 5, layers=(), secrets=("admin",)
)
MAINTENANCE = Function(
    "maintenance", "MaintenanceFunction", "functions.maintenance.handler", STREAM_TIMEOUT_S, secrets=("gateway",)
)
ERRANDS = Function(
    "errands",
    "ErrandsFunction",
    "functions.errands.handler",
    ERRANDS_TIMEOUT_S,
    PAYING,
    secrets=("gateway", "mail", "payments", "projects"),
    calls_out=True,
)
"""What nobody waits for: notices, each minute, and at night payments of which no event came.

No concurrency is reserved for it: a minute's notices would wait for the night's reconciliation, and two runs at once
do nothing twice, for each takes a lease on what it sends.
"""


def of(stage: Stage) -> tuple[Function, ...]:
    """Every function of a stage. Where AWS checks who the operator is, nothing of ours has to."""
    authorizer = () if stage.admin.iam else (AUTHORIZER,)
    return (API, STREAM if stage.streaming else WHOLE, WEBHOOKS, CONSOLE, ADMIN, *authorizer, MAINTENANCE, ERRANDS)


def parameters(stage: Stage) -> Resources:
    """What the network stack's outputs of the same names are handed to; and this stack's own of where the site is."""
    site = {} if "SITE_URL" in stage.settings else {SITE_PARAMETER: {"Type": "String", "Default": ""}}
    if not stage.makes_network:
        return site
    return site | {
        "SubnetIds": {"Type": "List<AWS::EC2::Subnet::Id>"},
        "SecurityGroupId": {"Type": "AWS::EC2::SecurityGroup::Id"},
    }


def resources(stage: Stage, artifacts: Artifacts) -> Resources:
    """Functions, their layers and their log groups. Raises TemplateError."""
    made: Resources = {f"{name.title()}Layer": _layer(stage, artifacts, name) for name in LAYERS}
    for function in of(stage):
        made[function.logs_id] = {
            "Type": "AWS::Logs::LogGroup",
            **GOES,
            "Properties": {
                "LogGroupName": function.log_group(stage),
                "RetentionInDays": stage.logs.retention_days,
            },
        }
        made[function.logical_id] = (
            {"Properties": _for_chalice(stage, artifacts, function)}
            if function is API
            else {"Type": "AWS::Lambda::Function", "Properties": _properties(stage, artifacts, function)}
        )
    return made


def outputs(stage: Stage) -> Resources:
    """The functions' names."""
    return {f"{function.id_words}FunctionName": {"Value": {"Ref": function.logical_id}} for function in of(stage)}


def environment(stage: Stage, function: Function) -> Resources:
    """The variables of a function: settings, and the names of secrets, but no secret. Raises TemplateError."""
    variables: Resources = {
        "SITE_URL": {"Ref": SITE_PARAMETER},
        **(network_settings(stage) if function.joins_vpc(stage) else {}),
        **stage.settings,
        "STAGE": stage.name,
        "TABLE_PREFIX": stage.table_prefix,
        "SECRETS": ",".join(f"{stage.stack}/{name}" for name in function.secrets),
        "ADMIN_ALLOWED_CIDRS": ",".join(stage.admin.allowed_cidrs),
        **(ADAPTER_ENVIRONMENT if function.adapter else {}),
    }
    values = [value if isinstance(value, str) else "x" * SITE_URL_BYTES for value in variables.values()]
    size = sum(len(text.encode()) for text in (*variables, *values))
    if size > ENVIRONMENT_BYTES_MAX:
        raise TemplateError(
            f"the settings of {stage.name} come to {size} bytes for {function.name}; "
            f"Lambda takes {ENVIRONMENT_BYTES_MAX}. RULES is the one that grows"
        )
    return variables


def _layer(stage: Stage, artifacts: Artifacts, name: str) -> Resources:
    return {
        "Type": "AWS::Lambda::LayerVersion",
        "Properties": {
            "LayerName": f"{stage.stack}-{name}",
            "Content": {"S3Bucket": artifacts.bucket, "S3Key": artifacts.layer_keys[name]},
            "CompatibleRuntimes": [f"python{stage.python}"],
            "CompatibleArchitectures": [stage.architecture],
        },
    }


def _common(stage: Stage, function: Function) -> Resources:
    """What SAM and Lambda call by the same names."""
    layers: list[Any] = [{"Ref": f"{name.title()}Layer"} for name in function.layers]
    if function.adapter:
        layers.append(_adapter_layer(stage))
    reserved = stage.capacity.reserved_concurrency[function.name]
    return {
        "FunctionName": function.full_name(stage),
        "Runtime": f"python{stage.python}",
        "Handler": function.handler,
        "Architectures": [stage.architecture],
        "MemorySize": stage.capacity.memory_mb[function.name],
        "Timeout": function.timeout_s,
        "Layers": layers,
        "Environment": {"Variables": environment(stage, function)},
        # As text: the lines are JSON already, and in its other format Lambda holds lines back by their level.
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": {"Ref": function.logs_id}},
        **({"ReservedConcurrentExecutions": reserved} if reserved else {}),
        **({"VpcConfig": _vpc(stage)} if function.joins_vpc(stage) else {}),
    }


def _properties(stage: Stage, artifacts: Artifacts, function: Function) -> Resources:
    return {
        **_common(stage, function),
        "Role": {"Fn::GetAtt": [function.role_id, "Arn"]},
        "Code": {"S3Bucket": artifacts.bucket, "S3Key": artifacts.code_key},
        "TracingConfig": {"Mode": "Active"},
    }


def _for_chalice(stage: Stage, artifacts: Artifacts, function: Function) -> Resources:
    """What Chalice's own function, one of SAM, does not say yet."""
    return {
        **_common(stage, function),
        "CodeUri": {"Bucket": artifacts.bucket, "Key": artifacts.code_key},
        "Tracing": "Active",
    }


def _vpc(stage: Stage) -> Resources:
    ipv6 = {"Ipv6AllowedForDualStack": True} if stage.network.outbound == "ipv6" else {}
    if stage.makes_network:
        return {"SubnetIds": {"Ref": "SubnetIds"}, "SecurityGroupIds": [{"Ref": "SecurityGroupId"}], **ipv6}
    return {
        "SubnetIds": list(stage.network.subnet_ids),
        "SecurityGroupIds": list(stage.network.security_group_ids),
        **ipv6,
    }


def _adapter_layer(stage: Stage) -> Resources:
    account = ADAPTER_ACCOUNTS_CHINA.get(stage.region, ADAPTER_ACCOUNT)
    layer = f"{ADAPTER_LAYERS[stage.architecture]}:{ADAPTER_VERSION}"
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:{account}:layer:{layer}"}
