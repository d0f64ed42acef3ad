"""What a store holds as files for other programs: a GeoPackage, a CSV file, or a folder with both and the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import shapely
from numpy.typing import NDArray

from s1card.errors import UsageError
from s1card.parcels.records import ParcelSet
from s1card.raster.disk import discard, disk_errors, part_name, publish
from s1card.store.base import Store
from s1card.store.schemas import EXPORT, LATEST

PARCELS_FILE, ROWS_FILE, CATALOGUE_FILE = "parcels.gpkg", "sigs.csv", "dias_catalogue.csv"
"""Files of a folder."""

Report = Callable[[int], None]
"""Takes the number of rows that have been written so far."""


def _silent(rows: int) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes:
        path: The file or folder.
        parcels: Number of parcels in a GeoPackage.
        rows: Number of rows of signatures in a CSV file.
    """

    path: Path
    parcels: int = 0
    rows: int = 0


def export(
    store: Store,
    path: Path,
    *,
    latest: bool = False,
    overwrite: bool = False,
    report: Report = _silent,
) -> Exported:
    """Write what a store holds to ``*.gpkg``, ``*.csv``, or a folder of that name with all there is.

    The file or folder gets its name when it is complete; an older one stays until then.

    Args:
        store: Where statistics are.
        path: A name that ends in ``.gpkg`` (parcels with their latest statistics), ``.csv`` (rows of signatures), or in
            none of the usual endings of files: a folder of `PARCELS_FILE`, `ROWS_FILE` and `CATALOGUE_FILE`.
        latest: Whether only the newest row of each parcel and band is wanted in the CSV file.
        overwrite: Whether an older export may be replaced.
        report: Told after every batch of rows.

    Raises:
        UsageError: The name is none of these, or exists; the store has no parcels.
        ResourceError: The disk is full or cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in ("", ".gpkg", ".csv"):
        raise UsageError(
            f"cannot export to {kind}", subject=str(path), advice="Name a file .gpkg or .csv, or a folder"
        )
    _refuse_existing(path, is_folder=not kind, overwrite=overwrite)
    with aside(path) as part:
        if kind == ".gpkg":
            return Exported(path, parcels=_write_parcels(part, store))
        if kind == ".csv":
            return Exported(path, rows=_write_rows(part, store, latest, report))
        with disk_errors(path):
            part.mkdir()
        parcels = _write_parcels(part / PARCELS_FILE, store)
        catalogue = _readable(store.observations())
        _write_csv(part / CATALOGUE_FILE, catalogue.schema, catalogue.to_batches())
        rows = _write_rows(part / ROWS_FILE, store, latest, report)
    return Exported(path, parcels, rows)


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A place in a hidden folder beside ``path``, with the same name; it takes the name of ``path`` if all went well.

    Raises:
        ResourceError: The disk is full or cannot be written.
    """
    folder = part_name(path)
    with disk_errors(path):
        folder.mkdir(parents=True)
    try:
        yield folder / path.name
        publish(folder / path.name, path)
    finally:
        discard(folder)


def _refuse_existing(path: Path, *, is_folder: bool, overwrite: bool) -> None:
    if not path.exists():
        return
    if not overwrite:
        raise UsageError("it exists", subject=str(path), advice="Choose another name, or add --overwrite")
    if path.is_dir() != is_folder:
        raise UsageError(
            f"it is a {'folder' if path.is_dir() else 'file'}, and no export of this kind",
            subject=str(path),
            advice="Choose another name",
        )
    if is_folder:
        strangers = {each.name for each in path.iterdir()} - {PARCELS_FILE, ROWS_FILE, CATALOGUE_FILE}
        if strangers:
            raise UsageError(
                f"the folder holds what no export writes, such as {min(strangers)}",
                subject=str(path),
                advice="Choose a new folder",
            )


def _write_parcels(path: Path, store: Store) -> int:
    from s1card.store.geopackage import write_geopackage  # noqa: PLC0415 - GDAL takes long to load

    parcels = store.parcels()
    write_geopackage(path, parcels, store.latest())
    return len(parcels)


def _write_rows(path: Path, store: Store, latest: bool, report: Report) -> int:
    names = _Names(store.parcels())
    schema, batches = (LATEST, iter(store.latest().to_batches())) if latest else (EXPORT, store.export_rows())
    return _write_csv(path, schema.insert(0, names.field), (names.added(batch) for batch in batches), report)


class _Names:
    """Ids of parcels by number; geometries are not kept, for an export may take long."""

    field = pa.field("id", pa.string())

    def __init__(self, parcels: ParcelSet) -> None:
        order = np.argsort(parcels.pid)
        self._pid: NDArray[np.int32] = parcels.pid[order]
        self._ids = pa.array(parcels.ids[order], pa.string())

    def added(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with the parcels' ids as its first column."""
        places = np.searchsorted(self._pid, batch["pid"].to_numpy())
        columns = [self._ids.take(pa.array(places)), *batch.columns]
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema.insert(0, self.field))


def _write_csv(
    path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], report: Report = _silent
) -> int:
    """Write a line of names, and batches as they come.

    Returns:
        Number of rows.
    """
    rows = 0
    with disk_errors(path), path.open("xb") as file, pa.csv.CSVWriter(file, schema) as writer:
        for batch in batches:
            writer.write(batch)
            rows += batch.num_rows
            report(rows)
    return rows


def _readable(catalogue: pa.Table) -> pa.Table:
    """The catalogue with footprints as WKT."""
    place = catalogue.schema.get_field_index("footprint")
    footprints = shapely.from_wkb(catalogue["footprint"].to_numpy())
    texts = [None if each is None else shapely.to_wkt(each) for each in footprints]
    return catalogue.set_column(place, "footprint", pa.array(texts, pa.string()))
