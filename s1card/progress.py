"""How far the work is: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich import progress as bar
from rich.console import Console

if TYPE_CHECKING:  # importing the engine takes a second
    from s1card.engine.base import Progress

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def reporting(label: str, *, quiet: bool = False) -> Iterator[Progress]:
    """A function that takes (done, total) and shows it on stderr."""
    if quiet:
        yield lambda done, total: None
    elif sys.stderr.isatty():
        with _bar(label) as report:
            yield report
    else:
        yield _lines(label)


@contextmanager
def _bar(label: str) -> Iterator[Progress]:
    columns = (
        bar.TextColumn("{task.description}"),
        bar.BarColumn(),
        bar.TextColumn("{task.percentage:>3.0f} %"),
        bar.TimeElapsedColumn(),
        bar.TextColumn("left"),
        bar.TimeRemainingColumn(),
    )
    with bar.Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _lines(label: str) -> Progress:
    begun = time.monotonic()
    last = [begun]

    def report(done: int, total: int) -> None:
        now = time.monotonic()
        if done == total or now - last[0] >= SECONDS_BETWEEN_LINES:
            last[0] = now
            print(f"{label}: {100 * done // total} % after {now - begun:.0f} s", file=sys.stderr, flush=True)

    return report
