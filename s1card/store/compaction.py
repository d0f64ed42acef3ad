"""Compaction: the files of a month become one that is sorted by parcel, within bounded memory.

Files are merged by ranges of parcels: of every file only one row group and the rows of the range are in memory. What is
merged is removed only after the result carries its name; see `s1card.store.visible` for what readers see meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from s1card.store.naming import FileName, new_version, remove_stale_parts, unlink
from s1card.store.parquet import Entry, reading, write_rows
from s1card.store.reader import groups_in_order
from s1card.store.visible import Files, RowFile, Snapshot

FAN_IN = 128
"""Most files that are merged at once; their row groups are in memory together."""

RANGE_ROWS = 500_000
"""Rows of a range of parcels, about; they are in memory some four times."""

SMALLEST_GROUP, LARGEST_GROUP, MOST_GROUPS = 16_384, 131_072, 2048
"""Rows of a row group of a compacted file: what is read for a parcel, against the size of the footer."""


@dataclass(frozen=True)
class Compacted:
    """What was done to a month.

    Attributes:
        files: Number of files that were replaced.
        rows: Rows of the new file.
    """

    files: int
    rows: int


def compact(files: Files) -> str:
    """Compact all months that have more than one file, or rows that no longer count.

    Returns:
        What was done, a sentence.

    Raises:
        DataError: A file is damaged.
        ResourceError: The disk is full.
    """
    places = (files.folder.parent, *files.months())  # parcels are above the rows
    removed = sum(remove_stale_parts(folder) for folder in places)
    done = [result for month in files.months() if (result := _compact_month(files, month)) is not None]
    text = "nothing to compact"
    if done:
        count, rows = sum(each.files for each in done), sum(each.rows for each in done)
        text = f"{count} files of {len(done)} months became {len(done)} with {rows:,} rows"
    return f"{text}; {removed} unfinished files removed" if removed else text


def _compact_month(files: Files, month: Path) -> Compacted | None:
    replaced = 0
    while True:
        result = files.retried(lambda snapshot: _merge_once(files, snapshot, month))
        if result is None:
            return None if replaced == 0 else Compacted(replaced, _rows_of(files, month))
        replaced += result


def _rows_of(files: Files, month: Path) -> int:
    return sum(file.footer.rows for file in files.snapshot().files if file.path.parent == month)


def _merge_once(files: Files, snapshot: Snapshot, month: Path) -> int | None:
    """Merge the smallest files of a month into one; None if there is nothing to gain.

    Raises:
        VanishedError: Another process has replaced one of them.
    """
    found = [file for file in snapshot.files if file.path.parent == month]
    if not found or (len(found) == 1 and found[0].name.is_compacted and found[0].is_fully_visible):
        return None
    chosen = sorted(found, key=lambda file: file.footer.rows)[:FAN_IN]
    entries = sorted((entry for file in chosen for entry in file.visible), key=lambda entry: entry.order)
    if entries:
        name = FileName(new_version(above=files.newest_version()), "month")
        rows = sum(entry.rows + entry.histograms for entry in entries)
        write_rows(month / str(name), entries, merged(chosen, entries), group_size(rows))
    for file in chosen:
        unlink(file.path)
    return len(chosen)


def group_size(rows: int) -> int:
    """Rows of a row group in a compacted file of so many rows."""
    return min(max(rows // MOST_GROUPS, SMALLEST_GROUP), LARGEST_GROUP)


def merged(files: Sequence[RowFile], entries: Sequence[Entry]) -> Iterator[pa.Table]:
    """The rows of files that count, sorted by parcel, time and band, in tables of bounded size.

    Args:
        files: Files sorted by parcel.
        entries: Their observations that count, in the order of time.

    Raises:
        VanishedError: A file is gone.
        DataError: A file is damaged.
    """
    ids = np.array([entry.id for entry in entries], np.int64)
    with ExitStack() as stack:
        with_rows = [file for file in files if file.visible and file.footer.rows]
        cursors = [_Cursor(file, _opened(file, stack)) for file in with_rows]
        for last in _range_ends(with_rows) if with_rows else ():
            pieces = [piece for cursor in cursors for piece in cursor.up_to(last)]
            if pieces:
                yield _sorted(pa.concat_tables(pieces).combine_chunks(), ids)


def _opened(file: RowFile, stack: ExitStack) -> pq.ParquetFile:
    with reading(file.path):
        return stack.enter_context(pq.ParquetFile(file.path))


class _Cursor:
    """Where the merging of a file stands."""

    def __init__(self, file: RowFile, source: pq.ParquetFile) -> None:
        self._groups = groups_in_order(file, source)
        self._rest: pa.Table | None = next(self._groups, None)

    def up_to(self, last: int) -> Iterator[pa.Table]:
        """The next rows of parcels up to ``last``."""
        while self._rest is not None:
            end = int(np.searchsorted(self._rest["pid"].to_numpy(), last, side="right"))
            if end:
                yield self._rest.slice(0, end)
            if end < self._rest.num_rows:
                self._rest = self._rest.slice(end)
                return
            self._rest = next(self._groups, None)


def _range_ends(files: Sequence[RowFile]) -> list[int]:
    """Last parcels of ranges with about `RANGE_ROWS` rows, as if the rows of a row group were spread evenly."""
    first = np.concatenate([file.footer.first for file in files])
    beyond = np.concatenate([file.footer.last for file in files]) + 1
    rows = np.concatenate([file.footer.group_rows for file in files])
    density = rows / (beyond - first)
    where, change = np.concatenate([first, beyond]), np.concatenate([density, -density])
    order = np.argsort(where)
    where, slope = where[order], np.cumsum(change[order])
    before = np.concatenate([[0.0], np.cumsum(slope[:-1] * np.diff(where))])
    ends = np.interp(np.arange(RANGE_ROWS, rows.sum(), RANGE_ROWS), before, where)
    return sorted({*ends.astype(np.int64).tolist(), int(beyond.max()) - 1})


def _sorted(table: pa.Table, ids: NDArray[np.int64]) -> pa.Table:
    """Rows by parcel and place of the observation in time; those of an observation keep their order of bands."""
    sorter = np.argsort(ids)
    place = sorter[np.searchsorted(ids, table["obsid"].to_numpy(), sorter=sorter)]
    key = table["pid"].to_numpy().astype(np.int64) * len(ids) + place
    return table.take(pa.array(np.argsort(key, kind="stable")))
