"""Places of the terrain that radar samples see, against the simulator's own geometry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from geometry_cases import View, ecef
from rasterio import Affine

from s1card.geometry.dem import Dem
from s1card.geometry.ground_points import Place, terrain_place
from s1card.simulate.config import GrdConfig

SCENE = View(GrdConfig(lines=4_000, pixels=25_000))
CORNERS = [(0.0, 0.0), (0.0, 24_999.0), (3_999.0, 0.0), (3_999.0, 24_999.0)]
MIDDLE = Place(SCENE.config.longitude, SCENE.config.latitude)


def ground(tmp_path: Path, slope: float, west: float = -2.5, east: float = 2.5) -> Dem:
    """An inclined plane around the scene: ``slope`` m of height per degree of longitude."""
    step = 0.005
    cols = round((east - west) / step)
    x = west + (np.arange(cols) + 0.5) * step
    height = np.broadcast_to((1500.0 + slope * x).astype(np.float32), (600, cols))
    transform = Affine(step, 0, MIDDLE.longitude + west, 0, -step, MIDDLE.latitude + 1.5)
    size = {"height": 600, "width": cols, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    path = tmp_path / "dem.tif"
    with rasterio.open(path, "w", driver="GTiff", transform=transform, **size) as dataset:
        dataset.write(height, 1)
    return Dem.open(path, "ellipsoid")


@pytest.mark.parametrize("slope", [0.0, 400.0, -400.0])
@pytest.mark.parametrize("sample", CORNERS)
def test_the_terrain_that_a_corner_sees(sample: tuple[float, float], slope: float, tmp_path: Path) -> None:
    """The simulator sees that place, at the height of the terrain, in that sample to a tenth of a metre."""
    dem = ground(tmp_path, slope)
    place = terrain_place(SCENE.radar, SCENE.orbit, dem, sample, MIDDLE)
    assert place is not None
    height = 1500.0 + slope * (place.longitude - MIDDLE.longitude)
    point = ecef(place.longitude, place.latitude, height)
    line, pixel = SCENE.acquisition.image_position(point[None])
    assert float(line[0]) == pytest.approx(sample[0], abs=1e-3)
    assert float(pixel[0]) == pytest.approx(sample[1], abs=0.2)  # the search ends within a metre of height


def test_no_place_where_there_is_no_terrain(tmp_path: Path) -> None:
    dem = ground(tmp_path, 0.0, east=0.0)
    seen = [terrain_place(SCENE.radar, SCENE.orbit, dem, sample, MIDDLE) for sample in CORNERS]
    assert [place is None for place in seen] in ([True, False] * 2, [False, True] * 2)


def test_no_place_in_a_grid_that_the_orbit_does_not_see(tmp_path: Path) -> None:
    """Slant ranges shorter than the sensor is high meet no ground."""
    axis = replace(SCENE.radar.range_axis, coefficients=SCENE.radar.range_axis.coefficients * 0.5)
    radar = replace(SCENE.radar, range_axis=axis)
    assert terrain_place(radar, SCENE.orbit, ground(tmp_path, 0.0), CORNERS[0], MIDDLE) is None
