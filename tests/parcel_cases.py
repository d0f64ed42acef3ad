"""Parcels, rasters and grids for the tests of the parcel layer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import rasterio
import shapely
from affine import Affine
from shapely.geometry.base import BaseGeometry

from s1card.geometry.map_grid import MapGrid
from s1card.parcels.pixels.records import PixelBand, PixelSource
from s1card.parcels.records import Observation, ParcelSet
from s1card.parcels.spans import WHOLE, Spans
from s1card.window import Window

CRS = "EPSG:32632"


def grid_of(
    rows: int, cols: int, left: float = 600_000.0, top: float = 5_400_000.0, spacing: float = 10.0
) -> MapGrid:
    return MapGrid(CRS, left, top, spacing, spacing, rows, cols)


def parcel_set(geometries: Sequence[BaseGeometry], crs: str = CRS) -> ParcelSet:
    array = np.empty(len(geometries), object)
    array[:] = list(geometries)
    ids = np.array([f"{k:04d}" for k in range(len(geometries))], object)
    return ParcelSet(np.arange(1, len(geometries) + 1, dtype=np.int32), ids, array, crs)


def random_polygon(rng: np.random.Generator, centre: tuple[float, float], radius: float) -> BaseGeometry:
    """A star-shaped polygon, at times with a hole, of several parts, or running the other way round."""
    while True:
        count = rng.integers(3, 14)
        angle = np.sort(rng.uniform(0, 2 * np.pi, count))
        r = radius * rng.uniform(0.1, 1.0, count)
        x, y = centre
        polygon = shapely.make_valid(shapely.Polygon(np.c_[x + r * np.cos(angle), y + r * np.sin(angle)]))
        if rng.random() < 0.3:
            polygon = polygon.difference(
                shapely.box(x - radius / 5, y - radius / 5, x + radius / 4, y + radius / 6)
            )
        if rng.random() < 0.3:
            polygon = polygon.union(shapely.box(x + radius, y + radius, x + 1.5 * radius, y + 1.3 * radius))
        if rng.random() < 0.5:
            polygon = polygon.reverse()
        if polygon.geom_type in {"Polygon", "MultiPolygon"} and not polygon.is_empty:
            return polygon


def as_raster(spans: Spans, parcel: int, window: Window) -> np.ndarray:
    """Weights of a parcel in a window of the lattice, added where spans overlap."""
    out = np.zeros(window.shape)
    for j in range(spans.start[parcel], spans.start[parcel + 1]):
        row, col, length = spans.row[j] - window.row, spans.col[j] - window.col, spans.length[j]
        first = spans.weight[j]
        out[row, col : col + length] += 1.0 if first == WHOLE else spans.weights[first : first + length]
    return out


def write_raster(
    path: Path, grid: MapGrid, *bands: np.ndarray, nodata: float | None = None, block: int = 0
) -> Path:
    layout = {"tiled": True, "blockxsize": block, "blockysize": block} if block else {}
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=grid.rows,
        width=grid.cols,
        count=len(bands),
        dtype=bands[0].dtype,
        crs=grid.crs,
        transform=Affine(*grid.transform),
        nodata=nodata,
        **layout,
    ) as file:
        for k, values in enumerate(bands, 1):
            file.write(values, k)
    return path


def band_of(path: Path, code: str = "VVb", index: int = 1, **changes: object) -> PixelBand:
    with rasterio.open(path) as file:
        transform = file.transform
        grid = MapGrid(CRS, transform.c, transform.f, transform.a, -transform.e, file.height, file.width)
        return PixelBand(
            code,
            code,
            str(path),
            grid,
            file.dtypes[index - 1],
            file.nodata,
            index,
            block_shape=file.block_shapes[index - 1],
            **changes,
        )


def observation(footprint: BaseGeometry | None = None, card: str = "bs") -> Observation:
    whole = shapely.box(-180, -90, 180, 90) if footprint is None else footprint
    return Observation("S1A_TEST_CARD_BS", datetime(2021, 6, 12, 17, 16, 47), "1A", card, whole)


def source_of(*bands: PixelBand, footprint: BaseGeometry | None = None, **changes: object) -> PixelSource:
    return PixelSource(observation(footprint), tuple(bands), **changes)
