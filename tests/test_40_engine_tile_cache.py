"""How rasters that are dear to compute are cut into tiles."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from s1card.engine.native.tile_cache import Tiling
from s1card.window import Window

SIZES = st.integers(1, 40)


@st.composite
def tilings(draw: st.DrawFn) -> Tiling:
    shape = draw(SIZES), draw(SIZES)
    cuts = draw(st.lists(st.integers(0, shape[0]), max_size=3))
    return Tiling(shape, draw(SIZES), draw(SIZES), draw(SIZES), tuple(cuts))


def all_tiles(tiling: Tiling) -> list[Window]:
    return [tiling.tile(index) for index in tiling.over(Window(0, 0, *tiling.shape))]


@given(tilings())
def test_every_sample_lies_in_one_tile(tiling: Tiling) -> None:
    count = np.zeros(tiling.shape, int)
    for tile in all_tiles(tiling):
        count[tile.slices_in(Window(0, 0, *tiling.shape))] += 1
        assert 0 < tile.rows <= tiling.rows and 0 < tile.cols <= tiling.cols
    assert (count == 1).all()


@given(tilings())
def test_no_tile_lies_across_a_burst_or_a_cut(tiling: Tiling) -> None:
    borders = [*range(0, tiling.shape[0], tiling.period), *tiling.cuts]
    assert not any(tile.row < border < tile.row_end for tile in all_tiles(tiling) for border in borders)


@given(tilings(), st.data())
def test_tiles_over_a_window_are_those_that_touch_it(tiling: Tiling, data: st.DataObject) -> None:
    (row, row_end), (col, col_end) = (
        sorted(data.draw(st.lists(st.integers(0, size), min_size=2, max_size=2, unique=True)))
        for size in tiling.shape
    )
    window = Window(row, col, row_end - row, col_end - col)
    touching = [tile for tile in all_tiles(tiling) if not tile.intersection(window).is_empty]
    assert [tiling.tile(index) for index in tiling.over(window)] == touching


def test_tiles_between_two_borders_are_about_equal() -> None:
    """A thin one would be dear: what is computed around a tile is as high whatever the tile is."""
    edges = Tiling((1500, 10), 1500, 128, cuts=(80, 1425)).edges
    assert edges[:2] == [0, 80] and edges[-2:] == [1425, 1500]
    assert {last - first for first, last in pairwise(edges[1:-1])} == {123, 115}
