"""Calls of Stripe's API by its library: within a time limit, and of what is said there nothing gets out."""

import contextlib
import functools
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NoReturn

import requests
import stripe
from requests.structures import CaseInsensitiveDict
from stripe import HTTPClient, StripeClient

from functions.errors import PaymentProviderFailed
from functions.payments import provider
from functions.payments.provider import Connection

log = logging.getLogger("farebox.payments.stripe")

stripe.enable_telemetry = False
stripe._util.STRIPE_LOG = None  # with it in the environment the library prints all that is sent
logging.getLogger("stripe").addFilter(lambda _: False)  # whatever levels and handlers others set

RETRIES = 1
"""Of every call: whatever makes something goes by an idempotency key."""
PAGE = 100
ANSWER_BYTES_MAX = 8_000_000
PIECE_BYTES = 65_536
BUSY_S = 5
UNSAID = ("User-Agent", "X-Stripe-Client-User-Agent")
"""Headers that say on what the library runs, and who runs it."""
UNDERSTOOD = ("Request-Id", "Stripe-Should-Retry")
"""Headers of answers; others make the library print what they say."""
SAFE = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)

Object = dict[str, Any]


@contextlib.contextmanager
def asking(connection: Connection, what: str) -> Iterator[StripeClient]:
    """Stripe's API, for provider.TIMEOUT_S in all. Raises PaymentProviderFailed for all that can go wrong."""
    try:
        yield StripeClient(
            connection.key,
            base_addresses={"api": connection.url},
            http_client=_Transport(connection.ends_s),
            max_network_retries=RETRIES,
        )
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise _failed(what, "refused the API key", error) from None
    except stripe.APIConnectionError as error:
        raise _failed(what, "did not answer", error) from None
    except stripe.RateLimitError as error:
        raise _failed(what, "is busy", error, BUSY_S) from None
    except (stripe.InvalidRequestError, stripe.IdempotencyError, stripe.CardError) as error:
        raise _failed(what, "refused what it was asked for", error) from None
    except stripe.StripeError as error:
        raise _failed(what, "failed", error) from None
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise _failed(what, "answered what cannot be read", error) from None


def is_missing(error: stripe.InvalidRequestError) -> bool:
    """Whether Stripe says that it has no such object, not that nobody may ask like this."""
    return error.code == "resource_missing"


def listed(
    connection: Connection, what: str, ask: Callable[[StripeClient, dict[str, Any]], "stripe.ListObject[Any]"]
) -> Iterator[Object]:
    """A list, page by page: each page is a call of its own. `ask` gets the page's parameters. Raises the same."""
    page: dict[str, Any] = {"limit": PAGE}
    while True:
        with asking(connection, what) as api:
            answer = ask(api, page)
            found, more = [one.to_dict() for one in answer.data], answer.has_more
            after = found[-1]["id"] if found else ""
        yield from found
        if not more or not found:
            return
        page["starting_after"] = after


class _Transport(HTTPClient):
    """What the requests of one call go through, those that are made again too."""

    name = "requests"

    def __init__(self, ends_s: float) -> None:
        super().__init__()
        self._ends_s = min(ends_s, time.monotonic() + provider.TIMEOUT_S)

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Raises stripe.APIConnectionError, which says nothing of what was asked."""
        sent = {name: value for name, value in (headers or {}).items() if name not in UNSAID}
        sent |= {"User-Agent": "farebox", "Accept-Encoding": "identity"}
        try:
            with _session().request(
                method,
                url,
                headers=sent,
                data=post_data,
                timeout=(min(provider.CONNECT_TIMEOUT_S, self._left_s()), self._left_s()),
                verify=stripe.ca_bundle_path,
                stream=True,
                allow_redirects=False,
            ) as answer:
                body = self._read(answer)
                told = {name: answer.headers[name] for name in UNDERSTOOD if name in answer.headers}
                return body.decode(errors="replace"), answer.status_code, CaseInsensitiveDict(told)
        except (requests.ConnectionError, requests.Timeout, OSError) as error:
            self._give_up(error, again=self._ends_s > time.monotonic() + provider.CONNECT_TIMEOUT_S)
        except ValueError as error:
            self._give_up(error, again=False)

    def _read(self, answer: requests.Response) -> bytes:
        body = bytearray()
        while piece := answer.raw.read1(PIECE_BYTES):
            body += piece
            if len(body) > ANSWER_BYTES_MAX:
                raise ValueError("the answer is too long")
            self._left_s()
        return bytes(body)

    def _left_s(self) -> float:
        left_s = self._ends_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s

    def _give_up(self, error: Exception, *, again: bool) -> NoReturn:
        log.warning("stripe: no answer (%s)", type(error).__name__)
        raise stripe.APIConnectionError("no answer", should_retry=again) from None  # type: ignore[no-untyped-call]


@functools.cache
def _session() -> requests.Session:
    """Connections that stay open between calls. Nothing of the environment counts, no cookie is kept."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return session


def _failed(what: str, how: str, error: Exception, retry_after_s: int = 2) -> PaymentProviderFailed:
    said = (getattr(error, name, None) for name in ("http_status", "code", "request_id"))
    shown = (str(value) if SAFE.fullmatch(str(value)) else "?" for value in said)
    log.warning("stripe %s: %s (%s, status %s, code %s, request %s)", what, how, type(error).__name__, *shown)
    return PaymentProviderFailed(f"Stripe {how}.", retry_after_s, is_of_all=how in provider.OF_ALL)
