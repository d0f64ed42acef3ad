"""The private tag of SNAP's GeoTIFFs, which holds the names of the bands."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

DIMAP_TAG = 65000
_ASCII = 2
_LARGEST = 64 << 20


def dimap_tag(path: Path) -> bytes:
    """The BEAM-DIMAP document in a TIFF file; empty where there is none, or the file is no TIFF."""
    try:
        with path.open("rb") as stream:
            return _find(stream)
    except (OSError, struct.error):
        return b""


def _find(stream: BinaryIO) -> bytes:
    head = stream.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        return b""
    (version,) = struct.unpack(f"{order}H", head[2:4])
    if version == 42:
        (offset,) = struct.unpack(f"{order}I", head[4:8])
        return _entry(stream, offset, f"{order}H", f"{order}HHII")
    if version == 43:
        (offset,) = struct.unpack(f"{order}Q", head[8:16])
        return _entry(stream, offset, f"{order}Q", f"{order}HHQQ")
    return b""


def _entry(stream: BinaryIO, offset: int, count_format: str, entry_format: str) -> bytes:
    """The value of the tag in the first directory of the file."""
    stream.seek(offset)
    (count,) = struct.unpack(count_format, stream.read(struct.calcsize(count_format)))
    size = struct.calcsize(entry_format)
    for _ in range(count):
        tag, kind, length, position = struct.unpack(entry_format, stream.read(size))
        if tag == DIMAP_TAG and kind == _ASCII and length <= _LARGEST:
            stream.seek(position)
            return stream.read(length).rstrip(b"\0")
    return b""
