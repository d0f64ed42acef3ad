"""A child process that can be watched, and stopped with all that it started."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from s1card.errors import UsageError

CHUNK = 1 << 16
TICK = 0.5
"""Seconds between looks at a child that says nothing."""
LOOKS = 4
"""How often within the time limit a child that says nothing is looked at for changes."""
LONGEST_LOOK = 60.0
"""Seconds between such looks, at most."""
GRACE = 10.0
"""Seconds between a polite request to stop and a kill."""
AFTER_END = 1.0
"""Seconds for which the output of a child that ended is still read, where others hold it open."""


@dataclass(frozen=True)
class Child:
    """What to run.

    Attributes:
        command: Program and arguments.
        environment: All of its environment.
        folder: Its working folder.
        log: File that takes both its outputs.
        stalled_after: Seconds without a sign of life after which it is stopped; 0: never.
        alive: A number that changes while it works without saying so.
        on_output: Called with what it writes to its standard output, piece by piece.
        on_stop: Called when it was stopped, to stop what is not in its process group.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    stalled_after: float = 0.0
    alive: Callable[[], int] = lambda: 0
    on_output: Callable[[str], None] = lambda text: None
    on_stop: Callable[[], None] = lambda: None


class StalledError(Exception):
    """A child showed no sign of life for too long, and was stopped."""


def run_child(child: Child) -> int:
    """Run a child to its end, in a process group of its own, and return its exit code.

    Whatever ends the wait - Ctrl-C, SIGTERM, an error, the time limit - ends the whole process group too.

    Raises:
        UsageError: The program is not there or cannot be run.
        StalledError: It was stopped at the time limit.
    """
    with child.log.open("ab") as log:
        process = _start(child)
        try:
            _follow(process, child, log)
            return process.wait()
        except BaseException:
            _stop(process)
            child.on_stop()
            raise
        finally:
            _signal(process, signal.SIGKILL)  # what the child left running
            for stream in (process.stdout, process.stderr):
                assert stream is not None
                stream.close()


def _start(child: Child) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(child.command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(child.environment),
            cwd=child.folder,
            start_new_session=True,
            bufsize=0,
        )
    except OSError as error:
        raise UsageError(
            f"it cannot be started: {error.strerror}",
            subject=child.command[0],
            advice="Name another one with S1CARD_GPT or --container-runtime",
        ) from error


def _follow(process: subprocess.Popen[bytes], child: Child, log: IO[bytes]) -> None:
    """Copy what a child says, until it ends."""
    assert process.stdout is not None and process.stderr is not None
    watch = _Watch(child)
    with selectors.DefaultSelector() as selector:
        for stream in (process.stdout, process.stderr):
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ, stream is process.stdout)
        while selector.get_map():
            ready = selector.select(TICK)
            for key, _ in ready:
                data = os.read(key.fd, CHUNK)
                if not data:
                    selector.unregister(key.fileobj)
                    continue
                log.write(data)
                watch.heard()
                if key.data:
                    child.on_output(data.decode("utf-8", "replace"))
            if process.poll() is not None and watch.silence > AFTER_END:
                return
            log.flush()
            watch.check()


class _Watch:
    """How long a child has given no sign of life: neither said nor changed anything."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._last = self._looked = time.monotonic()
        self._number = child.alive() if child.stalled_after else 0

    @property
    def silence(self) -> float:
        """Seconds since the last sign of life."""
        return time.monotonic() - self._last

    def heard(self) -> None:
        """Note a sign of life."""
        self._last = self._looked = time.monotonic()

    def check(self) -> None:
        """Look now and then for changes; raise `StalledError` at the time limit."""
        limit = self._child.stalled_after
        if not limit or time.monotonic() - self._looked < min(limit / LOOKS, LONGEST_LOOK):
            return
        number, self._looked = self._child.alive(), time.monotonic()
        if number != self._number:
            self._number = number
            self.heard()
        elif self.silence >= limit:
            raise StalledError


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the process group to end, and end it if it does not."""
    deadline = time.monotonic() + GRACE
    with suppress(KeyboardInterrupt):  # a second Ctrl-C: no more patience
        _signal(process, signal.SIGTERM)
        while time.monotonic() < deadline and (process.poll() is None or _has_members(process)):
            time.sleep(0.05)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _has_members(process: subprocess.Popen[bytes]) -> bool:
    try:
        os.killpg(process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def killed_by(code: int) -> int:
    """The signal that ended a process, by its exit code or a shell's (128 + n); 0 for none."""
    if code < 0:
        return -code
    return code - 128 if code in (128 + signal.SIGKILL, 128 + signal.SIGTERM, 128 + signal.SIGSEGV) else 0


def environment_for(folder: Path, temp: Path) -> dict[str, str]:
    """The environment of a child whose home and temporary files are elsewhere.

    Variables by which a user changes Java or this process do not reach it.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "DISPLAY", "PYTHONPATH")
    }
    return inherited | {"HOME": str(folder), "TMPDIR": str(temp), "XDG_CACHE_HOME": str(folder / ".cache")}
