"""An asyncio loop in which time is a number: nothing waits, nothing is a socket, and every run is the same run.

The code under test runs on it unchanged: `asyncio.timeout`, `sleep`, tasks and futures are the standard library's.
Where a real loop would sleep until its next timer, this one sets its clock to it.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


class NothingLeft(Exception):
    """Somebody waits, and nothing will ever happen: in a real process this would hang."""


class VirtualLoop(asyncio.BaseEventLoop):
    """A loop whose time goes by only when nothing else is to be done."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._selector = self  # BaseEventLoop asks it for events, and how long to wait for them
        self.set_exception_handler(self._not_heard)

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        """What a selector does while nothing is ready: here, time passes at once."""
        if timeout is None:
            raise NothingLeft
        self._now += max(0.0, timeout)
        return []

    def _process_events(self, events: list[Any]) -> None:
        """There are none: no sockets."""

    def _write_to_self(self) -> None:
        """Nobody calls from other threads."""

    def _not_heard(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What a task raised that nobody waits for: its process has ended, and the model judges what it did."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a loop of its own. Tasks that still wait then are dropped."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.run_until_complete(_drop(asyncio.all_tasks(loop)))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _drop(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
