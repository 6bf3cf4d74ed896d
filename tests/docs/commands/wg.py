"""`wg` of the documentation: keys as WireGuard makes them (Curve25519, in base64); whoever has no tunnel shows none.

https://www.wireguard.com/papers/wireguard.pdf, 5.4; the format is that of wg(8).
"""

import base64
import binascii
import sys

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey


class Refused(SystemExit):
    """What `wg` would refuse. Its words go to standard error, with exit code 1."""


def answer(words: list[str], given: str) -> str:
    """What `wg WORDS` prints when `given` is its standard input. Raises Refused."""
    if words == ["genkey"]:
        return _text(X25519PrivateKey.generate().private_bytes_raw())
    if words == ["pubkey"]:
        try:
            key = X25519PrivateKey.from_private_bytes(base64.b64decode(given.strip(), validate=True))
        except (ValueError, binascii.Error) as error:
            raise Refused("wg: Key is not the correct length or format") from error
        return _text(key.public_key().public_bytes_raw())
    raise Refused(f"wg: not known here: {' '.join(words)}")


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


if __name__ == "__main__":
    print(answer(sys.argv[1:], sys.stdin.read() if sys.argv[1:] == ["pubkey"] else ""))
