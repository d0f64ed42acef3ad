"""Files of rows: their columns, how they are written, and what their footers say.

A row is the signature of a parcel in a band, or (``hist`` is not NULL) the class histogram of a parcel. Rows are sorted
by parcel, so that the statistics of row groups lead to a parcel. The observations of a file, with status and settings,
stand in its key-value metadata under ``s1card``.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from s1card.errors import DataError
from s1card.parcels.records import REASONS, Extraction, Observation
from s1card.raster.disk import create, discard, disk_errors, finish, publish
from s1card.store.naming import observation_number, part_path, sync_folder
from s1card.store.rows import (
    VALUE_COLUMNS,
    HistogramRows,
    SignatureRows,
    histogram_rows,
    signature_rows,
    utc_naive,
)
from s1card.store.schemas import TIME

HISTOGRAM_BAND = "SCL"
METADATA_KEY = b"s1card"
OBSERVATION_GROUP = 16_384
"""Rows of a row group in the file of one observation: what is read for one parcel."""

ROWS = pa.schema(
    [
        ("pid", pa.int32()),
        ("obsid", pa.int64()),
        ("obstime", TIME),
        ("band", pa.string()),
        *((name, pa.float32()) for name in VALUE_COLUMNS),
        ("reason", pa.string()),
        ("hist", pa.string()),
    ]
)

_GONE = {errno.ENOENT, errno.ESTALE}  # the second one is how network file systems say it
_DICTIONARY = ["obsid", "obstime", "band", "count", "valid", "reason", "hist"]
_SPLIT = [name for name in VALUE_COLUMNS if name not in _DICTIONARY]


class VanishedError(Exception):
    """A file is gone: another process has replaced it, and whoever reads has to look again."""


@dataclass(frozen=True, eq=False)
class Entry:
    """An observation as a file knows it.

    Attributes:
        id: Number of the observation.
        version: Of its rows; the newest one counts.
        status: Status word.
        observation: The card.
        rows: Rows of signatures.
        histograms: Rows of histograms.
        settings: What the rows depend on besides card and parcels.
    """

    id: int
    version: str
    status: str
    observation: Observation
    rows: int = 0
    histograms: int = 0
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def order(self) -> tuple[datetime, int]:
        """Place in the order of time."""
        return self.observation.obstime, self.id


@dataclass(frozen=True, eq=False)
class Footer:
    """What a reader needs to know of a file.

    Attributes:
        entries: Its observations.
        first, last: Smallest and greatest pid of each row group.
        group_rows: Rows of each row group.
    """

    entries: tuple[Entry, ...]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    group_rows: NDArray[np.int64]

    @property
    def rows(self) -> int:
        """Rows of signatures and histograms."""
        return int(self.group_rows.sum())

    def groups_of(self, pid: int) -> list[int]:
        """Row groups that may hold a parcel."""
        groups: list[int] = np.flatnonzero((self.first <= pid) & (pid <= self.last)).tolist()
        return groups


def table_of(entry_id: int, extraction: Extraction) -> pa.Table:
    """The rows of a card, sorted by parcel and band."""
    obstime = utc_naive(extraction.observation.obstime)
    signatures = _signature_table(signature_rows(extraction), entry_id, obstime)
    histograms = histogram_rows(extraction.histograms)
    if not len(histograms):
        return signatures
    both = pa.concat_tables([signatures, _histogram_table(histograms, entry_id, obstime)])
    order = np.argsort(both["pid"].to_numpy(), kind="stable")
    return both.combine_chunks().take(pa.array(order))


def entry_of(extraction: Extraction, version: str, status: str) -> Entry:
    """What the file of a card says about it."""
    return Entry(
        id=observation_number(extraction.observation.reference),
        version=version,
        status=status,
        observation=extraction.observation,
        rows=extraction.row_count,
        histograms=0 if extraction.histograms is None else len(extraction.histograms.pid),
        settings=dict(extraction.settings),
    )


def write_rows(path: Path, entries: Sequence[Entry], tables: Iterable[pa.Table], group_rows: int) -> None:
    """Write a file aside and give it its name when all of it is on the disk.

    Args:
        path: Final name.
        entries: Its observations.
        tables: Rows in the order of parcels, with the columns of `ROWS`.
        group_rows: Rows of a row group.

    Raises:
        ResourceError: The disk is full or cannot be written.
    """
    part = part_path(path)
    finish(create(part), part)
    try:
        _write_part(part, entries, tables, group_rows)
        publish(part, path)
    except BaseException:
        discard(part)
        raise
    sync_folder(path.parent)


def read_footer(path: Path) -> Footer:
    """Read what a file says of itself.

    Raises:
        VanishedError: It is gone.
        DataError: It is damaged.
    """
    with reading(path):
        metadata = pq.read_metadata(path)
        document = json.loads(metadata.metadata[METADATA_KEY])
        entries = tuple(_entry_from(record) for record in document["observations"])
        column = metadata.schema.names.index("pid")
        groups = [metadata.row_group(k) for k in range(metadata.num_row_groups)]
        statistics = [group.column(column).statistics for group in groups]
        return Footer(
            entries,
            first=np.array([each.min for each in statistics], np.int64),
            last=np.array([each.max for each in statistics], np.int64),
            group_rows=np.array([group.num_rows for group in groups], np.int64),
        )


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Tell files that are gone from files that are damaged.

    Raises:
        VanishedError: The file is gone.
        DataError: It is damaged or cannot be read.
    """
    try:
        yield
    except pa.ArrowMemoryError:
        raise
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, OSError) and error.errno in _GONE:
            raise VanishedError(str(path)) from error
        raise DataError(
            f"this file of the store is damaged or cannot be read ({_first_line(error)})",
            subject=str(path),
            advice="Check disk and rights; if it is damaged, remove it and extract its cards again",
        ) from error


def _write_part(part: Path, entries: Sequence[Entry], tables: Iterable[pa.Table], group_rows: int) -> None:
    """Only errors of writing are errors of the disk: ``tables`` may read other files while it goes on."""
    with _writer(part) as writer:
        for table in tables:
            if table.num_rows:  # an empty row group has no statistics
                with disk_errors(part):
                    writer.write_table(table, row_group_size=group_rows)
        with disk_errors(part):
            writer.add_key_value_metadata({METADATA_KEY: _document(entries)})
    with disk_errors(part):
        fd = os.open(part, os.O_RDWR)
    finish(fd, part, sync=True)


@contextmanager
def _writer(part: Path) -> Iterator[Any]:
    with disk_errors(part):
        writer = pq.ParquetWriter(
            part,
            ROWS,
            compression="zstd",
            compression_level=3,
            use_dictionary=_DICTIONARY,
            use_byte_stream_split=_SPLIT,
            write_statistics=["pid", "obsid", "obstime"],
        )
    try:
        yield writer
    except BaseException:
        with suppress(OSError, pa.ArrowException):  # the first error is the one that counts
            writer.close()
        raise
    with disk_errors(part):
        writer.close()


def _signature_table(rows: SignatureRows, entry_id: int, obstime: datetime) -> pa.Table:
    count = len(rows)
    bands = pa.DictionaryArray.from_arrays(pa.array(rows.band), pa.array(rows.bands, pa.string()))
    reasons = pa.DictionaryArray.from_arrays(
        pa.array(rows.reason.astype(np.int8), mask=rows.reason == 0), pa.array(REASONS)
    )
    columns = {
        "pid": pa.array(rows.pid),
        **_constants(entry_id, obstime, count),
        "band": bands.cast(pa.string()),
        **{name: pa.array(values, from_pandas=True) for name, values in rows.values.items()},
        "reason": reasons.cast(pa.string()),
    }
    return _table(columns, count)


def _histogram_table(rows: HistogramRows, entry_id: int, obstime: datetime) -> pa.Table:
    count = len(rows)
    columns = {
        "pid": pa.array(rows.pid),
        **_constants(entry_id, obstime, count),
        "band": pa.repeat(HISTOGRAM_BAND, count),
        "hist": pa.array(rows.texts, pa.string()),
    }
    return _table(columns, count)


def _constants(entry_id: int, obstime: datetime, count: int) -> dict[str, pa.Array]:
    return {
        "obsid": pa.repeat(pa.scalar(entry_id, pa.int64()), count),
        "obstime": pa.repeat(pa.scalar(obstime, TIME), count),
    }


def _table(columns: dict[str, pa.Array], count: int) -> pa.Table:
    """All columns of `ROWS`; those that are missing are NULL."""
    arrays = [columns.get(column.name, pa.nulls(count, column.type)) for column in ROWS]
    return pa.Table.from_arrays(arrays, schema=ROWS)


def _document(entries: Sequence[Entry]) -> bytes:
    document = {"format": 1, "observations": [_record_of(entry) for entry in entries]}
    return json.dumps(document, ensure_ascii=False).encode()


def _record_of(entry: Entry) -> dict[str, Any]:
    observation = entry.observation
    record = {name: getattr(observation, name) for name in observation.__dataclass_fields__}
    record["footprint"] = shapely.to_wkb(observation.footprint, hex=True)
    for name in ("obstime", "pair_time"):
        record[name] = record[name] and utc_naive(record[name]).isoformat()
    fields = {
        name: getattr(entry, name) for name in ("id", "version", "status", "rows", "histograms", "settings")
    }
    return fields | {"observation": record}


def _entry_from(record: dict[str, Any]) -> Entry:
    observation = dict(record["observation"])
    observation["footprint"] = shapely.from_wkb(observation["footprint"])
    for name in ("obstime", "pair_time"):
        observation[name] = observation[name] and datetime.fromisoformat(observation[name])
    return Entry(**{**record, "observation": Observation(**observation)})


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
