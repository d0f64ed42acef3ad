"""What ``gpt`` prints while it works, in the form that scripts look for."""

from __future__ import annotations

from typing import TextIO

from s1card.errors import S1CardError

DOTS = 50
"""Dots of a whole run; every fifth is a percentage instead."""
STEP = 5


class Dots:
    """Progress as SNAP prints it: ``....10%....20% ... 90% done.`` on one line.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._printed = 0

    def report(self, done: int, total: int) -> None:
        """Print what has come since the last call; `s1card.engine.base.Progress`."""
        reached = min(DOTS - 1, DOTS * done // total)
        while self._printed < reached:
            self._printed += 1
            percent = 100 * self._printed // DOTS
            self._stream.write("." if self._printed % STEP else f"{percent}%")
        self._stream.flush()

    def finish(self) -> None:
        """Complete the line."""
        self.report(1, 1)
        self._stream.write(" done.\n")
        self._stream.flush()


def error_line(error: BaseException) -> str:
    """The line of an error: ``Error: [NodeId: Calibration] ...``."""
    if not isinstance(error, S1CardError):
        return f"Error: {type(error).__name__}: {error}"
    if not error.node:
        return f"Error: {error}"
    text = str(error).removeprefix(f"node {error.node}: ")
    return f"Error: [NodeId: {error.node}] {text}"
