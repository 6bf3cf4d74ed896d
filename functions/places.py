"""Where people reach this deployment: the address of its API, and that of its pages."""

from functions.errors import NotConfigured
from functions.events import Event
from functions.settings import Settings


def base_url(settings: Settings, event: Event) -> str:
    """The address that people use: the setting, else the domain and stage that API Gateway says it was asked at.

    On one machine nobody checks a domain: it is what a client wrote in its Host header, and no mail may name that.
    """
    if settings.base_url or not settings.on_lambda:
        return (settings.base_url or Settings.base_url).rstrip("/")
    context = event["requestContext"]
    stage_path = str(context["path"]).rstrip("/").removesuffix(str(event["resource"]))
    return f"https://{context['domainName']}{stage_path}"


def site_url(settings: Settings, event: Event) -> str:
    """Where the pages are, without a slash at the end: on one machine at the same address. Raises NotConfigured."""
    if settings.site_url or not settings.on_lambda:
        return settings.site_url.rstrip("/") or base_url(settings, event)
    raise NotConfigured("SITE_URL")
