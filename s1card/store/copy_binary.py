"""Rows in PostgreSQL's binary COPY format, made by whole columns.

A row is a 16-bit number of fields, then each field as its length in bytes (32 bits) and its value, all big-endian.
Fields of fixed length make rows of fixed length, which are a NumPy structured array. Columns that are NULL are left
out of the COPY: rows that lack the same columns make a block with a column list of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.errors import UsageError
from s1card.parcels.records import REASONS
from s1card.store.rows import HistogramRows, SignatureRows

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

BAND_LENGTH = 3
"""Characters of a band code."""

_CHUNK = 65_536  # rows that are encoded at a time: some MB
_EPOCH = datetime(2000, 1, 1)  # of PostgreSQL's timestamps


@dataclass(frozen=True, eq=False)
class Block:
    """Rows that have the same columns.

    Attributes:
        columns: Names of the columns that have values.
        arrays: Values of each: int32, int64, float32 or bytes (``S``), equally long; or one value for all rows.
        rows: Number of rows.
    """

    columns: tuple[str, ...]
    arrays: tuple[Any, ...]
    rows: int

    def chunks(self) -> Iterator[bytes]:
        """The data stream of the COPY, in pieces."""
        yield HEADER
        layout = _layout(self.arrays)
        for begin in range(0, self.rows, _CHUNK):
            end = min(begin + _CHUNK, self.rows)
            yield _encoded(layout, [_part(array, begin, end) for array in self.arrays], end - begin)
        yield TRAILER


def signature_blocks(rows: SignatureRows, obsid: int, obstime: datetime) -> Iterator[Block]:
    """The rows of an observation for table ``sigs``: one block of those with all statistics, few of others.

    Raises:
        UsageError: A band code is too long for the table.
    """
    names = tuple(rows.values)
    codes = _band_codes(rows.bands)
    for chosen, present, reason in _groups(rows):
        columns = [name for name, is_there in zip(names, present, strict=True) if is_there]
        arrays: dict[str, Any] = {
            "pid": rows.pid[chosen].astype(np.int32, copy=False),
            "obsid": np.int32(obsid),
            "band": codes[rows.band[chosen]],
            "obstime": np.int64(_microseconds(obstime)),
            **{name: rows.values[name][chosen] for name in columns},
        }
        if reason:
            arrays["reason"] = np.bytes_(REASONS[reason].encode())
        yield Block(tuple(arrays), tuple(arrays.values()), len(chosen))


def histogram_blocks(rows: HistogramRows, obsid: int, obstime: datetime) -> Iterator[Block]:
    """The histograms of an observation for table ``hists``: a block for each length of their texts."""
    texts = np.array(
        [b"\x01" + text.encode() for text in rows.texts], bytes
    )  # 1 is the version of jsonb's format
    lengths = np.char.str_len(texts)
    for length in np.unique(lengths):
        chosen = np.flatnonzero(lengths == length)
        arrays = {
            "pid": rows.pid[chosen].astype(np.int32, copy=False),
            "obsid": np.int32(obsid),
            "obstime": np.int64(_microseconds(obstime)),
            "hist": texts[chosen].astype(f"S{length}"),
        }
        yield Block(tuple(arrays), tuple(arrays.values()), len(chosen))


def _groups(rows: SignatureRows) -> Iterator[tuple[NDArray[np.intp], NDArray[np.bool_], int]]:
    """Rows that lack the same statistics for the same reason: their positions, which statistics they have, reason."""
    pattern = rows.reason.astype(np.int32) << len(rows.values)
    for bit, values in enumerate(rows.values.values()):
        pattern |= (~np.isnan(values)).astype(np.int32) << bit
    for value in np.unique(pattern)[::-1].tolist():
        present = (value >> np.arange(len(rows.values)) & 1).astype(bool)
        yield np.flatnonzero(pattern == value), present, value >> len(rows.values)


def _band_codes(bands: Sequence[str]) -> NDArray[np.bytes_]:
    for band in bands:
        if not 0 < len(band.encode()) <= BAND_LENGTH:
            raise UsageError(
                f"band code {band!r} does not fit into {BAND_LENGTH} characters",
                advice="Give the band a shorter code; in PostgreSQL codes are as long as in the original's tables",
            )
    return np.array([band.encode().ljust(BAND_LENGTH) for band in bands], f"S{BAND_LENGTH}")


def _microseconds(time: datetime) -> int:
    delta = time - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _layout(arrays: Sequence[Any]) -> np.dtype[np.void]:
    """Number of fields, then length and value of each."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for k, array in enumerate(arrays):
        kind = array.dtype.kind
        value = f"S{array.dtype.itemsize}" if kind == "S" else f">{kind}{array.dtype.itemsize}"
        fields += [(f"length{k}", ">i4"), (f"value{k}", value)]
    return np.dtype(fields)


def _part(array: Any, begin: int, end: int) -> Any:
    return array[begin:end] if array.ndim else array


def _encoded(layout: np.dtype[np.void], arrays: Sequence[Any], rows: int) -> bytes:
    table = np.empty(rows, layout)
    table["fields"] = len(arrays)
    for k, array in enumerate(arrays):
        table[f"length{k}"] = array.dtype.itemsize
        table[f"value{k}"] = array
    return table.tobytes()
