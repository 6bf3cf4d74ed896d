"""stripe-mock: Stripe's own server for tests, which checks what it is asked against Stripe's OpenAPI description.

It remembers nothing, and answers with examples. https://github.com/stripe/stripe-mock
"""

import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests import stand
from tests.go_tool import built

VERSION = "v0.203.0"
"""Pinned. It describes the API of 2026-08-26."""
MODULE = "github.com/stripe/stripe-mock"
LISTENS = re.compile(r"Listening for HTTP at address: (127\.0\.0\.1:[0-9]+)")
KEY = "sk_test_123"


def binary() -> Path:
    """stripe-mock; building it takes a quarter of a minute. Raises Missing."""
    return built("stripe-mock", MODULE, VERSION)


@contextlib.contextmanager
def stripe_mock(log: Path) -> Iterator[str]:
    """Its address, while it runs. Raises Missing."""
    command = [str(binary()), "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0"]
    with log.open("wb") as output:
        child = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        stand.wait_until(lambda: LISTENS.search(log.read_text()) or child.poll() is not None, "stripe-mock")
        found = LISTENS.search(log.read_text())
        assert found, log.read_text()
        yield f"http://{found[1]}"
    finally:
        stand.end(child)
