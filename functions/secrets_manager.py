"""Reading secrets from AWS Secrets Manager, over one connection, without an SDK.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
"""

import functools
import http.client
import json
import ssl
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from functions.signature import Keys, Signer

TARGET = "secretsmanager.GetSecretValue"
TIMEOUT_S = 2.0
"""For each address that is tried, and each silence: `settings.Source` bounds the whole."""
ANSWER_BYTES_MAX = 1_000_000
"""A secret has 64 KB at most."""


class SecretsUnavailable(Exception):
    """A secret cannot be read. The message names it, and never its value."""


def fetch(names: Sequence[str], endpoint_url: str, region: str, keys: Keys) -> dict[str, str]:
    """All secrets as one map from a setting's name to its value.

    Each secret is a JSON object of strings. Empty `endpoint_url`: AWS's own. Raises SecretsUnavailable.
    """
    url = urlsplit(endpoint_url or f"https://secretsmanager.{region}.amazonaws.com")
    signer = Signer(
        url.netloc, region, lambda: keys, service="secretsmanager", content_type="application/x-amz-json-1.1"
    )
    connection = _connection(url.scheme, url.hostname or "", url.port)
    found: dict[str, str] = {}
    try:
        for name in names:
            found |= _one(connection, signer, name)
    finally:
        connection.close()
    return found


@functools.cache
def _tls() -> ssl.SSLContext:
    """Made once: it takes longer than everything else here."""
    return ssl.create_default_context()


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=_tls())
    return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)


def _one(connection: http.client.HTTPConnection, signer: Signer, name: str) -> dict[str, str]:
    body = json.dumps({"SecretId": name}).encode()
    try:
        connection.request("POST", "/", body, signer.headers(TARGET, body, time.time()))
        response = connection.getresponse()
        answer = json.loads(response.read(ANSWER_BYTES_MAX))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SecretsUnavailable(f"the secret {name} cannot be read: {type(error).__name__}") from None
    if response.status != 200:
        kind = str(answer.get("__type", response.status) if isinstance(answer, dict) else response.status)
        raise SecretsUnavailable(f"the secret {name} cannot be read: {kind.rpartition('#')[2][:100]}")
    return _values(name, answer)


def _values(name: str, answer: object) -> dict[str, str]:
    try:
        values = json.loads(answer["SecretString"])  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        values = None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise SecretsUnavailable(f"the secret {name} is not a JSON object of strings")
    return values
