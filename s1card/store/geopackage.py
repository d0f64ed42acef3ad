"""Parcels with their latest statistics as a GeoPackage, for QGIS and whatever else reads one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyogrio
import shapely
from numpy.typing import NDArray

from s1card.errors import ResourceError
from s1card.parcels.records import STATISTICS, Geometries, ParcelSet
from s1card.store.rows import VALUE_COLUMNS

LAYER = "parcels"
CHUNK = 20_000
"""Features that are handed to GDAL at a time."""

_FID_NAMES, _GEOMETRY_NAMES = ("fid", "ogc_fid", "feature"), ("geom", "geometry", "wkb_geometry")


def write_geopackage(path: Path, parcels: ParcelSet, latest: pa.Table) -> None:
    """Write one layer, `LAYER`, of MultiPolygons in the coordinate system of the parcels.

    Its columns are the id of the parcel (under its owner's name), ``pid``, all attributes, and of each band the newest
    statistics as ``VVb_mean``, ``VVb_std`` ... with their time ``VVb_obstime`` (UTC). Capitals do not tell columns of a
    GeoPackage apart: the second of two names that differ in nothing else gets a number.

    Args:
        path: A new file, named ``*.gpkg``.
        parcels: All parcels of a store.
        latest: Answer of `s1card.store.base.Store.latest`.

    Raises:
        ResourceError: The disk is full or cannot be written.
    """
    columns = _named_once(
        [
            (parcels.id_column, pa.array(parcels.ids, pa.string())),
            ("pid", pa.array(parcels.pid)),
            *((name, _column(values)) for name, values in parcels.attributes.items()),
            *statistics_columns(parcels.pid, latest),
        ]
    )
    try:
        _write_features(path, parcels, columns)
        count = pyogrio.read_info(path, layer=LAYER)["features"]
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, RuntimeError) as error:
        raise _not_written(path, str(error).rstrip(".")) from error
    if count != len(parcels):
        raise _not_written(path, f"{count} of {len(parcels)} parcels arrived")


def statistics_columns(pid: NDArray[np.int32], latest: pa.Table) -> list[tuple[str, pa.Array]]:
    """Rows of the newest statistics as columns ``<band>_<statistic>``, band by band.

    Args:
        pid: Numbers of n parcels.
        latest: Columns pid, band, obstime and the statistics; a statistic that no row of a band has is left out.

    Returns:
        Names and columns of n values each.
    """
    order = np.argsort(pid)
    columns: list[tuple[str, pa.Array]] = []
    for band in sorted(set(latest["band"].to_pylist())):
        rows = latest.filter(pc.equal(latest["band"], band))
        places = order[np.searchsorted(pid, rows["pid"].to_numpy(), sorter=order)]
        for name in ("obstime", *VALUE_COLUMNS):
            if name in STATISTICS or rows[name].null_count < rows.num_rows:
                columns.append((f"{band}_{name}", _spread(rows[name], places, len(pid))))
    return columns


def _spread(values: pa.ChunkedArray, places: NDArray[np.intp], count: int) -> pa.Array:
    """Values at their places among ``count`` parcels; NULL everywhere else."""
    if pa.types.is_timestamp(values.type):
        times = np.full(count, "NaT", "datetime64[ms]")
        times[places] = values.to_numpy()
        return pa.array(times, pa.timestamp("ms", "UTC"))
    numbers = np.full(count, np.nan, np.float32)
    numbers[places] = values.to_numpy()
    return pa.array(numbers, from_pandas=True)


def _column(values: NDArray[Any]) -> pa.Array:
    """An attribute; times that are all at midnight are dates, and others have no time zone, for none is known."""
    if values.dtype.kind == "O":
        return pa.array(values, pa.string())
    if values.dtype.kind != "M":
        return pa.array(values, from_pandas=True)
    days = values.astype("datetime64[D]")
    is_date = bool(np.all((days == values) | np.isnat(values)))
    return pa.array(days if is_date else values.astype("datetime64[ms]"))


def _named_once(columns: Iterable[tuple[str, pa.Array]]) -> dict[str, pa.Array]:
    named: dict[str, pa.Array] = {}
    taken: set[str] = set()
    for wanted, column in columns:
        name, number = wanted, 1
        while name.lower() in taken:
            number += 1
            name = f"{wanted}_{number}"
        taken.add(name.lower())
        named[name] = column
    return named


def _write_features(path: Path, parcels: ParcelSet, columns: Mapping[str, pa.Array]) -> None:
    names = {name.lower() for name in columns}
    geometry = _free(_GEOMETRY_NAMES, names)
    schema = pa.schema([*((name, column.type) for name, column in columns.items()), (geometry, pa.binary())])
    pyogrio.write_arrow(
        pa.RecordBatchReader.from_batches(schema, _batches(parcels, columns, schema)),
        path,
        layer=LAYER,
        driver="GPKG",
        geometry_name=geometry,
        geometry_type="MultiPolygon",
        crs=parcels.crs,
        layer_options={
            "FID": _free(_FID_NAMES, names),
            "GEOMETRY_NAME": geometry,
            "DESCRIPTION": "Parcels with their latest statistics",
        },
    )


def _batches(
    parcels: ParcelSet, columns: Mapping[str, pa.Array], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    for begin in range(0, len(parcels), CHUNK):
        values = [column.slice(begin, CHUNK) for column in columns.values()]
        wkb = shapely.to_wkb(_multipolygons(parcels.geometries[begin : begin + CHUNK]))
        yield pa.RecordBatch.from_arrays([*values, pa.array(wkb, pa.binary())], schema=schema)


def _multipolygons(geometries: Geometries) -> Geometries:
    """Polygons as MultiPolygons of one part: a layer has one type."""
    made = geometries.copy()
    single = np.flatnonzero(shapely.get_type_id(geometries) == shapely.GeometryType.POLYGON)
    made[single] = shapely.multipolygons(geometries[single], indices=np.arange(len(single)))
    return made


def _free(candidates: Iterable[str], taken: set[str]) -> str:
    """The first name that no column has; the layer needs two of its own."""
    return next(name for name in (*candidates, "s1card_column") if name not in taken)


def _not_written(path: Path, why: str) -> ResourceError:
    return ResourceError(
        f"the GeoPackage could not be written: {why}",
        subject=str(path),
        advice="Check that the disk has room and may be written",
    )
