"""The functions as they are deployed: what they run, what they are told, where they run, what they may use up."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from functions import settings
from functions.settings import Settings
from infra.aws.stage import Stage
from infra.aws.template import functions
from infra.aws.template.functions import TemplateError
from tests.infra.templates import FULL, VPN, Template, filled, merged, of_type, stage, transformed

ROOT = Path(__file__).parents[2]

RESERVED = re.compile(r"AWS_(?!LAMBDA_EXEC_WRAPPER$|LWA_)|_HANDLER|_X_AMZN_TRACE_ID|LAMBDA_|LD_LIBRARY_PATH|TZ$")
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""

CALL_OUT = ("api", "stream", "webhooks", "console", "errands")
"""They call what may be behind the VPN: the llama-server, BTCPay, a mail server."""
SITE = "https://d111111abcdef8.cloudfront.net"
PAYING = ["RestLayer", "PaymentsLayer"]
ADAPTER = "arn:aws:lambda:eu-west-1:753240598075:layer:LambdaAdapterLayer"


def lambdas(of: Stage) -> dict[str, dict[str, Any]]:
    """What CloudFormation makes of every function, by its name without the stage."""
    found = of_type(transformed(of), "AWS::Lambda::Function").values()
    return {each["FunctionName"].removeprefix(f"{of.stack}-"): each for each in found}


def environment(each: dict[str, Any]) -> dict[str, str]:
    """Its variables, with the site's address as the stack is told it."""
    site = {"Ref": functions.SITE_PARAMETER}
    return {name: SITE if value == site else value for name, value in each["Environment"]["Variables"].items()}


def test_each_function_runs_its_entry() -> None:
    """Handlers, time-outs, memory, layers and runtime of every function."""
    found = {
        name: (each["Handler"], each["Timeout"], each["MemorySize"], filled(each["Layers"]))
        for name, each in lambdas(stage()).items()
    }
    assert found == {
        "api": ("app.app", 29, 256, PAYING),
        "stream": ("functions/stream.sh", 900, 256, ["StreamLayer", f"{ADAPTER}Arm64:27"]),
        "webhooks": ("functions.webhooks.app", 29, 256, PAYING),
        "console": ("functions.console.app", 29, 256, ["RestLayer"]),
        "admin": ("functions.admin.app", 29, 256, ["RestLayer"]),
        "authorizer": ("functions.authorizer.handler", 5, 128, []),
        "maintenance": ("functions.maintenance.handler", 900, 256, ["RestLayer"]),
        "errands": ("functions.errands.handler", 300, 256, PAYING),
    }
    for each in lambdas(stage()).values():
        assert each["Runtime"] == "python3.13"
        assert each["Architectures"] == ["arm64"]
        assert each["TracingConfig"] == {"Mode": "Active"}
        assert "EphemeralStorage" not in each


@pytest.mark.parametrize("streaming", [True, False])
def test_what_a_function_runs_is_there(streaming: bool) -> None:
    """Every handler names a file of this repository, and a name in it; scripts can be executed."""
    for name, each in lambdas(stage(streaming=streaming)).items():
        handler = each["Handler"]
        if handler.endswith(".sh"):
            assert (ROOT / handler).stat().st_mode & 0o111
            continue
        module, _, attribute = handler.rpartition(".")
        text = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text()
        assert re.search(rf"^(def {attribute}\(|{attribute}\b.*=)", text, re.MULTILINE), name


def test_the_streaming_function_runs_behind_the_web_adapter() -> None:
    """The adapter's settings are those of AWS's documentation, and only where it is used."""
    told = {name: environment(each) for name, each in lambdas(stage()).items()}
    assert (
        told["stream"].items()
        >= {
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
            "AWS_LWA_INVOKE_MODE": "response_stream",
            "AWS_LWA_PORT": "8080",
            "AWS_LWA_READINESS_CHECK_PROTOCOL": "tcp",
        }.items()
    )
    assert not [n for n, each in told.items() if n != "stream" and any(key.startswith("AWS_") for key in each)]


def test_without_streaming_the_same_story_is_answered_whole() -> None:
    """No adapter, and no longer than API Gateway waits."""
    each = lambdas(stage(streaming=False))["stream"]
    assert (each["Handler"], each["Timeout"]) == ("functions.whole.handler", 29)
    assert filled(each["Layers"]) == ["StreamLayer"]
    assert not [name for name in environment(each) if name.startswith("AWS_")]


@pytest.mark.parametrize(
    ("document", "arn"),
    [
        (
            {"architecture": "x86_64"},
            "arn:${AWS::Partition}:lambda:${AWS::Region}:753240598075:layer:LambdaAdapterLayerX86:27",
        ),
        (
            {"architecture": "x86_64", "region": "cn-north-1"},
            "arn:${AWS::Partition}:lambda:${AWS::Region}:041581134020:layer:LambdaAdapterLayerX86:27",
        ),
    ],
)
def test_the_adapters_layer_is_of_the_architecture_and_place(document: dict[str, Any], arn: str) -> None:
    """Another architecture is another layer; in China it is another account's. No partition or region is fixed."""
    each = lambdas(stage(**document))["stream"]
    assert each["Layers"][-1] == {"Fn::Sub": arn}
    assert each["Architectures"] == [document["architecture"]]


@pytest.mark.parametrize("name", ["staging", "prod"])
def test_settings_reach_every_function_and_secrets_do_not(name: str) -> None:
    """Each is told its stage, its tables and the names of its secrets; all can be read by functions/settings.py."""
    of = stage(name, settings={"LLAMA_BASE_URL": "http://100.64.0.2:8502", "TRIAL_TOKENS": 5})
    hidden = {each.name.upper() for each in dataclasses.fields(Settings) if each.metadata.get("secret")}
    for function, each in lambdas(of).items():
        told = environment(each)
        assert told["STAGE"] == name
        assert told["TABLE_PREFIX"] == f"farebox-{name}-"
        assert told["LLAMA_BASE_URL"] == "http://100.64.0.2:8502"
        assert told["TRIAL_TOKENS"] == "5"
        assert told["SITE_URL"] == SITE
        assert all(secret.startswith(f"farebox-{name}/") for secret in told["SECRETS"].split(","))
        assert not hidden & set(told), function
        assert not [key for key in told if RESERVED.match(key)], function
        assert set(told) - set(functions.ADAPTER_ENVIRONMENT) <= set(settings.names()), function
        read = settings.read(told | {"AWS_LAMBDA_FUNCTION_NAME": each["FunctionName"]})
        assert read.trial_tokens == 5
        assert read.admin_allowed_cidrs == ()


def test_the_site_may_be_elsewhere() -> None:
    """SITE_URL of the stage is what functions are told, and the stack asks for none then."""
    of = stage(settings={"SITE_URL": "https://farebox.example"})
    assert {environment(each)["SITE_URL"] for each in lambdas(of).values()} == {"https://farebox.example"}
    assert functions.SITE_PARAMETER not in transformed(of).get("Parameters", {})
    assert transformed(stage())["Parameters"][functions.SITE_PARAMETER] == {"Type": "String", "Default": ""}


def test_a_function_is_told_the_secrets_that_it_may_read() -> None:
    """SECRETS and the role name the same, in every function."""
    of = stage(**FULL)
    template = merged(of)
    for function in functions.of(of):
        told = environment(lambdas(of)[function.name])["SECRETS"].split(",")
        policies = template["Resources"][function.role_id]["Properties"]["Policies"]
        text = json.dumps(filled(policies))
        assert sorted(told) == sorted(re.findall(r"secret:(farebox-staging/\w+)-\?{6}", text))


def test_the_operators_networks_reach_the_functions() -> None:
    """What the API's policy checks, the functions check again."""
    of = stage(admin={"allowed_cidrs": ["203.0.113.7/32", "2001:db8::/48"]})
    assert environment(lambdas(of)["admin"])["ADMIN_ALLOWED_CIDRS"] == "203.0.113.7/32,2001:db8::/48"


def test_settings_that_lambda_would_refuse_are_refused_here() -> None:
    """Lambda takes 4 KB of variables; rules that are too long fail the packaging, by name."""
    rules = json.dumps({"prices": [{"model": f"model-{n}", "input": 1, "output": 1} for n in range(100)]})
    with pytest.raises(TemplateError, match="RULES"):
        merged(stage(settings={"RULES": rules}))


def test_code_and_layers_come_from_the_stages_bucket() -> None:
    """Every zip is of the artifact bucket, by the name that its content has."""
    template = transformed(stage())
    bucket = "farebox-staging-artifacts-111122223333-eu-west-1"
    for each in of_type(template, "AWS::Lambda::Function").values():
        assert filled(each["Code"]["S3Bucket"]) == bucket
        assert each["Code"]["S3Key"] == f"code/{'0' * 64}.zip"
    layers = of_type(template, "AWS::Lambda::LayerVersion")
    assert {name: each["Content"]["S3Key"] for name, each in layers.items()} == {
        "StreamLayer": f"layers/stream-{'0' * 64}.zip",
        "RestLayer": f"layers/rest-{'0' * 64}.zip",
        "PaymentsLayer": f"layers/payments-{'0' * 64}.zip",
    }
    for each in layers.values():
        assert filled(each["Content"]["S3Bucket"]) == bucket
        assert each["CompatibleArchitectures"] == ["arm64"]
        assert each["CompatibleRuntimes"] == ["python3.13"]


def test_every_function_logs_to_a_group_that_forgets() -> None:
    """A log group for each function, under the function's name, for as many days as the stage says."""
    template = transformed(stage(logs={"retention_days": 7}))
    groups = of_type(template, "AWS::Logs::LogGroup")
    assert {each["RetentionInDays"] for each in groups.values()} == {7}
    for each in of_type(template, "AWS::Lambda::Function").values():
        assert each["LoggingConfig"]["LogFormat"] == "Text"  # what is written is JSON; see docs/telemetry.md
        group = groups[each["LoggingConfig"]["LogGroup"]["Ref"]]
        assert group["LogGroupName"] == f"/aws/lambda/{each['FunctionName']}"
    assert len(groups) == len(lambdas(stage()))


def test_concurrency_is_reserved_only_where_asked() -> None:
    """A new account may have too little of it to reserve any."""
    assert not [each for each in lambdas(stage()).values() if "ReservedConcurrentExecutions" in each]
    of = stage(capacity={"memory_mb": {"stream": 512, "api": 128}, "reserved_concurrency": {"stream": 50}})
    found = lambdas(of)
    assert found["stream"]["ReservedConcurrentExecutions"] == 50
    assert (found["stream"]["MemorySize"], found["api"]["MemorySize"]) == (512, 128)
    assert "ReservedConcurrentExecutions" not in found["api"]


def in_vpc(of: Stage) -> dict[str, Any]:
    return {name: each["VpcConfig"] for name, each in lambdas(of).items() if "VpcConfig" in each}


def test_functions_that_may_call_behind_the_vpn_join_the_network() -> None:
    """Inference, and what calls BTCPay; the network stack's outputs are parameters of the same names."""
    network = {"SubnetIds": {"Ref": "SubnetIds"}, "SecurityGroupIds": [{"Ref": "SecurityGroupId"}]}
    of = stage(**VPN)
    assert in_vpc(of) == dict.fromkeys(CALL_OUT, network)
    assert _asked(merged(of)) == {"SubnetIds", "SecurityGroupId"}
    ipv6 = stage(network=VPN["network"] | {"outbound": "ipv6"})
    assert all(each["Ipv6AllowedForDualStack"] is True for each in in_vpc(ipv6).values())


def test_functions_can_join_a_network_of_ones_own() -> None:
    """Its subnets and security groups are named in the stage."""
    of = stage(network={"subnet_ids": ["subnet-1a", "subnet-2b"], "security_group_ids": ["sg-3c"]})
    network = {"SubnetIds": ["subnet-1a", "subnet-2b"], "SecurityGroupIds": ["sg-3c"]}
    assert in_vpc(of) == dict.fromkeys(CALL_OUT, network)
    assert not _asked(merged(of))


def test_without_a_vpn_no_function_is_in_a_network() -> None:
    """A function in a VPC starts with more that can fail."""
    assert in_vpc(stage()) == {}
    assert not _asked(merged(stage()))


def _asked(template: Template) -> set[str]:
    """Parameters that a deployment must give."""
    return {name for name, each in template["Parameters"].items() if "Default" not in each}


def test_stages_share_nothing() -> None:
    """No name of staging is a name of prod."""
    one, other = (json.dumps(filled(merged(stage(name)))) for name in ("staging", "prod"))
    assert "farebox-prod" not in one
    assert "staging" not in other
    assert one.replace("staging", "prod") == other


def test_a_deployment_tells_where_everything_is() -> None:
    """The outputs that deploying, the site and an operator use."""
    outputs = filled(merged(stage())["Outputs"])
    assert outputs["EndpointURL"]["Value"] == "https://${RestAPI}.execute-api.eu-west-1.amazonaws.com/staging/"
    assert {"SiteURL", "SiteBucketName", "SiteDistributionId", "NightlyAuditArn", "NightlyReconciliationArn"} <= set(
        outputs
    )
    names = {name: each["Value"] for name, each in outputs.items() if name.endswith("FunctionName")}
    assert names == {f"{each.name.title()}FunctionName": each.logical_id for each in functions.of(stage())}
