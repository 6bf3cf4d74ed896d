"""What `make run` says while it works: one line a step with its time, and in a terminal a live counter."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

HEARTBEAT_S = 10.0
REDRAW_S = 0.1
WHEEL = "|/-\\"
WIDTH_MAX = 100


class Progress:
    """Writes to standard output. Plain ASCII, so that no terminal or log can refuse a character."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._drawn = False
        self._step = ""
        self._started_s = 0.0
        self._shown_s = 0.0

    def line(self, text: str = "") -> None:
        """One whole line, at once."""
        self._write(f"{self._clear()}{text}\n")

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Says `text` while the block runs, and with its elapsed time when it ends. Steps do not nest."""
        self._step, self._started_s = text, time.monotonic()
        self._shown_s = self._started_s
        if self._live:
            self.tick()
        try:
            yield
        except BaseException:
            self._write(self._clear())
            raise
        self.line(f"{self._elapsed_s():6.1f} s  {text}")

    def tick(self, detail: str = "") -> None:
        """Called often by whatever waits: turns the wheel, or writes a line now and then where there is no terminal."""
        now_s = time.monotonic()
        text = f"{self._step}  {detail}".rstrip()[:WIDTH_MAX]
        if not self._live and now_s - self._shown_s >= HEARTBEAT_S:
            self._shown_s = now_s
            self._write(f"{self._elapsed_s():6.0f} s  still {text}\n")
        elif self._live and (now_s - self._shown_s >= REDRAW_S or self._shown_s == self._started_s):
            self._shown_s = now_s
            wheel = WHEEL[int(now_s / REDRAW_S) % len(WHEEL)]
            self._write(f"{self._clear()}{self._elapsed_s():6.1f} s {wheel} {text}")
            self._drawn = True

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started_s

    def _clear(self) -> str:
        drawn, self._drawn = self._drawn, False
        return "\r\033[K" if drawn else ""

    def _write(self, text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError:
            # The terminal or pipe is gone. Ending the children matters more than telling about it.
            pass
