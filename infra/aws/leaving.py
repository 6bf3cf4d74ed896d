"""Leaving a network: the functions go first, and keep the right to remove their interfaces until the network is gone.

Lambda removes a function's interfaces by the function's own role, up to 20 minutes after the function left; without
that right they stay, and no subnet or security group of the network can be deleted.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
"""

import json
from collections.abc import Callable

from infra.aws.cloudformation import StackError, Stacks
from infra.aws.stage import Stage
from infra.aws.template import access, functions

TRIES = 3
"""CloudFormation itself waits for interfaces, but gives up at times before they are gone."""


def with_interfaces(stage: Stage) -> Callable[[str], str]:
    """What gives the functions that may have been in a network their right to interfaces, in a template's text."""

    def changed(text: str) -> str:
        template = json.loads(text)
        for function in functions.of(stage):
            if function.calls_out and not function.joins_vpc(stage):
                policy = template["Resources"][function.role_id]["Properties"]["Policies"][0]
                policy["PolicyDocument"]["Statement"] += access.interfaces(stage, function)
        return json.dumps(template, indent=1, sort_keys=True)

    return changed


def delete(stacks: Stacks, name: str) -> None:
    """Delete the network's stack, with patience. Raises StackError, where it stays for the next deployment."""
    stacks.tell(f"{name}: the stage has no use for it any more; Lambda may take 20 minutes to leave it")
    for left in reversed(range(TRIES)):
        try:
            stacks.delete(name)
        except StackError as error:
            if not left:
                words = "the stage is deployed, but not rid of its network; the next deployment tries again"
                raise StackError(f"{words}: {error}") from None
            stacks.tell(f"{name}: not yet: {error}")
        else:
            stacks.tell(f"{name}: deleted")
            return
