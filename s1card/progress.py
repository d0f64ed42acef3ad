"""How far the work is: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

SECONDS_BETWEEN_LINES = 10.0

Report = Callable[[int, int], None]


@contextmanager
def reporting(label: str, *, quiet: bool = False) -> Iterator[Report]:
    """A function that takes (done, total) and shows it on stderr."""
    if quiet:
        yield lambda done, total: None
    elif sys.stderr.isatty():
        with _bar(label) as report:
            yield report
    else:
        yield _lines(label)


@contextmanager
def _bar(label: str) -> Iterator[Report]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _lines(label: str) -> Report:
    begun = time.monotonic()
    last = [begun]

    def report(done: int, total: int) -> None:
        now = time.monotonic()
        if done == total or now - last[0] >= SECONDS_BETWEEN_LINES:
            last[0] = now
            print(f"{label}: {100 * done // total} % after {now - begun:.0f} s", file=sys.stderr, flush=True)

    return report
