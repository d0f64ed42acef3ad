"""Subset and the regions of Read: the same samples as the crop of the whole, in radar and map geometry."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from engine_cases import Small, apply, build, map_product, product_of, samples, small
from shapely.geometry import Polygon, box

from s1card.engine.native.product import Product
from s1card.engine.native.subset import image_position
from s1card.errors import DataError, GraphError
from s1card.geometry.map_grid import MapGrid
from s1card.geometry.radar_grid import radar_grid
from s1card.window import Window

__all__ = ["small"]

RAMP = np.arange(6 * 8, dtype=np.float32).reshape(6, 8)
GRID = MapGrid("EPSG:32633", 500_000.0, 5_000_000.0, 10.0, 20.0, 6, 8)


class TestPixels:
    def test_region_is_x_y_width_height(self) -> None:
        product = apply("Subset", map_product(RAMP, GRID), region="2,1,3,4")
        assert np.array_equal(samples(product, "Sigma0_VV"), RAMP[1:5, 2:5])
        assert product.grid == MapGrid("EPSG:32633", 500_020.0, 4_999_980.0, 10.0, 20.0, 4, 3)

    def test_region_is_clipped(self) -> None:
        product = apply("Subset", map_product(RAMP, GRID), region="6,4,100,100")
        assert np.array_equal(samples(product, "Sigma0_VV"), RAMP[4:, 6:])

    def test_region_of_no_size_is_everything(self) -> None:
        product = apply("Subset", map_product(RAMP, GRID), region="0,0,0,0")
        assert product.shape == RAMP.shape

    def test_region_outside(self) -> None:
        with pytest.raises(DataError, match="does not overlap"):
            apply("Subset", map_product(RAMP, GRID), region="8,0,2,2")

    def test_full_swath(self) -> None:
        product = apply("Subset", map_product(RAMP, GRID), region="2,1,3,4", fullSwath=True)
        assert np.array_equal(samples(product, "Sigma0_VV"), RAMP[1:5])

    def test_reference_band_must_exist(self) -> None:
        source = map_product(RAMP, GRID)
        assert apply("Subset", source, referenceBand="Sigma0_VV", region="2,1,3,4").shape == (4, 3)
        with pytest.raises(GraphError, match="no band 'Sigma0_VH'"):
            apply("Subset", source, referenceBand="Sigma0_VH")

    def test_subsets_of_subsets_keep_the_tables_in_place(self) -> None:
        """Look-up tables belong to the scene: two subsets are one with the sum of the offsets."""
        source = product_of({"VV": np.arange(48, dtype=np.uint16).reshape(6, 8)})
        twice = apply("Subset", apply("Subset", source, region="1,2,6,4"), region="2,1,3,2")
        once = apply("Subset", source, region="3,3,3,2")
        assert (twice.lut_origin.line, twice.lut_origin.pixel) == (3, 3)
        assert twice.lut_origin == once.lut_origin
        calibrated = (samples(apply("Calibration", p), "Sigma0_VV") for p in (twice, once))
        assert np.array_equal(*calibrated)
        assert twice.radar_grid.first_azimuth_time == pytest.approx(3 * 0.002)


class TestThinning:
    def test_every_third_sample_keeps_its_place(self) -> None:
        product = apply("Subset", map_product(RAMP, GRID), subSamplingX=3, subSamplingY=2)
        assert np.array_equal(samples(product, "Sigma0_VV"), RAMP[::2, ::3])
        assert isinstance(product.grid, MapGrid)
        assert product.grid.x(1.0) == GRID.x(3.0)
        assert product.grid.y(2.0) == GRID.y(4.0)
        for part in product.grid.window.tiles(2, 2):
            assert np.array_equal(
                samples(product, "Sigma0_VV", part), RAMP[::2, ::3][part.slices_in(product.grid.window)]
            )

    def test_not_in_radar_geometry(self) -> None:
        with pytest.raises(GraphError, match="map projected products only"):
            apply("Subset", product_of({"VV": np.ones((4, 4), np.uint16)}), subSamplingX=2)


class TestPlaces:
    def test_bounding_rectangle_on_the_map(self) -> None:
        """A triangle of map coordinates, given in degrees: all pixels that its bounds touch."""
        west, north = 15.0 + 2.5e-4, 45.1537
        triangle = Polygon([(west, north), (west + 5e-4, north), (west, north - 4e-4)])
        product = apply("Subset", map_product(RAMP, GRID), geoRegion=triangle.wkt)
        window = _window_by_projection(triangle)
        assert 0 < window.rows < 6
        assert 0 < window.cols < 8
        expected = RAMP[window.slices_in(Window(0, 0, 6, 8))]
        assert np.array_equal(samples(product, "Sigma0_VV"), expected)

    def test_region_far_away(self) -> None:
        for place in (box(100, -10, 101, -9), box(-170, 0, -169, 1)):
            with pytest.raises(DataError, match="does not overlap"):
                apply("Subset", map_product(RAMP, GRID), geoRegion=place.wkt)

    def test_unreadable_and_empty(self) -> None:
        for text in ("POLYGON((1 2, 3", "POLYGON EMPTY"):
            with pytest.raises(GraphError, match="geoRegion"):
                apply("Subset", map_product(RAMP, GRID), geoRegion=text)

    def test_radar_position_of_tie_points(self, small: Small) -> None:
        """The inverse of the tie points, at the tie points themselves."""
        product = build(small.read)
        grid = product.annotation.geolocation_grid
        places = grid.longitude.ravel(), grid.latitude.ravel()
        line, pixel = image_position(product.tie_grid, product.shape, *places)
        # SNAP's even tie points hold the values of sample n - 1 at n: all is stretched by n / (n - 1).
        stretched = np.meshgrid(grid.line * 300 / 299, grid.pixel * 400 / 399, indexing="ij")
        np.testing.assert_allclose(line, stretched[0].ravel(), atol=0.1)
        np.testing.assert_allclose(pixel, stretched[1].ravel(), atol=1.1)

    def test_radar_window(self, small: Small) -> None:
        whole = build(small.read)
        place = _quarter(whole)
        part = build(small.read, ("Subset", {"geoRegion": place.wkt}))
        origin = part.lut_origin
        rows, cols = part.shape
        assert 60 < rows < 240
        assert 80 < cols < 320
        expected = samples(whole, "Amplitude_VV")[origin.line :, origin.pixel :][:rows, :cols]
        assert np.array_equal(samples(part, "Amplitude_VV"), expected)
        # Its corners lie on the border of the window, none outside.
        line, pixel = image_position(whole.tie_grid, whole.shape, *np.array(place.exterior.coords).T)
        assert abs(line.min() - origin.line) <= 0.51
        assert abs(pixel.max() - (origin.pixel + cols - 0.5)) <= 1.0

    def test_read_takes_regions_with_advanced_options_only(self, small: Small) -> None:
        region = {"file": small.files.safe, "pixelRegion": "10,20,30,40"}
        assert build(("Read", region)).shape == (300, 400)
        product = build(("Read", {**region, "useAdvancedOptions": True}))
        assert product.shape == (40, 30)
        assert np.array_equal(
            samples(product, "Amplitude_VH"), samples(build(small.read), "Amplitude_VH")[20:60, 10:40]
        )

    def test_geometry_of_the_subset(self, small: Small) -> None:
        """A subset of the scene and then the map, or the map and then nothing: the same values where both are."""
        steps = ("Calibration", {}), small.terrain_correction(alignToStandardGrid=True)
        whole = build(small.read, *steps)
        part = build(small.read, ("Subset", {"region": "60,50,250,180"}), *steps)
        assert isinstance(whole.grid, MapGrid)
        assert isinstance(part.grid, MapGrid)
        col = round((part.grid.left - whole.grid.left) / 10.0)
        row = round((whole.grid.top - part.grid.top) / 10.0)
        a = samples(whole, "Sigma0_VV", Window(row, col, *part.shape).intersection(whole.grid.window))
        b = samples(part, "Sigma0_VV")[: a.shape[0], : a.shape[1]]
        both = np.isfinite(a) & np.isfinite(b)
        assert both.mean() > 0.5
        # Lattices of other origins give positions that differ by less than 0.002 samples.
        assert np.quantile(np.abs(b[both] / a[both] - 1.0), 0.95) < 2e-4


class TestBands:
    def test_named_virtual_band_becomes_real(self, small: Small) -> None:
        whole = build(small.read)
        assert [b.name for b in whole.bands] == [
            f"{kind}_{pol}" for pol in ("VH", "VV") for kind in ("Amplitude", "Intensity")
        ]
        assert [b.name for b in whole.real_bands()] == ["Amplitude_VH", "Amplitude_VV"]
        for steps in (
            (small.read, ("Subset", {"sourceBands": "Intensity_VV"})),
            (("Read", {"file": small.files.safe, "sourceBands": "Intensity_VV"}),),
        ):
            product = build(*steps)
            assert [b.name for b in product.real_bands()] == ["Intensity_VV"]
            amplitude = samples(whole, "Amplitude_VV").astype(np.float32)
            power = np.where(amplitude == 0, np.nan, amplitude**2)
            np.testing.assert_array_equal(samples(product, "Intensity_VV"), power)

    def test_unknown_band(self) -> None:
        with pytest.raises(GraphError, match="no band 'Gamma0_VV'"):
            apply("Subset", map_product(RAMP, GRID), sourceBands="Gamma0_VV")


def _window_by_projection(shape: Polygon) -> Window:
    from pyproj import Proj

    x, y = Proj("EPSG:32633")(*np.array(shapely.segmentize(shape, 1e-5).exterior.coords).T)
    col, col_end = np.floor((min(x) - GRID.left) / 10.0), np.ceil((max(x) - GRID.left) / 10.0)
    row, row_end = np.floor((GRID.top - max(y)) / 20.0), np.ceil((GRID.top - min(y)) / 20.0)
    window = Window(int(row), int(col), int(row_end - row), int(col_end - col))
    return window.intersection(GRID.window)


def _quarter(product: Product) -> Polygon:
    """A quadrangle of places in the inner part of a scene."""
    annotation = product.scene.images[0].annotation
    assert radar_grid(annotation).shape == product.shape
    grid = annotation.geolocation_grid
    west, east = np.interp([0.4, 0.6], [0, 1], [grid.longitude.min(), grid.longitude.max()])
    south, north = np.interp([0.4, 0.6], [0, 1], [grid.latitude.min(), grid.latitude.max()])
    return box(float(west), float(south), float(east), float(north))
