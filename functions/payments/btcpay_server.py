"""A BTCPay server as it is asked: the Greenfield API v1, its answers bounded in time and size.

Every failure is PaymentProviderFailed, which names the kind of it and nothing that the server said.
"""

import contextlib
import json
import logging
import re
import time
from collections.abc import Iterator
from typing import Any

from functions import outbound
from functions.errors import BadRequest, PaymentProviderFailed
from functions.outbound import Answer, OutboundFailed
from functions.payments import provider
from functions.payments.provider import Connection

log = logging.getLogger("farebox.payments.btcpay")

ID = re.compile(r"[A-Za-z0-9]{1,64}", re.ASCII)
"""Of stores, invoices and pull payments. The ids of events that a merchant sends to test are none."""
ANSWER_BYTES_MAX = 8_000_000
"""A store's pull payments come in one piece."""


class Server:
    """The API of a connection's server, and the time that is left for what is asked now."""

    def __init__(self, connection: Connection, within_s: float) -> None:
        self.connection, self.left_s = connection, within_s

    def of_store(self, path: str, content: object = None, *, missing: str = "") -> Any:
        """What the server says about something of the store; `content` is posted."""
        return self.ask(f"stores/{self.connection.store}/{path}", content, missing=missing)

    def ask(self, path: str, content: object = None, *, missing: str = "") -> Any:
        """The JSON of an answer; None for a 404 with the code `missing`. Raises within `asking` only."""
        begun_s = time.monotonic()
        try:
            answer = self._send(path, content)
        finally:
            self.left_s -= time.monotonic() - begun_s
        if answer.status == 404 and missing and parsed(answer.body).get("code") == missing:
            return None
        if answer.status != 200:
            raise _Refused(answer.status)
        found = parsed(answer.body)
        if found is None:
            raise ValueError("nothing")
        return found

    def _send(self, path: str, content: object) -> Answer:
        connection = self.connection
        left_s = min(self.left_s, connection.ends_s - time.monotonic())
        if left_s <= 0:
            raise TimeoutError
        headers = {"authorization": f"token {connection.key}"}
        headers |= {} if content is None else {"content-type": "application/json"}
        return outbound.send(
            "GET" if content is None else "POST",
            f"{connection.url}/api/v1/{path}",
            connection.allowed if connection.guarded else None,
            headers=headers,
            body=b"" if content is None else json.dumps(content).encode(),
            timeout_s=min(left_s, provider.TIMEOUT_S),
            bytes_max=ANSWER_BYTES_MAX,
        )


class _Refused(Exception):
    """An answer with another status than 200."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status

    @property
    def how(self) -> str:
        if self.status in (401, 403):
            return "refused the API key"
        return "refused what it was asked for" if 400 <= self.status < 500 and self.status != 429 else "failed"


@contextlib.contextmanager
def asking(connection: Connection, what: str, within_s: float | None = None) -> Iterator[Server]:
    """All calls within provider.TIMEOUT_S together, or within `within_s`, each within the first.

    Raises PaymentProviderFailed for all that can go wrong: what the server says stays here.
    """
    try:
        if not ID.fullmatch(connection.store):
            raise BadRequest("no store")
        yield Server(connection, provider.TIMEOUT_S if within_s is None else within_s)
    except _Refused as refusal:
        raise _failed(what, refusal.how, refusal) from None
    except (OutboundFailed, OSError) as error:
        raise _failed(what, "did not answer", error) from None
    except BadRequest as error:
        raise _failed(what, "has a URL or a store that may not be asked", error) from None
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise _failed(what, "answered what cannot be read", error) from None


def _failed(what: str, how: str, error: Exception) -> PaymentProviderFailed:
    why = str(error) if isinstance(error, _Refused | OutboundFailed) else type(error).__name__
    log.warning("btcpay %s: %s (%s)", what, how, why)
    return PaymentProviderFailed(f"BTCPay Server {how}.", is_of_all=how in provider.OF_ALL)


def parsed(raw: bytes) -> Any:
    """JSON; numbers with a point are texts. Raises ValueError, RecursionError."""
    return json.loads(raw, parse_float=str)


def id_of(value: object) -> str:
    """An id of BTCPay's. Raises TypeError, ValueError."""
    text = text_of(value)
    if not ID.fullmatch(text):
        raise ValueError("no id")
    return text


def text_of(value: object) -> str:
    """Raises TypeError for what is no text."""
    if not isinstance(value, str):
        raise TypeError("no text")
    return value
