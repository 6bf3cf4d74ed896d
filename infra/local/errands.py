"""Plays the schedule of the errands function: tells what is due every few seconds, until the server ends."""

import contextlib
import logging
import threading
from collections.abc import Iterator

from functions import errands
from infra.local.events import Context

TIMEOUT_S = 300.0

log = logging.getLogger("farebox.local")


@contextlib.contextmanager
def running(every_s: float) -> Iterator[None]:
    """While this lasts, errands are run in a thread; what fails is logged, and tried again. 0: never."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(every_s):
            try:
                errands.handler({"task": "notices"}, Context("errands", TIMEOUT_S))
            except Exception:
                log.exception("errands failed")

    thread = threading.Thread(target=run, name="errands", daemon=True)  # a notice under way is told again
    if every_s:
        thread.start()
    try:
        yield
    finally:
        ended.set()
