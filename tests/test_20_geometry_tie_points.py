"""Bilinear interpolation between tie points."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from s1card.geometry.tie_points import TiePoints

LINE, PIXEL = np.array([0.0, 10.0, 30.0]), np.array([5.0, 25.0, 26.0, 50.0])
UNEVEN = TiePoints(LINE, PIXEL, np.array([[1.0, 2.0, 5.0, 1.0], [3.0, 6.0, 5.0, 0.0], [9.0, 8.0, 1.0, 4.0]]))


def at(ties: TiePoints, line: float, pixel: float) -> float:
    return float(ties.evaluate(np.array([[line]]), np.array([[pixel]]))[0, 0])


def test_by_hand() -> None:
    assert at(UNEVEN, 0.0, 5.0) == 1.0
    assert at(UNEVEN, 30.0, 50.0) == 4.0
    assert at(UNEVEN, 10.0, 25.5) == 5.5
    # Line 5 lies halfway, pixel 10 a quarter: 1.25 above and 3.75 below.
    assert at(UNEVEN, 5.0, 10.0) == 2.5


def test_straight_on_beyond_the_outer_points() -> None:
    assert at(UNEVEN, -10.0, 5.0) == -1.0
    assert at(UNEVEN, 50.0, 5.0) == 15.0
    assert at(UNEVEN, 0.0, 74.0) == -3.0


def test_unknown_places() -> None:
    line, pixel = np.array([[np.nan, 0.0], [0.0, 10.0]]), np.array([[5.0, np.nan], [5.0, 5.0]])
    found = UNEVEN.evaluate(line, pixel)
    assert found.dtype == np.float32
    assert np.isnan(found[0]).all()
    assert found[1].tolist() == [1.0, 3.0]


@settings(deadline=None)
@given(st.floats(-20, 60), st.floats(-20, 80))
def test_plane_is_met_everywhere(line: float, pixel: float) -> None:
    plane = TiePoints(LINE, PIXEL, 2.0 + 0.5 * LINE[:, None] - 0.25 * PIXEL)
    assert np.isclose(at(plane, line, pixel), 2.0 + 0.5 * line - 0.25 * pixel, rtol=0, atol=1e-5)
