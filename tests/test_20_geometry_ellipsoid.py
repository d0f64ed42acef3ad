"""Earth-centred coordinates against PROJ and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from geometry_cases import TO_ECEF
from hypothesis import given, settings
from hypothesis import strategies as st

from s1card.geometry.ellipsoid import SEMI_MAJOR_AXIS, SEMI_MINOR_AXIS, ecef_points


def point(longitude: float, latitude: float, height: float) -> np.ndarray:
    return ecef_points(np.array([longitude]), np.array([latitude]), np.array([height]))[0]


def test_axes() -> None:
    assert point(0, 0, 0) == pytest.approx([6378137.0, 0, 0], abs=1e-9)
    assert point(90, 0, 10) == pytest.approx([0, 6378147.0, 0], abs=1e-9)
    assert point(180, 0, 0) == pytest.approx([-6378137.0, 0, 0], abs=1e-9)
    assert point(33, 90, 0) == pytest.approx([0, 0, 6356752.314245179], abs=1e-9)
    assert point(33, -90, -5) == pytest.approx([0, 0, -6356747.314245179], abs=1e-9)
    assert pytest.approx(6356752.314245179, abs=1e-9) == SEMI_MINOR_AXIS
    assert SEMI_MAJOR_AXIS == 6378137.0


@settings(deadline=None)
@given(st.floats(-360, 360), st.floats(-90, 90), st.floats(-500, 9000))
def test_against_proj(longitude: float, latitude: float, height: float) -> None:
    expected = TO_ECEF.transform(longitude, latitude, height)
    np.testing.assert_allclose(point(longitude, latitude, height), expected, rtol=0, atol=2e-8)


def test_many_points() -> None:
    rng = np.random.default_rng(1)
    places = rng.uniform([-180, -90, -500], [180, 90, 9000], (50, 3)).T
    found = ecef_points(*(np.ascontiguousarray(column) for column in places))
    assert found.shape == (50, 3)
    np.testing.assert_allclose(found, np.stack(TO_ECEF.transform(*places), axis=1), rtol=0, atol=2e-8)
