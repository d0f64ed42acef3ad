"""Slopes as bright as the radar sees them: closed forms on level ground, vectors on slopes, pixels of a scene."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import rasterio

from s1card.simulate.acquisition import plan_acquisition
from s1card.simulate.config import GrdConfig
from s1card.simulate.ellipsoid import ecef_to_geodetic, geodetic_to_ecef
from s1card.simulate.grd import simulate_grd
from s1card.simulate.slopes import beta_over_gamma, flightpath
from s1card.simulate.terrain import Heights

CONFIG = GrdConfig(lines=100, pixels=120, terrain="flat", speckle="none", targets=0)
STEP = 1.0 / 3600.0


def ratio(east: float, north: float) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Ratio on an inclined plane (m per m), and look, flight and normal in earth-centred coordinates."""
    scene = plan_acquisition(CONFIG)
    point = scene.ground(np.array([50.0]), np.array([60.0]), 100.0)[0]
    longitude, latitude, height = (float(np.ravel(v)[0]) for v in ecef_to_geodetic(point[None]))
    frame = [
        (
            geodetic_to_ecef(longitude + a, latitude + b, height)
            - geodetic_to_ecef(longitude - a, latitude - b, height)
        )
        for a, b in ((1e-5, 0.0), (0.0, 1e-5))
    ]
    lengths = [float(np.linalg.norm(v)) for v in frame]
    up = np.cross(np.ravel(frame[0]), np.ravel(frame[1]))
    normal = (
        up / np.linalg.norm(up)
        - east * np.ravel(frame[0]) / lengths[0]
        - north * np.ravel(frame[1]) / lengths[1]
    )
    j, i = np.meshgrid(np.arange(41) - 20.0, np.arange(41) - 20.0)
    per_degree = [length / 2e-5 for length in lengths]
    values = height + east * per_degree[0] * j * STEP - north * per_degree[1] * i * STEP
    heights = Heights(longitude - 20 * STEP, latitude + 20 * STEP, STEP, values.astype(np.float32))
    path = flightpath(scene)
    found = beta_over_gamma(heights, path.place[50], path.direction[50], longitude, latitude, height)
    look = path.place[50] - point
    return found, look / np.linalg.norm(look), path.direction[50], normal


def test_level_ground_is_the_cotangent() -> None:
    found, _, _, _ = ratio(0.0, 0.0)
    angle = float(plan_acquisition(CONFIG).incidence(np.array([50.0]), np.array([60.0]))[0])
    assert found == pytest.approx(1.0 / math.tan(math.radians(angle)), rel=1e-3)


@pytest.mark.parametrize(("east", "north"), [(0.3, 0.0), (-0.4, 0.1), (0.0, 0.5), (0.2, -0.3)])
def test_inclined_planes(east: float, north: float) -> None:
    found, look, flight, normal = ratio(east, north)
    assert found == pytest.approx(float(normal @ look / abs(normal @ np.cross(look, flight))), rel=2e-3)


def test_slopes_that_look_away_are_dark() -> None:
    """Ascending, looking to the right: the sensor stands in the west, and ground falling to the east by 60 degrees."""
    assert ratio(-2.5, 0.0)[0] == 0.0
    assert ratio(0.5, 0.0)[0] > ratio(0.0, 0.0)[0] > ratio(-0.5, 0.0)[0] > 0.0


def amplitudes(folder: Path, **changes: object) -> np.ndarray:
    config = GrdConfig(lines=100, pixels=120, speckle="none", targets=0, thermal_noise=False, **changes)  # type: ignore[arg-type]
    scene = simulate_grd(config, folder)
    with rasterio.open(next((scene.safe / "measurement").glob("*vv*"))) as raster:
        return np.asarray(raster.read(1), np.float64)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_pixels(tmp_path: Path) -> None:
    """Level ground looks the same either way, hills do not, and the fields stay where they are."""
    level = [amplitudes(tmp_path / f"l{s}", terrain="flat", slopes=s) for s in (False, True)]
    assert np.abs(level[0] - level[1]).max() <= 1.0
    hills = [amplitudes(tmp_path / f"h{s}", terrain="hills", slopes=s) for s in (False, True)]
    change = hills[1] / hills[0]
    assert change.min() > 0.5 and change.max() < 2.0 and np.ptp(change) > 0.05
