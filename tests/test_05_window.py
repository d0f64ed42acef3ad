"""Windows: their algebra holds for all rectangles."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from s1card.window import Window

windows = st.builds(
    Window, st.integers(-40, 40), st.integers(-40, 40), st.integers(0, 30), st.integers(0, 30)
)


def samples(window: Window) -> set[tuple[int, int]]:
    return {
        (row, col)
        for row in range(window.row, window.row + window.rows)
        for col in range(window.col, window.col + window.cols)
    }


def test_by_hand() -> None:
    window = Window(3, 5, 4, 2)
    assert window.shape == (4, 2)
    assert (window.row_end, window.col_end) == (7, 7)
    assert window.moved(-3, 10) == Window(0, 15, 4, 2)
    assert window.intersection(Window(5, 0, 10, 6)) == Window(5, 5, 2, 1)
    assert not window.is_empty
    assert Window(3, 5, 0, 2).is_empty
    assert Window(3, 5, 4, 0).is_empty
    assert window.slices_in(Window(1, 4, 9, 9)) == (slice(2, 6), slice(1, 3))
    assert list(Window(10, 20, 3, 5).tiles(2, 4)) == [
        Window(10, 20, 2, 4),
        Window(10, 24, 2, 1),
        Window(12, 20, 1, 4),
        Window(12, 24, 1, 1),
    ]


@given(windows, windows)
def test_intersection_is_that_of_the_samples(a: Window, b: Window) -> None:
    common = a.intersection(b)
    assert samples(common) == samples(a) & samples(b)
    assert samples(b.intersection(a)) == samples(common)
    assert common.rows >= 0
    assert common.cols >= 0


@given(windows)
def test_intersection_with_itself(a: Window) -> None:
    assert a.intersection(a) == a


@given(windows, st.integers(-50, 50), st.integers(-50, 50))
def test_moved_there_and_back(a: Window, rows: int, cols: int) -> None:
    assert a.moved(rows, cols).moved(-rows, -cols) == a
    assert samples(a.moved(rows, cols)) == {(r + rows, c + cols) for r, c in samples(a)}


@given(windows, windows)
def test_slices_cut_the_right_samples(a: Window, outer: Window) -> None:
    inner = a.intersection(outer)
    if inner.is_empty:
        return
    row, col = np.meshgrid(
        np.arange(outer.row, outer.row_end), np.arange(outer.col, outer.col_end), indexing="ij"
    )
    cut = inner.slices_in(outer)
    assert row[cut].shape == inner.shape
    assert set(zip(row[cut].ravel().tolist(), col[cut].ravel().tolist(), strict=True)) == samples(inner)


@given(windows, st.integers(1, 12), st.integers(1, 12))
def test_tiles_cover_each_sample_once(a: Window, rows: int, cols: int) -> None:
    tiles = list(a.tiles(rows, cols))
    covered = [sample for tile in tiles for sample in sorted(samples(tile))]
    assert len(covered) == len(set(covered))
    assert set(covered) == samples(a)
    for tile in tiles:
        assert tile.rows <= rows
        assert tile.cols <= cols
        assert not tile.is_empty
        assert (tile.row - a.row) % rows == 0
        assert (tile.col - a.col) % cols == 0
    assert tiles == sorted(tiles)
