"""Rasters of a card as the JRC system kept them: BEAM-DIMAP with a flat file per band and 0 for no data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import rasterio

from s1card.geometry.map_grid import MapGrid
from s1card.raster import BandSpec, DimapSink
from s1card.raster.sink import Tags
from s1card.window import Window

NODATA = 0.0


@dataclass(frozen=True)
class LegacyBand:
    """A band to be kept.

    Attributes:
        spec: What it holds, under SNAP's name (``Gamma0_VV``).
        path: Its raster.
    """

    spec: BandSpec
    path: Path


def write_legacy(path: Path, grid: MapGrid, bands: Sequence[LegacyBand], tags: Tags) -> None:
    """Write ``<name>.dim`` and ``<name>.data/<band>.img``, of rasters on one grid. A true 0 gets lost.

    Args:
        path: The ``.dim``.
        grid: Grid of the rasters.
        bands: What to write.
        tags: Metadata of the product.

    Raises:
        ResourceError: The disk is full or cannot be written.
    """
    specs = [replace(band.spec, nodata=NODATA) for band in bands]
    sink = DimapSink(path, grid, specs, tags)
    try:
        for index, band in enumerate(bands):
            with rasterio.open(band.path) as raster:
                for window in grid.window.tiles(*sink.tile):
                    sink.write(index, window, _without_nan(raster, window))
        sink.close()
    except BaseException:
        sink.abort()
        raise


def _without_nan(raster: rasterio.DatasetReader, window: Window) -> np.ndarray:
    rows, cols = window.slices_in(Window(0, 0, *raster.shape))
    samples = raster.read(1, window=((rows.start, rows.stop), (cols.start, cols.stop)))
    return np.asarray(np.where(np.isnan(samples), np.float32(NODATA), samples).astype(samples.dtype))
