"""AWS's Signature Version 4 for its JSON services, without an SDK: the streaming function imports none.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """AWS credentials; `token` is empty for long-lived ones."""

    access_key: str
    secret_key: str
    token: str


class Signer:
    """Signs for one service, host and region; the day's key is derived once."""

    def __init__(
        self,
        host: str,
        region: str,
        keys: Callable[[], Keys],
        *,
        service: str = "dynamodb",
        content_type: str = "application/x-amz-json-1.0",
    ) -> None:
        self.host, self.region, self.keys = host, region, keys
        self.service, self.content_type = service, content_type
        self._derived: tuple[str, str, bytes] = ("", "", b"")
        self._second = (0, "")

    def headers(self, target: str, body: bytes, now_s: float) -> dict[str, str]:
        """The headers that authenticate one POST to `/`."""
        keys = self.keys()
        stamp = self._stamp(int(now_s))
        signed = {"content-type": self.content_type, "host": self.host, "x-amz-date": stamp}
        if keys.token:
            signed["x-amz-security-token"] = keys.token
        signed["x-amz-target"] = target
        names = ";".join(signed)
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key(stamp[:8], keys), to_sign.encode(), "sha256").hex()
        signed["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        return signed

    def _stamp(self, now: int) -> str:
        if self._second[0] != now:
            self._second = (now, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now)))
        return self._second[1]

    def _key(self, day: str, keys: Keys) -> bytes:
        if self._derived[:2] != (day, keys.secret_key):
            derived = ("AWS4" + keys.secret_key).encode()
            for part in (day, self.region, self.service, "aws4_request"):
                derived = hmac.digest(derived, part.encode(), "sha256")
            self._derived = (day, keys.secret_key, derived)
        return self._derived[2]
