"""Resample: values of hand-made rasters, grids, types, no data, the same bytes, and what is refused."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_cases import Small, apply, build, chain, map_product, samples, small
from memory_cases import product, whole

from s1card.engine.native import resample as operator
from s1card.engine.native.context import Surroundings
from s1card.engine.native.engine import NativeEngine, check_capability
from s1card.engine.native.pixel_blocks import Spans, Statistic, block_values
from s1card.engine.native.product import Product
from s1card.errors import GraphError
from s1card.geometry.map_grid import MapGrid

__all__ = ["small"]

NAN = np.nan
GRID = MapGrid("EPSG:32632", 500_000.0, 5_000_000.0, 10.0, 10.0, 4, 6)
VALUES = np.array(
    [
        [1, 2, 3, 4, 5, 6],
        [9, 8, 7, 6, 5, 4],
        [NAN, NAN, 5, 1, 0, NAN],
        [NAN, NAN, 2, NAN, 8, 6],
    ],
    np.float32,
)


def resampled(values: np.ndarray = VALUES, grid: MapGrid = GRID, **parameters: Any) -> Product:
    return apply("Resample", map_product(values, grid), **parameters)


def got(values: np.ndarray = VALUES, grid: MapGrid = GRID, **parameters: Any) -> np.ndarray:
    return samples(resampled(values, grid, **parameters), "Sigma0_VV")


def grid_of(**parameters: Any) -> MapGrid:
    grid = resampled(**parameters).grid
    assert isinstance(grid, MapGrid)
    return grid


class TestLargerPixels:
    @pytest.mark.parametrize(
        ("method", "expected"),
        [
            ("First", [[1, 3, 5], [NAN, 5, 0]]),
            ("Min", [[1, 3, 4], [NAN, 1, 0]]),
            ("Max", [[9, 7, 6], [NAN, 5, 8]]),
            ("Mean", [[5, 5, 5], [NAN, 8 / 3, 14 / 3]]),
            ("Median", [[5, 5, 5], [NAN, 2, 6]]),
        ],
    )
    @pytest.mark.parametrize("size", [{"targetResolution": 20}, {"targetWidth": 3, "targetHeight": 2}])
    def test_of_four(self, method: str, expected: list[list[float]], size: dict[str, int]) -> None:
        np.testing.assert_allclose(got(downsampling=method, **size), expected, rtol=1e-6)

    def test_shares_of_pixels(self) -> None:
        """Pixels of 15 m over those of 10 m: each covers one whole and half of another in both directions."""
        row = np.array([[3.0, 9.0, 6.0]], np.float32)
        grid = replace(GRID, rows=3, cols=3)
        values = np.repeat(row, 3, axis=0)
        mean = got(values, grid, downsampling="Mean", targetResolution=15)
        np.testing.assert_allclose(mean, [[5, 7], [5, 7]], rtol=1e-6)
        np.testing.assert_allclose(got(values, grid, downsampling="Min", targetResolution=15)[0], [3, 6])
        np.testing.assert_allclose(got(values, grid, downsampling="First", targetResolution=15)[0], [3, 9])

    def test_pixels_that_reach_beyond_the_product(self) -> None:
        mean = got(downsampling="Mean", targetResolution=40)
        np.testing.assert_allclose(mean, [[48 / 11, 34 / 7]], rtol=1e-6)

    def test_median_of_many(self) -> None:
        values = np.random.default_rng(3).permutation(np.arange(400.0)).reshape(20, 20).astype(np.float32)
        grid = replace(GRID, rows=20, cols=20)
        assert got(values, grid, downsampling="Median", targetWidth=1, targetHeight=1) == 199.5

    def test_pixels_that_touch_do_not_count(self) -> None:
        """Thirds are not exact in binary, and a block ends where the next begins."""
        spans = Spans.under(0, 9, 100 / 9, 100)
        assert (spans.first[0], spans.last[-1]) == (0, 99)
        spans = Spans.under(0, 300, 1 / 0.1, 3000)
        assert np.array_equal(spans.first, np.arange(300) * 10)
        assert np.array_equal(spans.last, np.arange(300) * 10 + 9)


class TestSmallerPixels:
    PLANE = (10.0 * np.arange(6) + 100.0 * np.arange(4)[:, None]).astype(np.float32)

    def test_nearest(self) -> None:
        np.testing.assert_array_equal(
            got(self.PLANE, targetResolution=5), np.repeat(np.repeat(self.PLANE, 2, 0), 2, 1)
        )
        three = got(self.PLANE, targetWidth=18, targetHeight=12)
        np.testing.assert_array_equal(three, np.repeat(np.repeat(self.PLANE, 3, 0), 3, 1))

    @pytest.mark.parametrize("method", ["Bilinear", "Bicubic"])
    def test_a_plane_stays_a_plane(self, method: str) -> None:
        """Pixels beyond the centres of the outermost ones have their value; four samples must be there for a cubic."""
        row, col = (np.clip((np.arange(2 * n) + 0.5) / 2 - 0.5, 0, n - 1) for n in (4, 6))
        expected = 10.0 * col + 100.0 * row[:, None]
        values = got(self.PLANE, upsampling=method, targetResolution=5)
        inner = np.s_[3:-3, 3:-3] if method == "Bicubic" else np.s_[:, :]
        np.testing.assert_allclose(values[inner], expected[inner], rtol=1e-6)
        assert np.isfinite(values).all()

    def test_no_data(self) -> None:
        """The nearest sample decides whether there is data; others without do not count."""
        values = got(np.array([[4.0, NAN], [8.0, 2.0]], np.float32), replace(GRID, rows=2, cols=2),
                     upsampling="Bilinear", targetResolution=5)  # fmt: skip
        np.testing.assert_array_equal(np.isnan(values), np.isnan(
            np.repeat(np.repeat([[4.0, NAN], [8.0, 2.0]], 2, 0), 2, 1)))  # fmt: skip
        assert values[1, 1] == pytest.approx((9 * 4 + 3 * 8 + 2) / 13)

    def test_larger_in_one_direction_only(self) -> None:
        """As in SNAP, samples are interpolated then."""
        values = got(self.PLANE, targetWidth=3, targetHeight=8, downsampling="Max")
        assert values.shape == (8, 3)
        np.testing.assert_array_equal(values[:2, 0], [10.0, 10.0])


class TestGrids:
    def test_of_a_number_of_pixels(self) -> None:
        grid = grid_of(targetWidth=4, targetHeight=8)
        assert grid == MapGrid("EPSG:32632", 500_000.0, 5_000_000.0, 15.0, 5.0, 8, 4)
        assert grid.bounds == GRID.bounds

    def test_of_a_pixel_size(self) -> None:
        assert grid_of(targetResolution=25) == replace(GRID, spacing_x=25.0, spacing_y=25.0, rows=2, cols=3)

    def test_reference_band(self) -> None:
        made = resampled(referenceBand="Sigma0_VV", downsampling="Mean")
        assert made.grid == GRID
        np.testing.assert_array_equal(samples(made, "Sigma0_VV"), VALUES)
        assert made.name.endswith("_resampled")
        assert made.facts[-1] == ("Resample", "pixels of Sigma0_VV")
        flat = apply("Resample", product(np.ones((3, 4), np.float32)), referenceBand="it")
        assert flat.shape == (3, 4)

    def test_fact(self) -> None:
        made = resampled(targetResolution=20, downsampling="Median")
        assert made.facts[-1] == ("Resample", "pixels of 20 x 20, Median")
        assert resampled(targetResolution=5).facts[-1] == ("Resample", "pixels of 5 x 5, Nearest")


class TestTypes:
    WHOLE = np.array([[1, 2, 0, 0], [3, 4, 0, 8]], np.uint16)
    FOUR = replace(GRID, rows=2, cols=4)

    def band(self, nodata: float | None = 0, unit: str = "amplitude", **parameters: Any) -> np.ndarray:
        source = map_product(self.WHOLE, self.FOUR, unit=unit)
        source = replace(source, bands=(replace(source.bands[0], nodata=nodata),))
        return samples(apply("Resample", source, **parameters), "Sigma0_VV")

    @pytest.mark.parametrize(
        ("method", "expected", "dtype"),
        [
            ("First", [[1, 0]], np.uint16),
            ("Min", [[1, 8]], np.uint16),
            ("Max", [[4, 8]], np.uint16),
            ("Mean", [[2.5, 8.0]], np.float32),
            ("Median", [[2.5, 8.0]], np.float32),
        ],
    )
    def test_larger_pixels(self, method: str, expected: list[list[float]], dtype: type) -> None:
        values = self.band(targetWidth=2, targetHeight=1, downsampling=method)
        assert values.dtype == dtype
        np.testing.assert_array_equal(values, expected)

    def test_smaller_pixels(self) -> None:
        assert self.band(targetWidth=8, targetHeight=4).dtype == np.uint16
        smooth = self.band(targetWidth=8, targetHeight=4, upsampling="Bilinear")
        assert smooth.dtype == np.float32
        assert np.isnan(smooth[0, 4])

    @pytest.mark.parametrize(
        ("method", "expected"),
        [
            ("First", [1, 0]),
            ("FlagAnd", [0, 0]),
            ("FlagOr", [7, 8]),
            ("FlagMedianAnd", [0, 0]),
            ("FlagMedianOr", [3, 0]),
        ],
    )
    def test_flags(self, method: str, expected: list[int]) -> None:
        """1, 2, 3, 4 are 001, 010, 011, 100: the lower two bits are set in half of them."""
        values = self.band(
            None, "flags", targetWidth=2, targetHeight=1, downsampling="Mean", flagDownsampling=method
        )
        assert values.dtype == np.uint16
        np.testing.assert_array_equal(values, [expected])

    def test_flags_are_never_interpolated(self) -> None:
        values = self.band(None, "flags", targetWidth=8, targetHeight=4, upsampling="Bilinear")
        assert set(np.unique(values)) == set(np.unique(self.WHOLE))


@pytest.mark.parametrize("method", ["First", "Min", "Max", "Mean", "Median"])
def test_blocks_of_a_random_raster(method: str) -> None:
    """Against numpy."""
    values = np.random.default_rng(8).normal(size=(30, 40)).astype(np.float32)
    grid = replace(GRID, rows=30, cols=40)
    blocks = values.astype(np.float64).reshape(6, 5, 10, 4).swapaxes(1, 2).reshape(6, 10, 20)
    pick = {
        "First": lambda b, axis: b[..., 0],
        "Min": np.min,
        "Max": np.max,
        "Mean": np.mean,
        "Median": np.median,
    }
    expected = pick[method](blocks, axis=-1)
    found = got(values, grid, downsampling=method, targetWidth=10, targetHeight=6)
    np.testing.assert_allclose(found, expected.astype(np.float32), rtol=1e-6)


@pytest.mark.parametrize(
    "parameters",
    [
        {"downsampling": "Mean", "targetWidth": 23, "targetHeight": 17},
        {"downsampling": "Median", "targetResolution": 27},
        {"upsampling": "Bicubic", "targetWidth": 211, "targetHeight": 170},
        {"targetResolution": 7},
    ],
)
def test_nothing_depends_on_the_window(parameters: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(2).gamma(4.0, size=(61, 83)).astype(np.float32)
    values[10:20, 30:35] = np.nan
    grid = replace(GRID, rows=61, cols=83)
    everything = got(values, grid, **parameters)
    monkeypatch.setattr(operator, "PART", 100)
    made = resampled(values, grid, **parameters)
    for window in reversed(list(made.grid.window.tiles(7, 11))):
        part = samples(made, "Sigma0_VV", window)
        assert part.tobytes() == everything[window.slices_in(whole(everything))].tobytes()


def test_files_depend_on_neither_blocks_nor_threads(small: Small, tmp_path: Path) -> None:
    found = set()
    for threads, block in ((1, 512), (2, 512), (2, 1024)):
        target = tmp_path / f"{threads}-{block}.tif"
        graph = chain(
            small.read,
            ("Calibration", {}),
            small.terrain_correction(),
            ("Resample", {"targetResolution": 33, "downsampling": "Mean"}),
            ("Write", {"file": target, "formatName": "GeoTIFF-BigTIFF"}),
        )
        NativeEngine(Surroundings(orbit="none", threads=threads, block=block)).run(graph)
        found.add(target.read_bytes())
    assert len(found) == 1


def test_memory_does_not_grow_with_the_pixels() -> None:
    """A window of 512 x 512 pixels of 16 x 16 samples each, which take 268 MB as they are."""
    grid = MapGrid("EPSG:32632", 0.0, 0.0, 1.0, 1.0, 512 * 16, 512 * 16)
    source = map_product(np.ones((1, 1), np.float32), grid)
    band = replace(source.bands[0], read=lambda window: np.ones(window.shape, np.float32))
    made = apply("Resample", replace(source, bands=(band,)), targetResolution=16, downsampling="Mean")
    made.bands[0].read(made.grid.window.__class__(0, 0, 1, 1))  # compiled now
    tracemalloc.start()
    values = samples(made, "Sigma0_VV")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.all(values == 1.0)
    assert peak < 24e6


def test_order_of_work_is_that_of_the_scene(small: Small) -> None:
    steps = (small.read, small.terrain_correction())
    plain, coarse = build(*steps), build(*steps, ("Resample", {"targetResolution": 20}))
    windows = list(coarse.grid.window.tiles(32, 32))
    assert plain.order is not None and coarse.order is not None
    for window in windows:
        under = replace(
            window, row=window.row * 2, col=window.col * 2, rows=window.rows * 2, cols=window.cols * 2
        )
        assert coarse.order(window) == pytest.approx(plain.order(under), abs=20)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({}, "states none of referenceBand, targetResolution, and targetWidth with targetHeight"),
        ({"targetWidth": 3}, "needs targetWidth and targetHeight together"),
        ({"referenceBand": "Sigma0_VV", "targetResolution": 20}, "states more than one of"),
        ({"referenceBand": "B2"}, "no band 'B2'; there are Sigma0_VV"),
        ({"targetResolution": 100}, "is larger than the product, which is 60 x 40"),
    ],
)
def test_refusals(parameters: dict[str, Any], text: str) -> None:
    with pytest.raises(GraphError, match=text) as caught:
        resampled(**parameters)
    assert caught.value.exit_code == 2


def test_radar_geometry_and_sub_swaths_are_refused() -> None:
    flat = product(np.ones((3, 3), np.float32))
    with pytest.raises(GraphError, match=r"Resample needs a product on a map.*after Terrain-Correction"):
        apply("Resample", flat, targetWidth=1, targetHeight=1)
    with pytest.raises(GraphError, match="several sub-swaths"):
        apply("Resample", replace(flat, parts=(flat, flat)), referenceBand="it")


@pytest.mark.parametrize("name", ["resamplingPreset", "bandResamplings"])
def test_presets_are_refused_before_anything_runs(name: str) -> None:
    graph = chain(
        ("Read", {"file": "scene.zip"}),
        ("Resample", {"targetResolution": 20, name: "mine"}),
        ("Write", {"file": "out.tif"}),
    )
    with pytest.raises(GraphError, match=f"no {name}=mine of Resample"):
        check_capability(graph)


def test_statistics_have_names() -> None:
    """Every value of the operator table has its statistic."""
    assert set(operator._STATISTICS.values()) == set(Statistic)
    assert (
        block_values(np.ones((1, 1)), Spans.under(0, 1, 1.0, 1), Spans.under(0, 1, 1.0, 1), Statistic.MEAN)
        == 1.0
    )
