"""Parcels as GeoParquet 1.1, near ones near each other, so that a neighbourhood is read without the rest."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from s1card.parcels.records import ParcelSet
from s1card.raster.disk import create, discard, disk_errors, finish, publish
from s1card.store.naming import part_path
from s1card.store.parquet import reading

GROUP_ROWS = 4096
METADATA_KEY = b"s1card"
OWN_COLUMNS = ("pid", "id", "geometry", "bbox")

_BBOX = pa.struct([(side, pa.float64()) for side in ("xmin", "ymin", "xmax", "ymax")])


def write_parcels(path: Path, parcels: ParcelSet) -> bool:
    """Write parcels aside and give them their name, unless there are some already.

    Returns:
        Whether these were written.

    Raises:
        ResourceError: The disk is full or cannot be written.
    """
    part = part_path(path)
    finish(create(part), part)
    try:
        with disk_errors(part):
            pq.write_table(
                _table(parcels), part, compression="zstd", row_group_size=GROUP_ROWS, write_page_index=True
            )
            fd = os.open(part, os.O_RDWR)
        finish(fd, part, sync=True)
        return _publish_first(part, path)
    finally:
        discard(part)


def read_parcels(path: Path) -> ParcelSet:
    """All parcels in the order of their numbers.

    Raises:
        DataError: The file is damaged.
    """
    with reading(path):
        table = pq.read_table(path, columns=None)
        document = _document(table.schema)
        pid = table["pid"].to_numpy()
        order = np.argsort(pid, kind="stable")
        return ParcelSet(
            pid=pid[order].astype(np.int32),
            ids=_objects(table["id"])[order],
            geometries=shapely.from_wkb(_objects(table["geometry"]))[order],
            crs=document["crs"],
            attributes={
                name: attribute_values(table[column], dtype)[order]
                for name, column, dtype in document["attributes"]
            },
            id_column=document["id_column"],
        )


def read_document(path: Path) -> dict[str, Any]:
    """What the file says of its parcels: digest, crs, id_column, attributes (name, column, NumPy type).

    Raises:
        DataError: The file is damaged.
    """
    with reading(path):
        return _document(pq.read_schema(path))


def attribute_values(column: pa.ChunkedArray, dtype: str) -> NDArray[Any]:
    """Values of an attribute as they went in."""
    if dtype == "object":
        return _objects(column)
    return np.asarray(column.to_numpy()).astype(dtype, copy=False)


def _publish_first(part: Path, path: Path) -> bool:
    """Of two that publish at the same time one comes first."""
    with disk_errors(path):
        try:
            path.hardlink_to(part)
        except FileExistsError:
            return False
        except OSError:  # a file system without hard links
            if path.exists():
                return False
            publish(part, path)
    return True


def _table(parcels: ParcelSet) -> pa.Table:
    order = z_order(shapely.bounds(parcels.geometries))
    names = _column_names(parcels)
    columns = {
        "pid": pa.array(parcels.pid[order], pa.int32()),
        "id": pa.array(parcels.ids[order], pa.string()),
        **{names[name]: _attribute(values[order]) for name, values in parcels.attributes.items()},
        "bbox": _bbox(shapely.bounds(parcels.geometries[order])),
        "geometry": pa.array(shapely.to_wkb(parcels.geometries[order], byte_order=1), pa.binary()),
    }
    document = {
        "digest": parcels.digest,
        "crs": parcels.crs,
        "id_column": parcels.id_column,
        "attributes": [
            [name, names[name], "object" if values.dtype.kind == "O" else str(values.dtype)]
            for name, values in parcels.attributes.items()
        ],
    }
    metadata = {b"geo": json.dumps(_geo(parcels)).encode(), METADATA_KEY: json.dumps(document).encode()}
    return pa.table(columns).replace_schema_metadata(metadata)


def _attribute(values: NDArray[Any]) -> pa.Array:
    return pa.array(values, pa.string()) if values.dtype.kind == "O" else pa.array(values)


def _column_names(parcels: ParcelSet) -> dict[str, str]:
    """Names of attributes as columns: another one where it is the name of a column of ours."""
    names: dict[str, str] = {}
    taken = set(OWN_COLUMNS) | set(parcels.attributes)
    for name in parcels.attributes:
        column = name
        while column in OWN_COLUMNS or (column != name and column in taken):
            column += "_"
        names[name] = column
        taken.add(column)
    return names


def _bbox(bounds: NDArray[np.float64]) -> pa.Array:
    return pa.StructArray.from_arrays([pa.array(side) for side in bounds.T], fields=list(_BBOX))


def _geo(parcels: ParcelSet) -> dict[str, Any]:
    types = {shapely.GeometryType(k).name for k in np.unique(shapely.get_type_id(parcels.geometries))}
    spelling = {"POLYGON": "Polygon", "MULTIPOLYGON": "MultiPolygon"}
    column = {
        "encoding": "WKB",
        "geometry_types": sorted(spelling[name] for name in types),
        "crs": CRS.from_user_input(parcels.crs).to_json_dict(),
        "bbox": shapely.total_bounds(parcels.geometries).tolist() if len(parcels) else None,
        "covering": {"bbox": {side: ["bbox", side] for side in ("xmin", "ymin", "xmax", "ymax")}},
    }
    return {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {key: value for key, value in column.items() if value is not None}},
    }


def z_order(bounds: NDArray[np.float64]) -> NDArray[np.intp]:
    """Order along a Z curve through the centres of boxes: near ones come near each other."""
    if not len(bounds):
        return np.empty(0, np.intp)
    centres = (bounds[:, :2] + bounds[:, 2:]) / 2
    low, high = centres.min(axis=0), centres.max(axis=0)
    cells = ((centres - low) / np.maximum(high - low, 1e-12) * 65535).astype(np.uint64)
    return np.argsort(_spread(cells[:, 0]) | _spread(cells[:, 1]) << np.uint64(1), kind="stable")


def _spread(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A gap of one bit between the 16 bits of each value."""
    for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        values = (values | values << np.uint64(shift)) & np.uint64(mask)
    return values


def _objects(column: pa.ChunkedArray) -> NDArray[np.object_]:
    values = np.empty(len(column), object)
    values[:] = column.to_pylist()
    return values


def _document(schema: pa.Schema) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(schema.metadata[METADATA_KEY])
    return document
