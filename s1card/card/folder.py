"""Folders that appear under their name only when they are complete."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from s1card.errors import DISK_FULL, ResourceError, UsageError

ABANDONED_AFTER = 2 * 86_400.0
"""Seconds without a change after which unfinished work of another host counts as abandoned."""

_UNFINISHED = re.compile(
    r"\..+\.(?P<host>[A-Za-z0-9-]{1,32})\.(?P<pid>\d+)\.(?P<token>[0-9a-f]{8})\.(?:part|old)"
)
_own_tokens: set[str] = set()


class Existing(Enum):
    """What becomes of a card that is there already when it is to be made."""

    REFUSED = "refused"
    REPLACED = "replaced"
    LEFT = "left"


@contextmanager
def atomic_folder(final: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Work in a hidden folder beside ``final`` that takes its name when the block ends without an error.

    Everything is flushed to disk before the name appears. On any exception, a keyboard interrupt included,
    the hidden folder is removed; if the process is killed it stays, without a final name, and the next use of
    this function on the same parent removes it.

    Args:
        final: The folder to make; its parents are created.
        overwrite: Whether to replace an existing folder. It keeps its name until the new one is complete.

    Yields:
        The folder to fill.

    Raises:
        UsageError: ``final`` exists and must not be replaced, or its parent cannot be written.
        ResourceError: The disk is full.
    """
    refuse_existing(final, overwrite)
    token = secrets.token_hex(4)
    _own_tokens.add(token)
    staging = _hidden(final, token, "part")
    try:
        _start(staging)
        yield staging
        _flush(staging)
        refuse_existing(final, overwrite)
        _put_in_place(staging, final, _hidden(final, token, "old"))
    except OSError as error:
        shutil.rmtree(staging, ignore_errors=True)
        if error.errno in DISK_FULL:
            raise ResourceError(
                "the disk is full", subject=str(final), advice="Free some space or choose another --out"
            ) from error
        raise
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    finally:
        _own_tokens.discard(token)


def remove_abandoned(parent: Path) -> tuple[Path, ...]:
    """Remove the hidden folders that processes left behind which no longer run; returns what was removed.

    A process of this host is looked up by its id; a folder of another host (a shared file system) counts as
    abandoned when nothing in it has changed for ``ABANDONED_AFTER``.
    """
    abandoned = tuple(path for path in sorted(parent.iterdir()) if path.is_dir() and _is_abandoned(path))
    for path in abandoned:
        shutil.rmtree(path, ignore_errors=True)
    return abandoned


def _hidden(final: Path, token: str, suffix: str) -> Path:
    return final.parent / f".{final.name}.{_host()}.{os.getpid()}.{token}.{suffix}"


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:32] or "localhost"


def refuse_existing(final: Path, overwrite: bool) -> None:
    """Refuse to replace what is there.

    Raises:
        UsageError: It exists, and is not an empty folder.
    """
    if overwrite and (final.is_dir() or not final.exists()):
        return
    if final.exists() and not (final.is_dir() and not any(final.iterdir())):
        raise UsageError(
            "it exists already",
            subject=str(final),
            advice="Use --overwrite to replace it, --missing to leave it, or another --out",
        )


def _start(staging: Path) -> None:
    try:
        staging.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(staging.parent)
        staging.mkdir()
    except OSError as error:
        if error.errno in DISK_FULL:
            raise
        raise UsageError(
            f"cannot write here: {error.strerror}", subject=str(staging.parent), advice="Choose another --out"
        ) from error


def _is_abandoned(path: Path) -> bool:
    match = _UNFINISHED.fullmatch(path.name)
    if match is None or match["token"] in _own_tokens:
        return False
    if match["host"] == _host() and not _is_alive(int(match["pid"])):
        return True
    return time.time() - _last_change(path) > ABANDONED_AFTER


def _is_alive(pid: int) -> bool:
    if pid == os.getpid():  # an id is used again, after a reboot or in a container: ours are in _own_tokens
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _last_change(folder: Path) -> float:
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    except FileNotFoundError:  # its process is at work
        return time.time()


def _flush(folder: Path) -> None:
    """Write a folder and all in it to disk, so that a crash after the rename cannot empty its files."""
    for path in sorted(folder.rglob("*")):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot flush folders
            raise
    finally:
        os.close(descriptor)


def _put_in_place(staging: Path, final: Path, aside: Path) -> None:
    """Give the staging folder its final name; a folder that has it already steps aside and is removed."""
    if final.is_dir():
        final.rename(aside)
    try:
        staging.rename(final)
    except BaseException:
        if aside.is_dir():
            aside.rename(final)
        raise
    _sync(final.parent)
    shutil.rmtree(aside, ignore_errors=True)
