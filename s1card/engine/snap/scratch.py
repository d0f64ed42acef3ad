"""The scratch folder of a run: made, kept where it tells something, cleared away."""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from s1card.errors import S1CardError
from s1card.raster.disk import disk_errors

log = logging.getLogger(__name__)

PREFIX = "s1card-snap-"
FAILED_PREFIX = "s1card-failed-"
LOCK = "in-use"
KEPT = ("graph.xml", "gpt.log")
"""What a run that failed leaves behind: small, and what a question about it needs."""


@dataclass(frozen=True)
class Scratch:
    """Everything SNAP touches lies in here, nothing in the user's home.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def graph(self) -> Path:
        """The graph as SNAP gets it."""
        return self.path / "graph.xml"

    @property
    def log(self) -> Path:
        """All that SNAP says."""
        return self.path / "gpt.log"

    @property
    def user(self) -> Path:
        """SNAP's user directory, with orbit files in SNAP's layout."""
        return self.path / "user"

    @property
    def home(self) -> Path:
        """Home of the user, for what does not ask SNAP's user directory."""
        return self.path / "home"

    @property
    def temp(self) -> Path:
        """Java's temporary files."""
        return self.path / "tmp"

    @property
    def cache(self) -> Path:
        """SNAP's cache of unpacked and downloaded things."""
        return self.path / "cache"

    @property
    def dem(self) -> Path:
        """Prepared elevation models."""
        return self.path / "dem"

    @property
    def out(self) -> Path:
        """What SNAP writes, a folder per Write node."""
        return self.path / "out"

    @property
    def folders(self) -> tuple[Path, ...]:
        """All folders in it."""
        return self.user, self.home, self.temp, self.cache, self.dem, self.out

    def size(self) -> int:
        """Bytes of all files in it: what grows while SNAP works."""
        total = 0
        for folder, _, names in os.walk(self.path):
            for name in names:
                with suppress(OSError):  # SNAP removes temporary files at any time
                    total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118 - thousands of files
        return total


def scratch_root(given: Path | None) -> Path:
    """Where scratch folders are made: as given, on the local disk of a Slurm job, or where temporary files go."""
    return (given or Path(os.environ.get("SLURM_TMPDIR") or tempfile.gettempdir())).resolve()


@contextmanager
def scratch_folder(root: Path, *, keep: bool = False) -> Iterator[Scratch]:
    """A scratch folder for one run.

    It is removed at the end, also after an interruption. After an error, graph and log remain in a folder
    ``s1card-failed-*`` that the error names. Folders that killed processes left behind are removed first.

    Args:
        root: Folder in which to make it.
        keep: Whether to leave it as it is, whatever happens.

    Raises:
        ResourceError: It cannot be made.
    """
    with disk_errors(root):
        root.mkdir(parents=True, exist_ok=True)
        remove_abandoned(root)
        scratch, lock = _make(root)
    try:
        yield scratch
    except S1CardError as error:
        kept = scratch.path if keep else _keep_what_tells(scratch)
        if kept is not None:
            error.advice = f"{error.advice}. Graph and log are in {kept}".removeprefix(". ")
        raise
    finally:
        if keep:
            _release(scratch)
        else:
            shutil.rmtree(scratch.path, ignore_errors=True)
        os.close(lock)


def remove_abandoned(root: Path) -> tuple[Path, ...]:
    """Remove the scratch folders of processes that no longer run: nobody holds their lock. Returns what was removed."""
    removed = []
    for path in sorted(root.glob(f"{PREFIX}*")):
        if _is_abandoned(path):
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path)
            log.info("removed %s, which an interrupted run left behind", path)
    return tuple(removed)


def _make(root: Path) -> tuple[Scratch, int]:
    """A folder that carries its name only when it is locked, so that nobody takes it for abandoned."""
    token = secrets.token_hex(6)
    fresh = root / f".{PREFIX}{token}"
    fresh.mkdir(mode=0o700)
    lock = os.open(fresh / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with suppress(OSError):  # a file system without locks: the folder is never taken for abandoned
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    scratch = Scratch(root / f"{PREFIX}{token}")
    fresh.rename(scratch.path)
    for folder in scratch.folders:
        folder.mkdir()
    return scratch, lock


def _release(scratch: Scratch) -> None:
    """Leave a folder for good: without its lock file nobody takes it for abandoned."""
    (scratch.path / LOCK).unlink(missing_ok=True)
    log.warning("the scratch folder is kept: %s", scratch.path)


def _is_abandoned(path: Path) -> bool:
    try:
        lock = os.open(path / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True


def _keep_what_tells(scratch: Scratch) -> Path | None:
    """Graph and log of a failed run in a folder of their own; None where SNAP was not even started."""
    if not scratch.log.exists():
        return None
    kept = scratch.path.with_name(scratch.path.name.replace(PREFIX, FAILED_PREFIX, 1))
    try:
        kept.mkdir()
        for name in KEPT:
            if (scratch.path / name).exists():
                (scratch.path / name).replace(kept / name)
    except OSError as error:
        log.warning("graph and log could not be kept: %s", error)
        return None
    return kept
