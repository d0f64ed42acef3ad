"""Files that are being made: complete writes, clear errors, final names only at the end."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.errors import DISK_FULL, ResourceError

Buffer = bytes | bytearray | memoryview


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says about a file into a ResourceError with advice."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL:
            message = "the disk is full or the quota is used up"
            advice = "Free space, or choose another output folder"
        elif error.errno == errno.EFBIG:
            message = "the file is larger than the limit of the process or of the file system"
            advice = "Raise the limit (ulimit -f), or choose another output folder"
        else:
            message = f"cannot write: {error.strerror or error}"
            advice = "Check that the output folder may be written"
        raise ResourceError(message, subject=str(path), advice=advice) from error


def bytes_of(data: NDArray[Any]) -> memoryview:
    """The samples of an array as bytes, without a copy where it is contiguous."""
    return np.ascontiguousarray(data).reshape(-1).view(np.uint8).data


def write_all(fd: int, data: Buffer, path: Path) -> None:
    """Write all of ``data`` at the file's position; the system may take it in pieces.

    Raises:
        ResourceError: The disk is full or cannot be written.
    """
    rest = memoryview(data)
    with disk_errors(path):
        while rest:
            rest = rest[_taken(os.write(fd, rest)) :]


def pwrite_all(fd: int, data: Buffer, offset: int, path: Path) -> None:
    """Write all of ``data`` at ``offset``; several threads may write to the same file.

    Raises:
        ResourceError: The disk is full or cannot be written.
    """
    rest = memoryview(data)
    with disk_errors(path):
        while rest:
            taken = _taken(os.pwrite(fd, rest, offset))
            rest, offset = rest[taken:], offset + taken


def _taken(count: int) -> int:
    if count == 0:  # no progress without an error: would loop for ever
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return count


def part_name(path: Path) -> Path:
    """A hidden name beside ``path`` that no other writer uses."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")


def create(path: Path, size: int = 0) -> int:
    """Create a file, reserve ``size`` bytes for it, and return its descriptor.

    Raises:
        ResourceError: The disk has not that much room, or cannot be written.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            _reserve(fd, size)
        except OSError:
            os.close(fd)
            path.unlink(missing_ok=True)
            raise
    return fd


def _reserve(fd: int, size: int) -> None:
    if size == 0:
        return
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(fd, 0, size)
            return
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                raise
    os.ftruncate(fd, size)  # a file system that cannot reserve


def finish(fd: int, path: Path, *, sync: bool = False) -> None:
    """Close a descriptor; with ``sync`` only after the disk has all.

    Network file systems and quotas report a full disk as late as here.
    """
    with disk_errors(path):
        try:
            if sync:
                os.fsync(fd)
        finally:
            os.close(fd)


def publish(part: Path, path: Path) -> None:
    """Give a complete file or folder its final name, in the place of an older one."""
    with disk_errors(path):
        if not (path.is_dir() and not path.is_symlink()):
            part.replace(path)
            return
        old = part_name(path)
        path.rename(old)
        part.rename(path)
        shutil.rmtree(old)


def discard(path: Path) -> None:
    """Remove a file or folder, whatever is left of it."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


class Spool:
    """A file without a name that takes blocks from several threads; it goes when its owner does.

    Args:
        beside: Final file; the spool lies on the same file system.
    """

    def __init__(self, beside: Path) -> None:
        self._path = beside
        with disk_errors(beside):
            beside.parent.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=beside.parent, buffering=0)  # noqa: SIM115
        self._end = 0
        self._lock = threading.Lock()

    def append(self, data: bytes) -> int:
        """Store a block and return where it lies.

        Raises:
            ResourceError: The disk is full or cannot be written.
        """
        with self._lock:
            offset, self._end = self._end, self._end + len(data)
        pwrite_all(self._file.fileno(), data, offset, self._path)
        return offset

    def read(self, offset: int, size: int) -> bytes:
        """Fetch ``size`` bytes of what was stored.

        Raises:
            ResourceError: The disk does not give them back.
        """
        with disk_errors(self._path):
            data = os.pread(self._file.fileno(), size, offset)
            if len(data) != size:
                raise OSError(errno.EIO, "temporary data are cut off")
        return data

    def close(self) -> None:
        """Let go of the space; harmless when called again."""
        self._file.close()
