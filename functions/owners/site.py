"""Which pages may call the console: those of the site, at SITE_URL, and those of SITE_ORIGINS. Never `*`, never `null`.

A browser says in Origin which page sent a request that may change something; scripts and back-ends send none. A page
that is not listed is refused even where its browser would not let it read the answer.
https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from urllib.parse import urlsplit

from functions import cors
from functions.errors import Forbidden
from functions.events import Event, headers
from functions.settings import Settings

ALLOWED_METHODS = "DELETE, GET, POST, PUT"
ALLOWED_HEADERS = "authorization, content-type"
EXPOSED = "content-disposition, retry-after, x-request-id"


def from_page(settings: Settings, base_url: str, event: Event) -> tuple[dict[str, str], bool]:
    """The headers that let the page read the answer, none where no page asks; and whether it is a preflight.

    Raises Forbidden: a page of another site.
    """
    origins = headers(event, "origin")
    is_preflight = event["httpMethod"] == "OPTIONS"
    if not origins and not is_preflight:
        return {}, False
    if len(origins) != 1 or origins[0] not in _own(settings, base_url):
        raise Forbidden("Pages of this origin do not call the console.", code="origin_not_allowed")
    told = {"access-control-allow-origin": origins[0]}
    if not is_preflight:
        return told | {"access-control-expose-headers": EXPOSED}, False
    told |= {
        "access-control-allow-methods": ALLOWED_METHODS,
        "access-control-allow-headers": ALLOWED_HEADERS,
        "access-control-max-age": str(cors.MAX_AGE_S),
    }
    return told, True


def _own(settings: Settings, base_url: str) -> tuple[str, ...]:
    site = [_origin(settings.site_url)] if settings.site_url else []
    return (_origin(base_url), *site, *settings.site_origins)


def _origin(url: str) -> str:
    """What browsers call the site of a URL; the port where it is the scheme's own is left out."""
    parts = urlsplit(url.lower())
    port = {"https": 443, "http": 80}.get(parts.scheme)
    return f"{parts.scheme}://{parts.netloc.removesuffix(f':{port}')}"
