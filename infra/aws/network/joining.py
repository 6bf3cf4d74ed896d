"""What the functions that join the network need to know of it, and what an operator does."""

from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from infra.aws.stage import Stage


def settings(stage: Stage) -> dict[str, str]:
    """Settings that follow from the network, for the functions that join it; a stage's own come after them.

    Over IPv6 AWS's services are reached at their dual-stack names only.
    """
    if not (stage.makes_network and stage.network.outbound == "ipv6"):
        return {}
    return {
        "SECRETS_ENDPOINT_URL": f"https://secretsmanager.{stage.region}.api.aws",
        "SES_ENDPOINT_URL": f"https://email.{stage.region}.api.aws",
    }


def doubts(stage: Stage) -> list[str]:
    """What the stage's settings ask for and its network does not reach, so that packaging can tell it."""
    if not stage.makes_network or stage.network.outbound != "none":
        return []
    mail_host = stage.settings.get("SMTP_HOST", "")
    ses_host = f"email-smtp.{stage.region}.amazonaws.com"
    found = []
    if mail_host != ses_host and (mail_host or stage.mail.identity):
        found.append(f"network.outbound is none: mail goes only by settings.SMTP_HOST = {ses_host!r}")
    for name in ("LLAMA_BASE_URL", "BTCPAY_URL"):
        host = urlsplit(stage.settings.get(name, "")).hostname or ""
        if host and not _is_behind_the_vpn(stage, host):
            found.append(f"network.outbound is none: settings.{name}, {host}, is reached only within remote_cidrs")
    return found


def _is_behind_the_vpn(stage: Stage, host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in ip_network(cidr) for cidr in stage.network.remote_cidrs)
