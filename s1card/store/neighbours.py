"""Parcels near a parcel, out of a GeoParquet file: boxes of all are kept, geometries are read where they are near."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from s1card.errors import UsageError
from s1card.store.base import Peer
from s1card.store.geoparquet import GROUP_ROWS, attribute_values, read_document
from s1card.store.parquet import reading

SMALLEST_AREA = 3000.0
"""m², of a parcel that is shown as a peer."""


class ParcelIndex:
    """Ids, numbers and boxes of the parcels of a store.

    Args:
        path: GeoParquet file.

    Raises:
        DataError: The file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        document = read_document(path)
        self.digest: str = document["digest"]
        self._attributes = {name: (column, dtype) for name, column, dtype in document["attributes"]}
        self._crs = CRS.from_user_input(document["crs"])
        with reading(path):
            table = pq.read_table(path, columns=["pid", "id", "bbox"])
            self.ids: pa.Array = (
                pa.concat_arrays(table["id"].chunks) if len(table) else pa.array([], pa.string())
            )
            self.pid: NDArray[np.int32] = table["pid"].to_numpy()
            boxes = table["bbox"].combine_chunks().flatten()
            self._boxes = [np.asarray(side) for side in boxes]

    def __len__(self) -> int:
        return len(self.pid)

    def row_of(self, parcel: str) -> int:
        """Row of a parcel in the file.

        Raises:
            UsageError: There is none of that id.
        """
        row: int = pc.index(self.ids, pa.scalar(parcel, pa.string())).as_py()
        if row < 0:
            raise UsageError(
                "the store has no such parcel",
                subject=f"parcel {parcel!r}",
                advice="Ids are exact text, leading zeros included",
            )
        return row

    def pid_of(self, parcel: str) -> int:
        """Number of a parcel.

        Raises:
            UsageError: There is none of that id.
        """
        return int(self.pid[self.row_of(parcel)])

    def peers(self, parcel: str, distance: float, limit: int, column: str) -> list[Peer]:
        """See `s1card.store.base.Store.peers`; distances are measured on a plane that touches the earth at the parcel.

        Raises:
            UsageError: There is no parcel of that id, or no attribute of that name.
            DataError: The file is damaged.
        """
        row = self.row_of(parcel)
        plane = self._plane_at(row)
        rows = self._rows_near(row, plane, distance)
        if column:
            rows = self._with_same_value(row, rows, column)
        geometries = _projected(self._geometries(np.append(rows, row)), plane)
        near, own = geometries[:-1], geometries[-1]
        distances = shapely.distance(near, own)
        keep = (rows != row) & (distances <= distance) & (shapely.area(near) >= SMALLEST_AREA)
        rows, distances = rows[keep], distances[keep]
        order = np.lexsort((self.pid[rows], distances))[: max(limit, 0)]
        return [Peer(str(self.ids[int(rows[k])]), int(self.pid[rows[k]]), float(distances[k])) for k in order]

    def _plane_at(self, row: int) -> Transformer:
        """From coordinates of the parcels to metres on a plane whose origin is the centre of a parcel."""
        left, bottom, right, top = (float(side[row]) for side in self._boxes)
        geographic = self._crs.geodetic_crs or CRS("EPSG:4326")
        to_degrees = Transformer.from_crs(self._crs, geographic, always_xy=True)
        lon, lat = to_degrees.transform((left + right) / 2, (bottom + top) / 2)
        plane = CRS.from_dict({"proj": "laea", "lat_0": lat, "lon_0": lon, "datum": "WGS84", "units": "m"})
        return Transformer.from_crs(self._crs, plane, always_xy=True)

    def _rows_near(self, row: int, plane: Transformer, distance: float) -> NDArray[np.intp]:
        """Rows whose boxes meet the box of a parcel, grown by the distance."""
        own = [float(side[row]) for side in self._boxes]
        left, bottom, right, top = plane.transform_bounds(own[0], own[1], own[2], own[3])
        reach = distance * 1.01 + 1.0
        grown = (left - reach, bottom - reach, right + reach, top + reach)
        left, bottom, right, top = plane.transform_bounds(*grown, direction="INVERSE")
        xmin, ymin, xmax, ymax = self._boxes
        return np.flatnonzero((xmin <= right) & (xmax >= left) & (ymin <= top) & (ymax >= bottom))

    def _with_same_value(self, row: int, rows: NDArray[np.intp], column: str) -> NDArray[np.intp]:
        """Of some rows those that have the value of ``row``; nothing is equal to a missing value."""
        if column not in self._attributes:
            raise UsageError(
                f"the parcels have no attribute {column!r}",
                subject=str(self.path),
                advice=f"They have: {', '.join(self._attributes) or 'none'}",
            )
        name, dtype = self._attributes[column]
        values: NDArray[Any] = attribute_values(self._column(name, np.append(rows, row)), dtype)
        if values[-1] is None:
            return rows[:0]
        is_same = np.asarray(values[:-1] == values[-1], bool)
        same: NDArray[np.intp] = rows[is_same]
        return same

    def _geometries(self, rows: NDArray[np.intp]) -> NDArray[np.object_]:
        return np.asarray(shapely.from_wkb(self._column("geometry", rows).to_numpy()))

    def _column(self, name: str, rows: NDArray[np.intp]) -> pa.ChunkedArray:
        """Values of a column in some rows, of which only the row groups are read."""
        groups = np.unique(rows // GROUP_ROWS)
        with reading(self.path), pq.ParquetFile(self.path) as source:
            values = source.read_row_groups(groups.tolist(), columns=[name])[name]
        return values.take(
            pa.array(np.searchsorted(groups, rows // GROUP_ROWS) * GROUP_ROWS + rows % GROUP_ROWS)
        )


def _projected(geometries: NDArray[np.object_], plane: Transformer) -> NDArray[np.object_]:
    def project(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(plane.transform(points[:, 0], points[:, 1]))

    return np.asarray(shapely.transform(geometries, project))
