"""Statistics of the streaming function: what requests came to, summed in memory and written beside, every few seconds.

Nothing here is waited for by an answer, and nothing raises. What a process cannot write it keeps and tries again, as
far as there is room; what it may have written it never writes twice. docs/usage.md
"""

import asyncio
import contextlib
import logging
from contextvars import Context

from functions.errors import FareboxError, where
from functions.ledger import usage
from functions.ledger.receipts import Receipt
from functions.ledger.store import Ambiguous, Ledger, NotApplied, Rejected
from functions.ledger.usage import Sums
from functions.ledger.windows import DAY_S

EVERY_S = 5
CLOSES_WITHIN_S = 1.0
PLACES_MAX = 1000
"""Days of projects that are kept in memory; with a table that is away for long, more are not counted."""

Place = tuple[str, int]
"""A project and a day since 1970."""

log = logging.getLogger("farebox.tally")


class Tally:
    """Of one process. A project's sums go out in one write, at most every EVERY_S.

    What comes after a quiet while goes out at once: on Lambda a process sleeps as soon as it has answered, and a timer
    goes off when it wakes up, for the next request or for its end.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._waiting: dict[Place, Sums] = {}
        self._sent_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None

    def answered(self, project_id: str, receipt: Receipt) -> None:
        """A request has its receipt, and is about to be charged by it."""
        now_s = self.ledger.clock.now()
        self._count(project_id, usage.of_receipt(receipt, now_s), now_s)

    def refused(self, project_id: str, error: FareboxError) -> None:
        """A request is answered with an error; "" is no project, and counts nowhere."""
        if project_id:
            self._count(project_id, usage.of_refusal(error.reason), self.ledger.clock.now())

    async def close(self) -> None:
        """Write what is there, as far as that takes no longer than CLOSES_WITHIN_S."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSES_WITHIN_S):
                if self._sending:
                    await asyncio.wait({self._sending})
                self._send()
                if self._sending:
                    await asyncio.wait({self._sending})
        self._stop_timer()

    def _count(self, project_id: str, sums: Sums, now_s: float) -> None:
        try:
            self._add((project_id, int(now_s) // DAY_S), sums)
            if not 0 <= now_s - self._sent_s < EVERY_S:
                self._send()
            else:
                self._send_later()
        except Exception as error:  # noqa: BLE001  whatever it is, the request goes on
            log.error("a request is in no statistics: %s", where(error))

    def _add(self, place: Place, sums: Sums) -> None:
        waiting = self._waiting.get(place)
        if waiting is None:
            if len(self._waiting) < PLACES_MAX:
                self._waiting[place] = dict(sums)
            return
        for name, number in sums.items():
            waiting[name] = waiting.get(name, 0) + number

    def _send_later(self) -> None:
        if self._timer is None and self._sending is None:
            self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._send, context=Context())

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _send(self) -> None:
        """Begin to write all that waits; what comes meanwhile waits for the next time.

        Of no request: what the log says of it bears no request's ids.
        """
        self._stop_timer()
        if self._waiting and self._sending is None:
            self._sent_s = self.ledger.clock.now()
            self._sending = asyncio.get_running_loop().create_task(self._write(), context=Context())

    async def _write(self) -> None:
        """One after the other, on one connection; at the first that fails the rest waits for a better time."""
        going, self._waiting = self._waiting, {}
        try:
            while going:
                place, sums = going.popitem()
                try:
                    await usage.add(self.ledger, *place, sums)
                except NotApplied:
                    going[place] = sums
                    break
                except Ambiguous:
                    log.warning("statistics may be lost: of project %s", place[0])
                    break
                except Rejected:
                    log.error("statistics are lost: the ledger refused them")
        except Exception as error:  # noqa: BLE001  nobody else would see it
            log.error("statistics are lost: %s", where(error))
        finally:
            self._sending = None
            for place, sums in going.items():
                self._add(place, sums)
            if self._waiting:
                self._send_later()
