"""Map grids: pixel centres, windows, crops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s1card.geometry.map_grid import MapGrid
from s1card.window import Window

UTM = MapGrid("EPSG:32633", 300_000.0, 5_000_000.0, 10.0, 20.0, rows=200, cols=300)

grids = st.builds(
    MapGrid,
    st.just("EPSG:32633"),
    st.integers(-10_000, 90_000).map(lambda k: k * 10.0),
    st.integers(0, 900_000).map(lambda k: k * 10.0),
    st.sampled_from([0.5, 10.0, 12.5, 20.0]),
    st.sampled_from([0.5, 10.0, 12.5, 20.0]),
    st.integers(1, 500),
    st.integers(1, 500),
)


def window_inside(grid: MapGrid, fractions: tuple[float, float, float, float]) -> Window:
    rows, cols = (
        sorted(int(f * grid.rows) for f in fractions[:2]),
        sorted(int(f * grid.cols) for f in fractions[2:]),
    )
    return Window(rows[0], cols[0], rows[1] - rows[0], cols[1] - cols[0])


fractions = st.tuples(*[st.floats(0, 1)] * 4)


class TestByHand:
    def test_centres_edges_and_transform(self) -> None:
        assert UTM.x(0) == 300_005.0
        assert UTM.y(0) == 4_999_990.0
        np.testing.assert_array_equal(UTM.x(np.array([1, 299])), [300_015.0, 302_995.0])
        np.testing.assert_array_equal(UTM.y(np.array([1, 199])), [4_999_970.0, 4_996_010.0])
        assert UTM.x(-0.5) == 300_000.0
        assert UTM.bounds == (300_000.0, 4_996_000.0, 303_000.0, 5_000_000.0)
        assert UTM.transform == (10.0, 0.0, 300_000.0, 0.0, -20.0, 5_000_000.0)
        assert UTM.shape == (200, 300)
        assert UTM.window == Window(0, 0, 200, 300)

    def test_crop(self) -> None:
        cut = UTM.crop(Window(10, 20, 5, 6))
        assert cut == MapGrid("EPSG:32633", 300_200.0, 4_999_800.0, 10.0, 20.0, 5, 6)

    def test_window_of(self) -> None:
        assert UTM.window_of(300_015.0, 4_999_900.0, 300_020.0, 4_999_981.0) == Window(0, 1, 5, 1)
        # Edges on pixel borders, and within a millionth of one, take no further pixels.
        assert UTM.window_of(300_010.0, 4_999_960.0, 300_030.0, 4_999_980.0) == Window(1, 1, 1, 2)
        hair = 5e-6
        assert UTM.window_of(
            300_010.0 - hair, 4_999_960.0 - hair, 300_030.0 + hair, 4_999_980.0 + hair
        ) == Window(1, 1, 1, 2)
        assert UTM.window_of(0.0, 0.0, 1e6, 1e7) == UTM.window
        assert UTM.window_of(0.0, 0.0, 10.0, 10.0).is_empty

    @pytest.mark.parametrize(
        ("crs", "epsg", "is_geographic", "metres"),
        [
            ("EPSG:32633", 32633, False, 1.0),
            ("EPSG:4326", 4326, True, 111_319.4907932736),
            ("EPSG:2263", 2263, False, 0.3048006096),  # New York, US survey feet
        ],
    )
    def test_crs(self, crs: str, epsg: int, is_geographic: bool, metres: float) -> None:
        grid = MapGrid(crs, 0.0, 0.0, 1.0, 1.0, 1, 1)
        assert grid.epsg == epsg
        assert grid.is_geographic == is_geographic
        assert grid.metres_per_unit == pytest.approx(metres, rel=1e-9)

    def test_wkt(self) -> None:
        wkt = UTM.pyproj_crs.to_wkt()
        assert MapGrid(wkt, 0.0, 0.0, 1.0, 1.0, 1, 1).epsg == 32633


@given(grids, fractions)
def test_crop_keeps_pixels_where_they_are(grid: MapGrid, where: tuple[float, float, float, float]) -> None:
    window = window_inside(grid, where)
    cut = grid.crop(window)
    assert cut.shape == window.shape
    rows, cols = np.arange(window.rows), np.arange(window.cols)
    np.testing.assert_allclose(cut.x(cols), grid.x(cols + window.col), rtol=0, atol=1e-9)
    np.testing.assert_allclose(cut.y(rows), grid.y(rows + window.row), rtol=0, atol=1e-8)


@given(grids, fractions)
def test_window_of_the_bounds_of_a_crop_is_the_window(
    grid: MapGrid, where: tuple[float, float, float, float]
) -> None:
    window = window_inside(grid, where)
    if not window.is_empty:
        assert grid.window_of(*grid.crop(window).bounds) == window


@given(grids, fractions)
def test_window_of_covers_and_is_smallest(grid: MapGrid, where: tuple[float, float, float, float]) -> None:
    left, bottom, right, top = grid.bounds
    (x0, x1), (y0, y1) = sorted(where[:2]), sorted(where[2:])
    box = (
        left + x0 * (right - left),
        bottom + y0 * (top - bottom),
        left + x1 * (right - left),
        bottom + y1 * (top - bottom),
    )
    window = grid.window_of(*box)
    hair = 2e-6 * max(grid.spacing_x, grid.spacing_y)
    if window.is_empty:
        assert box[2] - box[0] <= hair or box[3] - box[1] <= hair
        return
    found = grid.crop(window).bounds
    outer = np.array(found) - box
    assert outer[0] <= hair
    assert outer[1] <= hair
    assert outer[2] >= -hair
    assert outer[3] >= -hair
    assert np.all(np.abs(outer[[0, 2]]) < grid.spacing_x + hair)
    assert np.all(np.abs(outer[[1, 3]]) < grid.spacing_y + hair)
