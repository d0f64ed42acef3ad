"""Rows out of files: those of a parcel, or all of a file, row group by row group."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from s1card.store.parquet import reading
from s1card.store.visible import RowFile

MOST_CHUNKS = 400_000
"""Column chunks whose places are kept in memory (about 300 bytes each)."""


class ParcelReader:
    """Reads rows of single parcels; where the chunks of often used files lie is kept."""

    def __init__(self) -> None:
        self._metadata: OrderedDict[Path, pq.FileMetaData] = OrderedDict()
        self._chunks = 0
        self._lock = threading.Lock()

    def rows_of(self, file: RowFile, pid: int) -> pa.Table | None:
        """The rows of a parcel that count, with the columns of `s1card.store.parquet.ROWS`; None if there are none.

        Raises:
            VanishedError: The file is gone.
            DataError: It is damaged.
        """
        groups = file.footer.groups_of(pid)
        if not groups:
            return None
        with reading(file.path):
            metadata = self._metadata_of(file.path)
            with pq.ParquetFile(file.path, metadata=metadata) as source:
                table = source.read_row_groups(groups, use_threads=False)
        pids = table["pid"].to_numpy()
        begin, end = np.searchsorted(pids, [pid, pid + 1])
        return only_visible(file, table.slice(begin, end - begin)) if end > begin else None

    def _metadata_of(self, path: Path) -> pq.FileMetaData:
        with self._lock:
            metadata = self._metadata.get(path)
            if metadata is not None:
                self._metadata.move_to_end(path)
                return metadata
        metadata = pq.read_metadata(path)
        with self._lock:
            if path not in self._metadata:
                self._metadata[path] = metadata
                self._chunks += metadata.num_row_groups * metadata.num_columns
            while self._chunks > MOST_CHUNKS and len(self._metadata) > 1:
                _, oldest = self._metadata.popitem(last=False)
                self._chunks -= oldest.num_row_groups * oldest.num_columns
        return metadata


def groups_in_order(file: RowFile, source: pq.ParquetFile) -> Iterator[pa.Table]:
    """All rows of an open file that count, row group by row group, in the order of parcels.

    Raises:
        DataError: The file is damaged.
    """
    for group in range(source.num_row_groups):
        with reading(file.path):
            table = source.read_row_group(group, use_threads=False)
        yield only_visible(file, table)


def only_visible(file: RowFile, table: pa.Table) -> pa.Table:
    """The rows of those observations of which the file has the newest version."""
    if file.is_fully_visible:
        return table
    return table.filter(pc.is_in(table["obsid"], pa.array(file.visible_ids)))
