"""The command ``extract`` in processes that may be killed: forked from one that has imported and compiled everything.

Only so do random moments hit the work and not the start of Python.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from s1card.cli import main

PATIENCE = 240.0  # seconds; the first worker waits until kernels are compiled
LEASE = 1.0  # seconds


def run(has_begun: Event, arguments: Sequence[str], largest_file: int, lease: float, log: str) -> None:
    """Run ``s1card extract``; its exit code is that of the process."""
    from s1card.store.postgis import PostgisStore

    assert PostgisStore.__init__.__kwdefaults__ is not None
    PostgisStore.__init__.__kwdefaults__["lease"] = lease  # who dies is missed soon
    with Path(log).open("w", buffering=1) as out:
        sys.stdout = sys.stderr = out
        if largest_file:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
        sys.argv = ["s1card", "extract", *arguments]
        has_begun.set()
        main()


@dataclass(frozen=True)
class Worker:
    """A running extraction."""

    process: ForkServerProcess
    log: Path

    def kill(self) -> bool:
        """Kill it where it stands; whether it still ran."""
        self.process.kill()
        self.process.join(PATIENCE)
        return self.process.exitcode == -9

    def finish(self, code: int = 0) -> str:
        """Wait for its end, which must have an exit code; what it said."""
        self.process.join(PATIENCE)
        text = self.log.read_text()
        assert self.process.exitcode == code, text
        return text


@dataclass(frozen=True)
class Workers:
    """Starts extractions."""

    context: ForkServerContext
    folder: Path

    def start(self, *arguments: object, largest_file: int = 0, lease: float = LEASE) -> Worker:
        """An extraction that has begun with its work."""
        begun = self.context.Event()
        log = self.folder / f"{time.monotonic_ns()}.log"
        words = [str(word) for word in arguments]
        process = self.context.Process(
            target=run, args=(begun, words, largest_file, lease, str(log)), daemon=True
        )
        process.start()
        assert begun.wait(PATIENCE)
        return Worker(process, log)


@contextmanager
def workers_in(folder: Path) -> Iterator[Workers]:
    """Workers whose words go into files of a folder."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["extract_kernels"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        forkserver.ensure_running()
    yield Workers(context, folder)
