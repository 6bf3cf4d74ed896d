"""Who is told what a request comes to, as it is known: the story and the settle tell it, an entry makes it.

The one here notes nothing. Where somebody watches, the entry hands in one of its own: functions/telemetry/watch.py.
"""

from functions.errors import FareboxError
from functions.ledger.receipts import Receipt


class Observer:
    """Of one request. No method raises or waits."""

    __slots__ = ()

    def admitted(self, receipt_id: str, *, stream: bool) -> None:
        """Its hold is taken; whether it asked for a stream."""

    def asked(self, project_id: str, *, owners: bool) -> None:
        """A provider is asked for a project's user; `owners`: its failures are not the operator's to mend."""

    def settled(self, receipt: Receipt) -> None:
        """Its hold was turned into its cost."""

    def settled_late(self, receipt: Receipt) -> None:
        """Somebody else had resolved its hold before: nothing was charged for it now."""

    def not_settled(self, receipt: Receipt) -> None:
        """The receipt could not be written, or not be applied: whoever reads the account next does it."""

    def failed(self, error: FareboxError) -> None:
        """It was answered with an error."""

    def left(self) -> None:
        """Its client left, or the server that runs this ended it, and nothing was charged."""

    def done(self, status: int, first_byte_s: float | None = None) -> None:
        """It is over but for its last byte; the first call counts.

        `status` is 0 where there is no answer; `first_byte_s` is when it began, by `time.perf_counter`.
        """


NOBODY = Observer()
