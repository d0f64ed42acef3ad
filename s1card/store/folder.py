"""The embedded store: a folder of Parquet files, for many writers on a shared file system and without a server.

::

    store.json                                   format version
    parcels.parquet                              GeoParquet
    sigs/2021-03/<observation>-<version>.parquet one card, as it was loaded
    sigs/2021-03/month-<version>.parquet         a month, compacted

Files are written aside and renamed, and never changed. Which of them count: `s1card.store.visible`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

from s1card.errors import UsageError
from s1card.parcels.records import Extraction, Observation, ParcelSet
from s1card.raster.disk import create, discard, disk_errors, finish, publish, write_all
from s1card.store.base import EXTRACTED, Peer, SeriesQuery, StoreInfo
from s1card.store.naming import new_version, observation_name, part_path, unlink
from s1card.store.rows import STATUS_LENGTH, utc_naive

try:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from s1card.store.compaction import compact
    from s1card.store.duck import answer, database
    from s1card.store.geoparquet import read_parcels, write_parcels
    from s1card.store.neighbours import ParcelIndex
    from s1card.store.newest import newest_rows
    from s1card.store.parquet import OBSERVATION_GROUP, ROWS, entry_of, reading, table_of, write_rows
    from s1card.store.reader import ParcelReader, groups_in_order
    from s1card.store.schemas import EXPORT, HISTOGRAMS, SERIES
    from s1card.store.visible import Files, RowFile, Snapshot
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in {"pyarrow", "duckdb"}:
        raise
    raise UsageError(
        f"the embedded store needs the package {error.name}", advice="pip install 's1card[store]'"
    ) from error

FORMAT = 1
"""Version of the layout; a store of a later one is not touched."""


class FolderStore:
    """A store in a folder; see `s1card.store.base.Store`. May be used by several threads.

    Args:
        url: The folder, a path or ``file://`` address.
    """

    def __init__(self, url: str) -> None:
        self.folder = Path(url.removeprefix("file://")).absolute()
        self._files = Files(self.folder / "sigs")
        self._reader = ParcelReader()
        self._index: tuple[tuple[int, int, int], ParcelIndex] | None = None

    # --- Set-up ---

    def init(self) -> None:
        """See `Store.init`."""
        if self._format_file.is_file():
            self._check()
            return
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError("a store needs a folder, and this is a file", subject=str(self.folder))
        with disk_errors(self.folder):
            self._files.folder.parent.mkdir(parents=True, exist_ok=True)
            strangers = [path.name for path in self.folder.iterdir() if not _is_ours(path.name)]
        if strangers:
            raise UsageError(
                f"the folder holds other files, such as {min(strangers)}",
                subject=str(self.folder),
                advice="Give the store a folder of its own",
            )
        with disk_errors(self.folder):
            self._files.folder.mkdir(exist_ok=True)
        _write_text(self._format_file, json.dumps({"store": "s1card", "format": FORMAT}) + "\n")

    def put_parcels(self, parcels: ParcelSet) -> None:
        """See `Store.put_parcels`."""
        self._check()
        path = self._parcel_file
        is_new = not path.exists() and write_parcels(path, parcels)
        if not is_new and self._parcel_index().digest != parcels.digest:
            raise UsageError(
                "the store holds other parcels",
                subject=str(self.folder),
                advice="Make a store of its own for each set of parcels",
            )

    def parcels(self) -> ParcelSet:
        """See `Store.parcels`."""
        self._parcel_index()
        return read_parcels(self._parcel_file)

    # --- Writing ---

    @contextmanager
    def taken(self, observation: Observation) -> Iterator[FolderWork]:
        """See `Store.taken`; always granted, for two that load the same scene do no harm: the later one counts."""
        self._check()
        yield FolderWork(self._files, observation)

    def compact(self) -> str:
        """See `Store.compact`."""
        self._check()
        return compact(self._files)

    # --- Reading ---

    def observations(self, *, start: datetime | None = None, end: datetime | None = None) -> pa.Table:
        """See `Store.observations`."""
        self._check()
        table = self._files.snapshot().catalogue
        return table.filter(_in_time(table["obstime"], start, end))

    def series(self, query: SeriesQuery) -> pa.Table:
        """See `Store.series`."""
        rows, catalogue = self._rows_of(query)
        rows = rows.filter(pc.is_null(rows["hist"]))
        if query.bands:
            rows = rows.filter(pc.is_in(rows["band"], pa.array(list(query.bands), pa.string())))
        return _answer(rows, catalogue, SERIES).sort_by(
            [("obstime", "ascending"), ("band", "ascending"), ("reference", "ascending")]
        )

    def histograms(self, query: SeriesQuery) -> pa.Table:
        """See `Store.histograms`."""
        rows, catalogue = self._rows_of(query)
        rows = rows.filter(pc.is_valid(rows["hist"]))
        return _answer(rows, catalogue, HISTOGRAMS).sort_by(
            [("obstime", "ascending"), ("reference", "ascending")]
        )

    def peers(
        self, parcel: str, *, distance: float = 1000.0, limit: int = 10, column: str = ""
    ) -> list[Peer]:
        """See `Store.peers`."""
        return self._parcel_index().peers(parcel, distance, limit, column)

    def latest(self) -> pa.Table:
        """See `Store.latest`."""
        self._check()
        return self._files.retried(newest_rows)

    def sql(self, question: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Ask anything in DuckDB's SQL of the views ``sigs``, ``hists``, ``dias_catalogue`` and ``parcels``.

        ``sigs`` has pid, obsid, obstime, band, the statistics and reason; ``hists`` pid, obsid, obstime, hist;
        ``dias_catalogue`` what `observations` answers; ``parcels`` pid, id and the attributes.

        Args:
            question: A query; ``?`` stands for a parameter.
            parameters: Their values.

        Raises:
            UsageError: DuckDB does not understand the question.
            DataError: A file is damaged.
        """
        self._check()
        parcels = self._parcel_file if self._parcel_file.exists() else None

        def ask(snapshot: Snapshot) -> pa.Table:
            with database(snapshot, parcels) as connection:
                return answer(connection, question, parameters)

        return self._files.retried(ask)

    def export_rows(self) -> Iterator[pa.RecordBatch]:
        """See `Store.export_rows`: month after month, in a compacted month in the order of parcels."""
        self._check()
        seen: list[int] = []
        for month in sorted({file.path.parent for file in self._files.snapshot().files}):
            with ExitStack() as stack:
                files, catalogue = self._files.retried(partial(_opened, month, stack))
                for file, source in files:
                    for table in groups_in_order(file, source):
                        yield from _exported(table, catalogue, seen)
            seen += [entry.id for file, _ in files for entry in file.visible]

    def info(self) -> StoreInfo:
        """See `Store.info`."""
        self._check()
        entries = self._files.snapshot().entries
        observations: dict[tuple[str, str], int] = {}
        for entry in entries:
            key = entry.observation.card, entry.status
            observations[key] = observations.get(key, 0) + 1
        times = [entry.observation.obstime for entry in entries if entry.rows or entry.histograms]
        return StoreInfo(
            parcels=len(self._parcel_index()) if self._parcel_file.exists() else 0,
            rows=sum(entry.rows for entry in entries),
            observations=dict(sorted(observations.items())),
            first=min(times, default=None),
            last=max(times, default=None),
            bytes=_size_of(self.folder),
        )

    # --- Inner works ---

    @property
    def _format_file(self) -> Path:
        return self.folder / "store.json"

    @property
    def _parcel_file(self) -> Path:
        return self.folder / "parcels.parquet"

    def _check(self) -> None:
        """Whether there is a store that this version can use."""
        try:
            document = json.loads(self._format_file.read_text(encoding="utf-8"))
            found = document["format"] if document["store"] == "s1card" else None
        except FileNotFoundError as error:
            raise UsageError(
                "there is no store in this folder",
                subject=str(self.folder),
                advice="Check the path, or make one with: s1card store init",
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                "store.json is not that of a store", subject=str(self.folder), advice="Check the path"
            ) from error
        if found != FORMAT:
            raise UsageError(
                f"the store has format {found}, this s1card knows {FORMAT}",
                subject=str(self.folder),
                advice="Use a newer s1card",
            )

    def _parcel_index(self) -> ParcelIndex:
        self._check()
        try:
            stat = self._parcel_file.stat()
        except FileNotFoundError as error:
            raise UsageError(
                "the store has no parcels yet",
                subject=str(self.folder),
                advice="The first s1card extract --parcels brings them",
            ) from error
        key = stat.st_ino, stat.st_size, stat.st_mtime_ns
        if self._index is None or self._index[0] != key:
            self._index = key, ParcelIndex(self._parcel_file)
        return self._index[1]

    def _rows_of(self, query: SeriesQuery) -> tuple[pa.Table, pa.Table]:
        """Rows of a parcel within a time, and the catalogue."""
        pid = self._parcel_index().pid_of(query.parcel)
        start, end = (time and utc_naive(time) for time in (query.start, query.end))

        def read(snapshot: Snapshot) -> tuple[pa.Table, pa.Table]:
            files = [file for file in snapshot.with_rows if _meets(file, start, end)]
            tables = [table for file in files if (table := self._reader.rows_of(file, pid)) is not None]
            return pa.concat_tables([ROWS.empty_table(), *tables]), snapshot.catalogue

        rows, catalogue = self._files.retried(read)
        return rows.filter(_in_time(rows["obstime"], start, end)), catalogue


class FolderWork:
    """A scene in work; see `s1card.store.base.Work`."""

    def __init__(self, files: Files, observation: Observation) -> None:
        self._files = files
        self._observation = observation

    def load(self, extraction: Extraction) -> int:
        """See `Work.load`."""
        self._write(extraction, EXTRACTED)
        return extraction.row_count

    def fail(self, status: str) -> None:
        """See `Work.fail`; a longer status is cut."""
        self._write(Extraction(self._observation, []), status[:STATUS_LENGTH])

    def _write(self, extraction: Extraction, status: str) -> None:
        """Publish a file with a new version, then remove the older ones of the same observation."""
        entry = entry_of(extraction, "", status)
        table = table_of(entry.id, extraction)
        names = self._files.names()
        version = new_version(above=max((name.version for name in names.values()), default=""))
        name = observation_name(entry.id, version)
        folder = self._files.folder / utc_naive(extraction.observation.obstime).strftime("%Y-%m")
        write_rows(folder / str(name), [entry_of(extraction, version, status)], [table], OBSERVATION_GROUP)
        for path, other in names.items():
            if other.content == name.content:
                unlink(path)


def _opened(
    month: Path, stack: ExitStack, snapshot: Snapshot
) -> tuple[list[tuple[RowFile, pq.ParquetFile]], pa.Table]:
    """The files of a month that have rows, open, so that nobody can take them away, in the order of time."""
    with ExitStack() as opened:
        found: list[tuple[RowFile, pq.ParquetFile]] = []
        for file in snapshot.with_rows:
            if file.path.parent == month:
                with reading(file.path):
                    found.append((file, opened.enter_context(pq.ParquetFile(file.path))))
        stack.push(opened.pop_all())
    found.sort(key=lambda each: min(entry.order for entry in each[0].visible))
    return found, snapshot.catalogue


def _exported(rows: pa.Table, catalogue: pa.Table, seen: Sequence[int]) -> Iterator[pa.RecordBatch]:
    """Signatures with what the catalogue says of them, without observations that have been exported already.

    Those are cards whose time was corrected to another month while the export goes on.
    """
    is_new = pc.invert(pc.is_in(rows["obsid"], pa.array(seen, pa.int64())))
    wanted = rows.filter(pc.and_(pc.is_null(rows["hist"]), is_new))
    if wanted.num_rows:
        yield from _answer(wanted, catalogue, EXPORT).combine_chunks().to_batches()


def _answer(rows: pa.Table, catalogue: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows with the columns of a schema; what is no column of rows comes from the catalogue."""
    places = pc.index_in(rows["obsid"], catalogue["id"].combine_chunks())
    columns = [
        rows[name] if name in rows.column_names else catalogue[name].combine_chunks().take(places)
        for name in schema.names
    ]
    return pa.table(dict(zip(schema.names, columns, strict=True)), schema=schema)


def _in_time(times: pa.ChunkedArray, start: datetime | None, end: datetime | None) -> pa.ChunkedArray:
    """Whether moments lie within ``start`` and before ``end``."""
    mask = pc.is_valid(times)
    if start is not None:
        mask = pc.and_(mask, pc.greater_equal(times, pa.scalar(utc_naive(start), times.type)))
    if end is not None:
        mask = pc.and_(mask, pc.less(times, pa.scalar(utc_naive(end), times.type)))
    return mask


def _meets(file: RowFile, start: datetime | None, end: datetime | None) -> bool:
    times = [entry.observation.obstime for entry in file.visible]
    return (start is None or max(times) >= start) and (end is None or min(times) < end)


def _is_ours(name: str) -> bool:
    return name.startswith(".") or name in {"sigs", "store.json", "parcels.parquet"}


def _write_text(path: Path, text: str) -> None:
    part = part_path(path)
    try:
        fd = create(part)
        try:
            write_all(fd, text.encode(), part)
        finally:
            finish(fd, part, sync=True)
        publish(part, path)
    finally:
        discard(part)


def _size_of(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total
