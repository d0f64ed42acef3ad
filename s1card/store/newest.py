"""The newest row with statistics of every parcel and band, in one pass over the files, from the newest to the oldest.

Of each row group only parcel, time, band and mean are read; the other columns where it has a row that is newer than
what has been found, which in older months is seldom so.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from s1card.store.parquet import reading
from s1card.store.schemas import LATEST
from s1card.store.visible import RowFile, Snapshot

_NEVER = np.iinfo(np.int64).min


def newest_rows(snapshot: Snapshot) -> pa.Table:
    """Rows with the columns of `s1card.store.schemas.LATEST`, by parcel and band.

    Raises:
        VanishedError: A file is gone.
        DataError: A file is damaged.
    """
    files = sorted(
        snapshot.with_rows, key=lambda file: max(entry.order for entry in file.visible), reverse=True
    )
    found = _Newest(max((int(file.footer.last.max()) for file in files), default=0))
    pieces = [piece for file in files for piece in _newer_rows(file, found)]
    rows = pa.concat_tables([LATEST.empty_table(), *pieces])
    return rows.filter(pa.array(found.is_newest(rows))).sort_by([("pid", "ascending"), ("band", "ascending")])


class _Newest:
    """Times of the newest rows that were found, by band and number of the parcel, µs."""

    def __init__(self, last_pid: int) -> None:
        self._size = last_pid + 1
        self._times: dict[str, NDArray[np.int64]] = {}

    def newer(self, rows: pa.Table, is_wanted: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Which of the wanted rows are the newest of their parcel and band so far; they are noted.

        Args:
            rows: Rows in the order of parcels and of time.
            is_wanted: For each row.
        """
        pid, time, bands = _keys(rows)
        codes = np.asarray(bands.indices)
        chosen = []
        for code, band in enumerate(bands.dictionary.to_pylist()):
            times = self._times.setdefault(band, np.full(self._size, _NEVER, np.int64))
            places = np.flatnonzero(is_wanted & (codes == code))
            places = places[_ends_of_runs(pid[places])]
            places = places[time[places] > times[pid[places]]]
            times[pid[places]] = time[places]
            chosen.append(places)
        return np.sort(np.concatenate([np.empty(0, np.intp), *chosen]))

    def is_newest(self, rows: pa.Table) -> NDArray[np.bool_]:
        """Which of the chosen rows are still the newest ones."""
        pid, time, bands = _keys(rows)
        result = np.zeros(len(pid), bool)
        for code, band in enumerate(bands.dictionary.to_pylist()):
            result |= (np.asarray(bands.indices) == code) & (time == self._times[band][pid])
        return result


def _newer_rows(file: RowFile, found: _Newest) -> Iterator[pa.Table]:
    with reading(file.path):
        source = pq.ParquetFile(file.path, read_dictionary=["band"])
    with source:
        for group in range(source.num_row_groups):
            rows = _read(file, source, group, ["pid", "obsid", "obstime", "band", "mean"])
            places = found.newer(rows, _has_statistics(file, rows))
            if len(places):
                wanted = _read(file, source, group, LATEST.names)
                yield wanted.select(LATEST.names).take(pa.array(places)).cast(LATEST)


def _read(file: RowFile, source: pq.ParquetFile, group: int, columns: list[str]) -> pa.Table:
    with reading(file.path):
        return source.read_row_group(group, columns=columns, use_threads=False)


def _has_statistics(file: RowFile, rows: pa.Table) -> NDArray[np.bool_]:
    mask = pc.is_valid(rows["mean"])
    if not file.is_fully_visible:
        mask = pc.and_(mask, pc.is_in(rows["obsid"], pa.array(file.visible_ids)))
    return np.asarray(mask)


def _ends_of_runs(values: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which values are followed by another one, or by none."""
    ends = np.ones(len(values), bool)
    ends[:-1] = values[1:] != values[:-1]
    return ends


def _keys(rows: pa.Table) -> tuple[NDArray[np.int32], NDArray[np.int64], pa.DictionaryArray]:
    bands = rows["band"].combine_chunks()
    if not pa.types.is_dictionary(bands.type):
        bands = bands.dictionary_encode()
    return rows["pid"].to_numpy(), rows["obstime"].to_numpy().astype("M8[us]").astype(np.int64), bands
