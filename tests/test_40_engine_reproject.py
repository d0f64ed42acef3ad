"""Reproject: grids, values of a known surface, no data, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_cases import apply, map_product, samples
from memory_cases import product, whole
from pyproj import CRS, Transformer

from s1card.engine.native.product import Product
from s1card.errors import DataError, GraphError
from s1card.geometry.map_grid import MapGrid
from s1card.window import Window

UTM = MapGrid("EPSG:32632", 500_000.0, 5_000_000.0, 10.0, 10.0, 80, 60)


def surface(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Smooth, and different everywhere."""
    return np.asarray(1e3 * (longitude - 9.0) + 2e3 * (latitude - 45.0))


def position(grid: MapGrid) -> tuple[np.ndarray, np.ndarray]:
    row, col = np.mgrid[0 : grid.rows, 0 : grid.cols]
    to_geographic = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    longitude, latitude = to_geographic.transform(grid.x(col), grid.y(row))
    return np.asarray(longitude), np.asarray(latitude)


def moved(**parameters: Any) -> Product:
    values = surface(*position(UTM)).astype(np.float32)
    values[10:14, 20:25] = np.nan
    return apply("Reproject", map_product(values, UTM), **parameters)


@pytest.mark.parametrize(("method", "within"), [("Nearest", 0.2), ("Bilinear", 2e-3), ("Bicubic", 2e-3)])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3035", "EPSG:32632"])
def test_values_stay_where_they_are(crs: str, method: str, within: float) -> None:
    made = moved(crs=crs, resampling=method)
    assert isinstance(made.grid, MapGrid)
    got = samples(made, "Sigma0_VV")
    expected = surface(*position(made.grid))
    held = np.isfinite(got)
    assert held.mean() > 0.9
    error = np.abs(got[held] - expected[held])
    assert error.max() <= 0.2  # where a neighbour is missing, as for the nearest sample
    assert np.quantile(error, 0.9) <= within


def test_the_same_map_gives_the_same_samples() -> None:
    made = moved(crs="EPSG:32632")
    assert made.grid == UTM
    np.testing.assert_array_equal(
        samples(made, "Sigma0_VV")[0], surface(*position(UTM))[0].astype(np.float32)
    )
    assert np.isnan(samples(made, "Sigma0_VV")).sum() == 20


def test_usual_grid() -> None:
    """From the upper left of the extent on; square pixels, at least as many as before."""
    grid = moved(crs="EPSG:4326").grid
    assert isinstance(grid, MapGrid)
    assert grid.spacing_x == grid.spacing_y
    assert grid.cols >= UTM.cols
    assert grid.rows >= UTM.rows
    longitude, latitude = position(UTM)
    assert grid.left == pytest.approx(longitude.min(), abs=1.5 * grid.spacing_x)
    assert grid.top == pytest.approx(latitude.max(), abs=1.5 * grid.spacing_y)


def test_stated_grid() -> None:
    made = moved(
        crs="EPSG:32632",
        pixelSizeX=20,
        pixelSizeY=25,
        width=7,
        height=5,
        referencePixelX=0,
        referencePixelY=0,
        easting=500_100,
        northing=4_999_900,
    )
    assert made.grid == MapGrid("EPSG:32632", 500_100.0, 4_999_900.0, 20.0, 25.0, 5, 7)
    assert samples(made, "Sigma0_VV").shape == (5, 7)


def test_utm_zone_and_file(tmp_path: Path) -> None:
    path = tmp_path / "crs.wkt"
    path.write_text(CRS.from_epsg(32632).to_wkt("WKT1_GDAL"))
    for parameters in ({"crs": "AUTO:42001"}, {"wktFile": path}, {"crs": "32632"}):
        grid = moved(**parameters).grid
        assert isinstance(grid, MapGrid)
        assert grid.pyproj_crs.to_epsg() == 32632


def test_whole_numbers_stay_whole() -> None:
    values = np.arange(UTM.rows * UTM.cols, dtype=np.uint16).reshape(UTM.shape)
    made = apply("Reproject", map_product(values, UTM), crs="EPSG:32632", width=100)
    got = samples(made, "Sigma0_VV")
    assert got.dtype == np.uint16
    assert np.array_equal(got[:, :60], values)
    assert np.all(got[:, 60:] == 0)
    made = apply("Reproject", map_product(values, UTM), crs="EPSG:4326", resampling="Bilinear")
    assert samples(made, "Sigma0_VV").dtype == np.float32


@pytest.mark.parametrize("method", ["Nearest", "Bicubic"])
def test_nothing_depends_on_the_window(method: str) -> None:
    made = moved(crs="EPSG:3035", resampling=method)
    everything = samples(made, "Sigma0_VV")
    for window in made.grid.window.tiles(17, 23):
        got = samples(made, "Sigma0_VV", window)
        assert got.tobytes() == everything[window.slices_in(whole(everything))].tobytes()


def test_far_away_there_is_nothing() -> None:
    made = moved(crs="EPSG:32632", width=10, height=10, referencePixelX=0, easting=900_000)
    assert np.all(np.isnan(samples(made, "Sigma0_VV", Window(0, 0, 10, 10))))


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r"radar geometry.*after Terrain-Correction"):
        apply("Reproject", product(np.ones((3, 3), np.float32)), crs="EPSG:4326")
    with pytest.raises(GraphError, match="'nowhere' of Reproject is not understood"):
        moved(crs="nowhere")
    with pytest.raises(GraphError, match="leave none of the product"):
        moved(crs="EPSG:4326", pixelSizeX=10, pixelSizeY=10)
    with pytest.raises(DataError, match="projection cannot be read"):
        moved(wktFile=tmp_path / "missing.wkt")
