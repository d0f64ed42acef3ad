"""Land-Sea-Mask: by an elevation model, by polygons, in radar geometry and on maps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from engine_cases import map_product, node, product_of, samples
from memory_cases import complex_product, noise, product, whole
from pyproj import Transformer

from s1card.engine.native.context import Context, Surroundings
from s1card.engine.native.operators import OPERATORS
from s1card.engine.native.product import Product
from s1card.errors import DataError, DemError, GraphError
from s1card.geometry.map_grid import MapGrid
from s1card.graph.operators import resolve_parameters
from s1card.window import Window

SHAPE = 30, 40
COAST = 10.00195  # longitude; the products begin at 10 degrees, 1e-4 degrees per sample: the coast lies after column 19
IS_EAST = np.broadcast_to(np.arange(40) > 19, SHAPE)


@pytest.fixture
def dem(tmp_path: Path) -> Path:
    """Land of 12 m in the east, sea of height 0 in the west, a hole of no data further north."""
    height = np.full((80, 120), 12.0, np.float32)
    step = 1e-4
    west, north = COAST - 60 * step, 45.006
    height[:, :60] = 0.0
    height[:30, 60:] = -32768.0
    path = tmp_path / "dem.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=120,
        height=80,
        count=1,
        dtype="float32",
        crs="EPSG:4326",
        transform=rasterio.Affine(step, 0, west, 0, -step, north),
        nodata=-32768.0,
    ) as file:
        file.write(height, 1)
    return path


def masked(source: Product, dem: Path | None = None, **parameters: Any) -> Product:
    values = resolve_parameters(node("it", "Land-Sea-Mask", "", **parameters))
    return OPERATORS["Land-Sea-Mask"]([source], values, Context(Surroundings(dem=dem)))


def ones() -> Product:
    return product(np.ones(SHAPE, np.float32))


def blanked(made: Product) -> np.ndarray:
    return np.isnan(samples(made, made.bands[0].name))


class TestElevationModel:
    def test_land_goes_by_default(self, dem: Path) -> None:
        made = masked(ones(), dem)
        assert np.array_equal(blanked(made), IS_EAST)
        assert made.facts[-1] == ("Land-Sea-Mask", "land by dem.tif")
        assert made.name.endswith("_msk")

    def test_sea_goes(self, dem: Path) -> None:
        assert np.array_equal(blanked(masked(ones(), dem, landMask=False)), ~IS_EAST)

    @pytest.mark.parametrize("land", [True, False])
    def test_shoreline_extension_moves_the_coast_to_the_sea(self, dem: Path, land: bool) -> None:
        moved = np.broadcast_to(np.arange(40) > 16, SHAPE)
        made = masked(ones(), dem, landMask=land, shorelineExtension=3)
        assert np.array_equal(blanked(made), moved if land else ~moved)

    def test_voids_are_sea(self, dem: Path) -> None:
        values = np.ones((60, 40), np.float32)
        made = masked(product(values), dem)
        rows = np.nonzero(blanked(made)[:, 30])[0]
        assert rows[0] == 0
        assert rows[-1] == pytest.approx(30, abs=1)  # the hole begins 0.003 degrees north of line 0

    def test_by_pass(self, dem: Path) -> None:
        source = ones()
        assert masked(source, dem, byPass=True) is source

    def test_on_a_map(self, dem: Path) -> None:
        grid = MapGrid("EPSG:4326", 10.0 - 5e-5, 45.0030, 1e-4, 1e-4, *SHAPE)
        made = masked(map_product(np.ones(SHAPE, np.float32), grid), dem)
        assert np.array_equal(blanked(made), IS_EAST)

    def test_on_a_metric_map(self, dem: Path) -> None:
        grid = MapGrid("EPSG:32632", 578800.0, 4983700.0, 10.0, 10.0, *SHAPE)
        share = blanked(masked(map_product(np.ones(SHAPE, np.float32), grid), dem)).mean()
        assert 0.0 < share < 1.0

    def test_nothing_depends_on_the_window(self, dem: Path) -> None:
        made = masked(ones(), dem, shorelineExtension=4)
        everything = samples(made, "it")
        for window in Window(0, 0, *SHAPE).tiles(7, 11):
            got = samples(made, "it", window)
            assert got.tobytes() == everything[window.slices_in(whole(everything))].tobytes()


class TestPolygons:
    WKT = f"POLYGON(({COAST} 44, 11 44, 11 46, {COAST} 46, {COAST} 44))"

    def test_inside_goes_by_default(self) -> None:
        assert np.array_equal(blanked(masked(ones(), useSRTM=False, geometry=self.WKT)), IS_EAST)

    def test_many_corners(self) -> None:
        wkt = shapely.to_wkt(shapely.segmentize(shapely.from_wkt(self.WKT), 0.01))
        assert np.array_equal(blanked(masked(ones(), useSRTM=False, geometry=wkt)), IS_EAST)

    def test_inverted(self) -> None:
        made = masked(ones(), useSRTM=False, geometry=self.WKT, invertGeometry=True)
        assert np.array_equal(blanked(made), ~IS_EAST)
        assert made.facts[-1] == ("Land-Sea-Mask", "outside of polygons")

    @pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32632"])
    def test_of_a_file(self, tmp_path: Path, crs: str) -> None:
        to_map = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
        shape = shapely.segmentize(shapely.from_wkt(self.WKT), 0.01)
        shape = shapely.transform(shape, lambda xy: np.column_stack(to_map.transform(xy[:, 0], xy[:, 1])))
        path = tmp_path / "land.gpkg"
        pyogrio.raw.write(
            path, shapely.to_wkb([shape]), [], fields=[], geometry_type="Polygon", crs=crs, driver="GPKG"
        )
        assert np.array_equal(blanked(masked(ones(), useSRTM=False, geometry=path)), IS_EAST)


class TestBands:
    def test_amplitudes_become_zero(self, dem: Path) -> None:
        source = replace(product_of({"VV": np.full(SHAPE, 9, np.uint16)}), ties=ones().ties)
        made = masked(source, dem)
        band = made.band("Amplitude_VV")
        assert (band.dtype, band.nodata) == ("uint16", 0)
        assert np.array_equal(samples(made, "Amplitude_VV"), np.where(IS_EAST, 0, 9))

    def test_complex_images(self, dem: Path) -> None:
        made = masked(complex_product(noise(SHAPE)), dem)
        assert np.array_equal(made.signals[0].valid(Window(0, 0, *SHAPE)), ~IS_EAST)
        assert np.array_equal(np.isnan(samples(made, "Intensity_VV")), IS_EAST)
        assert np.array_equal(samples(made, "i_VV") == 0, IS_EAST)

    def test_named_bands(self, dem: Path) -> None:
        made = masked(complex_product(noise(SHAPE)), dem, sourceBands="Intensity_VV")
        assert [(band.name, band.is_virtual) for band in made.bands] == [("Intensity_VV", False)]
        assert made.signals == ()


class TestRefusals:
    def test_without_a_dem(self) -> None:
        with pytest.raises(DemError, match=r"needs an elevation model.*--dem"):
            masked(ones())

    def test_without_anything(self) -> None:
        with pytest.raises(GraphError, match="neither useSRTM nor a geometry"):
            masked(ones(), useSRTM=False)

    def test_with_both(self, dem: Path) -> None:
        with pytest.raises(GraphError, match="Set useSRTM to false"):
            masked(ones(), dem, geometry=TestPolygons.WKT)

    @pytest.mark.parametrize("geometry", ["coastline_1", "POLYGON((1 2"])
    def test_no_geometry(self, geometry: str) -> None:
        with pytest.raises(DataError, match="neither a vector file nor a polygon") as caught:
            masked(ones(), useSRTM=False, geometry=geometry)
        assert caught.value.exit_code == 3

    def test_no_area(self) -> None:
        with pytest.raises(DataError, match="has no area"):
            masked(ones(), useSRTM=False, geometry="POLYGON EMPTY")

    def test_no_vector_file(self, tmp_path: Path) -> None:
        path = tmp_path / "x.gpkg"
        path.write_bytes(b"nothing")
        with pytest.raises(DataError, match="neither a vector file"):
            masked(ones(), useSRTM=False, geometry=path)
