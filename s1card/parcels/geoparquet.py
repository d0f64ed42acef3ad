"""Parcels from GeoParquet: a Parquet file, or a folder of them, whose ``geo`` metadata describe its geometries."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.errors import DataError, UsageError
from s1card.parcels.features import Features, from_wkb
from s1card.source.storage import SCHEME, read_bytes

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ModuleNotFoundError as missing:
    raise UsageError(
        "GeoParquet needs pyarrow", advice="Install it with: pip install 's1card[store]'"
    ) from missing

_DEFAULT_CRS = "OGC:CRS84"


def read_geoparquet(location: str) -> Features:
    """All features of a GeoParquet file (version 1.0 or 1.1, geometries as well-known binary).

    Args:
        location: A file, a folder of files of the same columns, or a file at ``s3://``.

    Raises:
        DataError: It is missing, damaged, without ``geo`` metadata, or in another encoding.
    """
    try:
        source = pa.BufferReader(read_bytes(location)) if location.startswith(SCHEME) else location
        table = pq.read_table(source)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"Parquet cannot be read: {error}", subject=location) from error
    geo = _geo_metadata(table, location)
    primary = geo["primary_column"]
    about = geo["columns"][primary]
    if about["encoding"] != "WKB":
        raise DataError(
            f"geometries are in encoding {about['encoding']}",
            subject=location,
            advice="Write the file with geometries as WKB",
        )
    geometries, unreadable = from_wkb(_values(table[primary]))
    left_out = set(geo["columns"]) | _covering(about)
    return Features(
        geometries,
        unreadable,
        _crs(about),
        {name: _values(table[name]) for name in table.column_names if name not in left_out},
    )


def _geo_metadata(table: Any, location: str) -> dict[str, Any]:
    """What the file says of its geometries, with all that is read here in place."""
    text = (table.schema.metadata or {}).get(b"geo")
    if text is None:
        raise DataError(
            "it is Parquet, but not GeoParquet: it has no geo metadata",
            subject=location,
            advice="Write it with a GIS, or with GDAL's Parquet driver",
        )
    try:
        geo: dict[str, Any] = json.loads(text)
        primary = geo["primary_column"]
        _ = geo["columns"][primary]["encoding"], table[primary]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"its geo metadata are damaged: {error!r}", subject=location) from error
    return geo


def _crs(about: dict[str, Any]) -> str | None:
    """Without ``crs`` coordinates are longitude and latitude; ``crs: null`` means that nobody knows."""
    if "crs" not in about:
        return _DEFAULT_CRS
    stated = about["crs"]
    return stated if stated is None or isinstance(stated, str) else json.dumps(stated)


def _covering(about: dict[str, Any]) -> set[str]:
    """Columns that repeat the bounds of geometries."""
    return {path[0] for box in about.get("covering", {}).values() for path in box.values()}


def _values(column: Any) -> NDArray[Any]:
    """A column as NumPy values; see `s1card.parcels.columns` for what may be in it."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_decimal(kind) or (pa.types.is_integer(kind) and column.null_count):
        return _objects(column.to_pylist())  # floating-point numbers would not keep all digits
    if pa.types.is_nested(kind) or pa.types.is_duration(kind):
        return _objects(column.to_pylist())
    return np.asarray(column.to_numpy())


def _objects(values: list[int | Decimal | Any]) -> NDArray[np.object_]:
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result
