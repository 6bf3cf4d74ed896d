"""Where a stage may be, and how it leaves a network: with the right to give interfaces back, until that is gone."""

import json
from typing import Any

import pytest

from infra.aws import leaving
from infra.aws.cloudformation import StackError
from infra.aws.deploy import check_partition
from infra.aws.template import functions
from tests.infra.templates import VPN, merged, stage


class Reluctant:
    """Stacks of which the network's is not deleted at once."""

    def __init__(self, refusals: int) -> None:
        self.refusals, self.tries = refusals, 0
        self.lines: list[str] = []

    def tell(self, line: str) -> None:
        self.lines.append(line)

    def delete(self, name: str) -> bool:
        self.tries += 1
        if self.tries <= self.refusals:
            raise StackError(f"{name}: Subnet failed: has dependencies")
        return True


def test_roles_keep_what_they_had_in_the_network() -> None:
    """Without a network, each role that had it has the same right to interfaces as in one, and nothing else changes."""
    inside, outside = merged(stage(**VPN)), merged(stage())
    left = json.loads(leaving.with_interfaces(stage())(json.dumps(outside)))
    for function in functions.of(stage()):
        before, now, kept = (_statements(each, function.role_id) for each in (inside, outside, left))
        interfaces = [each for each in before if each["Sid"].startswith("Interfaces")]
        assert len(interfaces) == (3 if function.calls_out else 0)
        assert kept == now + interfaces
    for function in functions.of(stage()):
        left["Resources"][function.role_id] = outside["Resources"][function.role_id]
    assert left == outside


def _statements(template: dict[str, Any], role: str) -> list[dict[str, Any]]:
    (policy,) = template["Resources"][role]["Properties"]["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def test_a_stage_that_joins_another_network_has_the_right_anyway() -> None:
    """In a VPC of the operator's own, roles have it already, once."""
    own = stage(network={"subnet_ids": ["subnet-0a"], "security_group_ids": ["sg-0a"]})
    assert json.loads(leaving.with_interfaces(own)(json.dumps(merged(own)))) == merged(own)


def test_a_network_whose_interfaces_take_long() -> None:
    """CloudFormation may give up before Lambda has let go: the network is deleted again, and each reason is told."""
    stacks: Any = Reluctant(2)
    leaving.delete(stacks, "farebox-staging-network")
    assert stacks.tries == 3
    assert len([line for line in stacks.lines if "has dependencies" in line]) == 2
    assert stacks.lines[-1] == "farebox-staging-network: deleted"


def test_a_network_that_does_not_go() -> None:
    """At last it says that the stage is deployed, what stays, and that the next deployment tries again."""
    stacks: Any = Reluctant(99)
    with pytest.raises(StackError, match=r"is deployed, but not rid of its network; the next .* has dependencies"):
        leaving.delete(stacks, "farebox-staging-network")
    assert stacks.tries == leaving.TRIES


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_regions_of_another_partition(region: str) -> None:
    """They are refused by name, before anything is packaged: their addresses and names are others."""
    with pytest.raises(StackError, match=f"{region} is in the partition aws-(cn|us-gov)"):
        check_partition(region)
    check_partition("eu-central-1")
