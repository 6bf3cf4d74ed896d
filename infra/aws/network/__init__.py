"""The network stack, `farebox-<stage>-network`: a VPC from which functions reach a llama-server behind a VPN.

It is made only where `vpn` of a stage's [network] is not "none". docs/vpn.md says what each choice reaches and costs.
"""

from infra.aws.network.joining import doubts, settings
from infra.aws.network.stack import template

__all__ = ["doubts", "settings", "template"]
