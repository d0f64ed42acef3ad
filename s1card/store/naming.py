"""Names of the files of a folder store: which observation, which version, and what is still being written.

A version is a time in ns and a random number, as text that sorts as it counts. A writer takes a version above all that
it can see, so the newest one is the last that was written even where the clocks of machines differ.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from s1card.raster.disk import disk_errors

OBSERVATION_BITS = 52
"""Bits of the number of an observation: whole numbers that JSON and JavaScript keep exactly."""

STALE_SECONDS = 3600.0
"""An unfinished file that nobody has written to for so long belongs to nobody."""

_HEX = OBSERVATION_BITS // 4
_NAME = re.compile(rf"(?P<content>[0-9a-f]{{{_HEX}}}|month)-(?P<version>[0-9a-f]{{24}})\.parquet")
_PART = re.compile(r"\..+\.(?P<place>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{8}\.part")


@dataclass(frozen=True, order=True)
class FileName:
    """Name of a file with rows.

    Attributes:
        version: Sorts as it counts.
        content: Hexadecimal number of the observation, or ``month`` for a compacted file.
    """

    version: str
    content: str

    @property
    def is_compacted(self) -> bool:
        """Whether the file may hold many observations."""
        return self.content == "month"

    def __str__(self) -> str:
        return f"{self.content}-{self.version}.parquet"


def parse_name(name: str) -> FileName | None:
    """The parts of a file's name, or None if it is no file of rows."""
    match = _NAME.fullmatch(name)
    return FileName(match["version"], match["content"]) if match else None


def observation_number(reference: str) -> int:
    """Number of an observation: the same wherever it is computed, so that writers need not agree on one."""
    digest = hashlib.sha256(reference.encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - OBSERVATION_BITS)


def observation_name(number: int, version: str) -> FileName:
    """Name of the file of one observation."""
    return FileName(version, f"{number:0{_HEX}x}")


def new_version(above: str = "") -> str:
    """A version after now and after another one; no two are equal."""
    beyond = int(above[:16], 16) + 1 if above else 0
    return f"{max(time.time_ns(), beyond):016x}{secrets.token_hex(4)}"


def part_path(path: Path) -> Path:
    """A hidden name beside ``path`` that tells who is writing."""
    return path.with_name(f".{path.name}.{_place()}-{os.getpid()}-{secrets.token_hex(4)}.part")


def remove_stale_parts(folder: Path) -> int:
    """Remove unfinished files of processes of this machine that have ended, and those that nobody has written to.

    Returns:
        Number of files that were removed.
    """
    removed = 0
    for path in folder.glob(".*.part"):
        with disk_errors(path), suppress(FileNotFoundError):
            if _is_stale(path):
                path.unlink()
                removed += 1
    return removed


def unlink(path: Path) -> None:
    """Remove a file; it does not matter who does."""
    with disk_errors(path), suppress(FileNotFoundError):
        path.unlink()


def sync_folder(folder: Path) -> None:
    """Bring the names of a folder to the disk, so that none is lost that a later step relies on."""
    with suppress(OSError):  # some network file systems cannot, and need not
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _is_stale(path: Path) -> bool:
    if time.time() - path.stat().st_mtime > STALE_SECONDS:
        return True
    match = _PART.fullmatch(path.name)
    return match is not None and match["place"] == _place() and not _is_alive(int(match["process"]))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@cache
def _place() -> str:
    """Where a process number means something: the machine since its start, and the container."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
    with suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:8]
