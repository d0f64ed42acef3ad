"""Parcels with their latest statistics as a GeoPackage, for QGIS and whatever else reads one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyogrio
import shapely
from numpy.typing import NDArray

from s1card.errors import ResourceError
from s1card.parcels.records import STATISTICS, ParcelSet
from s1card.store.rows import VALUE_COLUMNS

LAYER = "parcels"
CHUNK = 50_000
"""Features that are written at a time; their geometries and texts are in memory twice meanwhile."""

_UTC = 100  # GDAL's number of the time zone
_FID_NAMES, _GEOMETRY_NAMES = ("fid", "ogc_fid", "feature"), ("geom", "geometry", "wkb_geometry")


@dataclass(frozen=True, eq=False)
class Column:
    """A column of the layer.

    Attributes:
        values: One per parcel: numbers, booleans, ``datetime64``, or objects that are text or None.
        missing: Where the value is NULL.
        is_utc: Whether times are UTC; those of the owner's attributes have no known time zone.
    """

    values: NDArray[Any]
    missing: NDArray[np.bool_]
    is_utc: bool = False

    def part(self, rows: slice) -> Column:
        """Some of its rows."""
        return Column(self.values[rows], self.missing[rows], self.is_utc)


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
            (parcels.id_column, _column(parcels.ids)),
            ("pid", _column(parcels.pid)),
            *((name, _column(values)) for name, values in parcels.attributes.items()),
            *statistics_columns(parcels.pid, latest),
        ]
    )
    try:
        for begin in range(0, len(parcels), CHUNK):
            rows = slice(begin, begin + CHUNK)
            part = {name: column.part(rows) for name, column in columns.items()}
            _write_features(path, parcels.geometries[rows], parcels.crs, part, append=begin > 0)
        count = pyogrio.read_info(path, layer=LAYER)["features"]
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise _not_written(path, str(error)) from error
    if count != len(parcels):
        raise _not_written(path, f"{count} of {len(parcels)} parcels arrived")


def statistics_columns(pid: NDArray[np.int32], latest: pa.Table) -> list[tuple[str, Column]]:
    """Rows of the newest statistics as columns ``<band>_<statistic>``, band by band.

    Args:
        pid: Numbers of n parcels.
        latest: Columns pid, band, obstime and the statistics; a statistic that no row of a band has is left out.

    Returns:
        Names and columns of n values each.
    """
    order = np.argsort(pid)
    columns: list[tuple[str, Column]] = []
    for band in sorted(set(latest["band"].to_pylist())):
        rows = latest.filter(pc.equal(latest["band"], band))
        places = order[np.searchsorted(pid, rows["pid"].to_numpy(), sorter=order)]
        for name in ("obstime", *VALUE_COLUMNS):
            if name in STATISTICS or rows[name].null_count < rows.num_rows:
                columns.append((f"{band}_{name}", _spread(rows[name], places, len(pid))))
    return columns


def _spread(values: pa.ChunkedArray, places: NDArray[np.intp], count: int) -> Column:
    """Values at their places among ``count`` parcels; NULL everywhere else."""
    is_time = pa.types.is_timestamp(values.type)
    spread = np.full(count, "NaT" if is_time else np.nan, "datetime64[ms]" if is_time else np.float32)
    spread[places] = values.to_numpy()
    return Column(spread, np.isnat(spread) if is_time else np.isnan(spread), is_time)


def _column(values: NDArray[Any]) -> Column:
    if values.dtype.kind == "M":
        missing, days = np.isnat(values), values.astype("datetime64[D]")
        is_date = bool(np.all((days == values) | missing))
        return Column(days if is_date else values.astype("datetime64[ms]"), missing)
    if values.dtype.kind == "f":
        return Column(values, np.isnan(values))
    if values.dtype.kind == "O":
        return Column(values, np.array([value is None for value in values], bool))
    return Column(values, np.zeros(len(values), bool))


def _named_once(columns: Iterable[tuple[str, Column]]) -> dict[str, Column]:
    named: dict[str, Column] = {}
    taken: set[str] = set()
    for wanted, column in columns:
        name, number = wanted, 1
        while name.lower() in taken:
            number += 1
            name = f"{wanted}_{number}"
        taken.add(name.lower())
        named[name] = column
    return named


def _write_features(
    path: Path, geometries: NDArray[np.object_], crs: str, columns: Mapping[str, Column], *, append: bool
) -> None:
    names = {name.lower() for name in columns}
    pyogrio.raw.write(
        path,
        shapely.to_wkb(geometries),
        field_data=[column.values for column in columns.values()],
        field_mask=[column.missing for column in columns.values()],
        fields=list(columns),
        gdal_tz_offsets={
            name: np.full(len(geometries), _UTC) for name, column in columns.items() if column.is_utc
        },
        layer=LAYER,
        driver="GPKG",
        geometry_type="MultiPolygon",
        promote_to_multi=True,
        crs=crs,
        append=append,
        layer_options={
            "FID": _free(_FID_NAMES, names),
            "GEOMETRY_NAME": _free(_GEOMETRY_NAMES, names),
            "DESCRIPTION": "Parcels with their latest statistics",
        },
    )


def _free(candidates: Iterable[str], taken: set[str]) -> str:
    """The first name that no column has; the layer needs two of its own."""
    return next(name for name in (*candidates, "s1card_column") if name not in taken)


def _not_written(path: Path, why: str) -> ResourceError:
    return ResourceError(
        f"the GeoPackage could not be written: {why}",
        subject=str(path),
        advice="Check that the disk has room and may be written",
    )
