"""The geometry of simulated scenes against brute force that knows the written files only."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from numpy.polynomial.polynomial import polyval
from pyproj import Transformer
from scipy.interpolate import CubicHermiteSpline
from scipy.optimize import brentq

from s1card.errors import UsageError
from s1card.simulate import GrdConfig, SimulatedScene, simulate_grd
from s1card.simulate.acquisition import centre_incidence, plan_acquisition
from s1card.simulate.ellipsoid import ecef_to_geodetic, geodetic_to_ecef
from s1card.simulate.image_geometry import state_vectors
from s1card.simulate.orbit import CircularOrbit

LIGHT = 299_792_458.0
SMALL = GrdConfig(lines=300, pixels=400, speckle="none", targets=6)
CASES = {
    "hills ascending": replace(SMALL, terrain="hills"),
    "steep descending far": replace(SMALL, terrain="steep", ascending=False, range_position=1.0),
    "flat near across 180": replace(
        SMALL, terrain="flat", longitude=180.0, range_position=0.0, latitude=-30.0
    ),
}


@pytest.fixture(scope="module", params=list(CASES))
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SimulatedScene:
    return simulate_grd(CASES[request.param], tmp_path_factory.mktemp("scene"))


def numbers(node: etree._Element, path: str) -> np.ndarray:
    return np.array([float(text) for found in node.findall(path) for text in (found.text or "").split()])


def seconds(node: etree._Element, path: str, start: np.datetime64) -> np.ndarray:
    times = np.array([np.datetime64(found.text) for found in node.findall(path)])
    return (times - start) / np.timedelta64(1, "us") * 1e-6


def targets(scene: SimulatedScene) -> list[dict[str, float | str]]:
    with (scene.truth / "targets.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_target_truth_by_brute_force(scene: SimulatedScene) -> None:
    """Line and pixel of every target from XML, orbit file and root finding alone."""
    annotation = etree.parse(next(scene.safe.glob("annotation/*.xml"))).getroot()
    start = np.datetime64(annotation.findtext(".//productFirstLineUtcTime"))
    interval = float(annotation.findtext(".//azimuthTimeInterval") or "")
    spacing = float(annotation.findtext(".//rangePixelSpacing") or "")
    records = seconds(annotation, ".//coordinateConversion/azimuthTime", start)
    grsr = numbers(annotation, ".//grsrCoefficients").reshape(records.size, -1)
    eof = etree.parse(scene.orbit).getroot()
    utc = np.array([np.datetime64((node.text or "")[4:]) for node in eof.iter("UTC")])
    time = (utc - start) / np.timedelta64(1, "us") * 1e-6
    near = np.abs(time) < 100.0
    state = np.stack([numbers(eof, f".//OSV/{axis}") for axis in ("X", "Y", "Z", "VX", "VY", "VZ")], 1)[near]
    # A cubic Hermite spline over 10 s is off by less than 5 mm; that is 0.0005 pixel.
    orbit = CubicHermiteSpline(time[near], state[:, :3], state[:, 3:])
    to_ecef = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    listed = targets(scene)
    assert len(listed) >= 3
    for target in listed:
        place = (float(target["longitude"]), float(target["latitude"]), float(target["height"]))
        point = np.array(to_ecef.transform(*place))
        zero = brentq(lambda t, p=point: float(orbit(t, 1) @ (p - orbit(t))), -20.0, 20.0, xtol=1e-12)
        distance = float(np.linalg.norm(point - orbit(zero)))
        k = int(np.searchsorted(records, zero) - 1)
        weight = (zero - records[k]) / (records[k + 1] - records[k])
        polynomial = (1.0 - weight) * grsr[k] + weight * grsr[k + 1]
        ground = brentq(lambda g, c=polynomial, d=distance: float(polyval(g, c) - d), -1e4, 4e5, xtol=1e-9)
        assert zero / interval == pytest.approx(float(target["line"]), abs=1e-3)
        assert ground / spacing == pytest.approx(float(target["pixel"]), abs=1e-3)
        assert distance == pytest.approx(float(target["slant_range"]), abs=0.01)


def test_targets_stand_on_the_elevation_model(scene: SimulatedScene) -> None:
    with rasterio.open(scene.dem) as dem:
        heights, corner, step = dem.read(1).astype(float), dem.transform, dem.res[0]
    for target in targets(scene):
        x = (float(target["longitude"]) - corner.c) / step - 0.5
        y = (corner.f - float(target["latitude"])) / step - 0.5
        i, j = int(np.floor(y)), int(np.floor(x))
        (a, b), (c, d) = heights[i : i + 2, j : j + 2]
        u, v = x - j, y - i
        expected = (a * (1 - u) + b * u) * (1 - v) + (c * (1 - u) + d * u) * v
        assert float(target["height"]) == pytest.approx(expected, abs=1e-5)


def test_geolocation_grid(scene: SimulatedScene) -> None:
    """Tie points lie on the terrain, at the range of their pixel, seen under the annotated angles."""
    annotation = etree.parse(next(scene.safe.glob("annotation/*.xml"))).getroot()
    names = ("line", "pixel", "latitude", "longitude", "height", "slantRangeTime", "incidenceAngle")
    grid = {name: numbers(annotation, f".//geolocationGridPoint/{name}") for name in names}
    assert set(grid["pixel"]) == {float(round(k * 399 / 20)) for k in range(21)}
    assert {0.0, 299.0} <= set(grid["line"])
    start = np.datetime64(annotation.findtext(".//productFirstLineUtcTime"))
    orbit_time = seconds(annotation, ".//orbit/time", start)
    position = np.stack([numbers(annotation, f".//orbit/position/{axis}") for axis in "xyz"], axis=1)
    velocity = np.stack([numbers(annotation, f".//orbit/velocity/{axis}") for axis in "xyz"], axis=1)
    time = seconds(annotation, ".//geolocationGridPoint/azimuthTime", start)
    satellite = CubicHermiteSpline(orbit_time, position, velocity)(time)
    point = geodetic_to_ecef(grid["longitude"], grid["latitude"], grid["height"])
    distance = np.linalg.norm(point - satellite, axis=1)
    np.testing.assert_allclose(distance, grid["slantRangeTime"] * LIGHT / 2.0, atol=0.01)
    up = np.stack([np.cos(np.radians(grid["latitude"])) * np.cos(np.radians(grid["longitude"])),
                   np.cos(np.radians(grid["latitude"])) * np.sin(np.radians(grid["longitude"])),
                   np.sin(np.radians(grid["latitude"]))], axis=1)  # fmt: skip
    cosine = np.einsum("ij,ij->i", satellite - point, up) / distance
    np.testing.assert_allclose(np.degrees(np.arccos(cosine)), grid["incidenceAngle"], atol=1e-6)
    with rasterio.open(scene.dem) as dem:
        east = dem.bounds.left + (grid["longitude"] - dem.bounds.left) % 360.0
        sampled = np.array([value[0] for value in dem.sample(zip(east, grid["latitude"], strict=True))])
    # The nearest sample is up to 15 m away, on slopes up to 35 degrees.
    np.testing.assert_allclose(grid["height"], sampled, atol=20.0)


def test_orbit_file_and_annotation_agree(scene: SimulatedScene) -> None:
    """The annotated positions lie on the interpolated precise orbit, and the file covers the day."""
    annotation = etree.parse(next(scene.safe.glob("annotation/*.xml"))).getroot()
    eof = etree.parse(scene.orbit).getroot()
    utc = np.array([np.datetime64((node.text or "")[4:]) for node in eof.iter("UTC")])
    assert utc.size == 9361 == int(eof.find(".//List_of_OSVs").get("count"))
    start = np.datetime64(annotation.findtext(".//productFirstLineUtcTime"))
    time = (utc - start) / np.timedelta64(1, "us") * 1e-6
    state = np.stack([numbers(eof, f".//OSV/{axis}") for axis in ("X", "Y", "Z", "VX", "VY", "VZ")], axis=1)
    orbit = CubicHermiteSpline(time, state[:, :3], state[:, 3:])
    annotated = np.stack([numbers(annotation, f".//orbit/position/{axis}") for axis in "xyz"], axis=1)
    assert len(annotated) >= 17
    at = seconds(annotation, ".//orbit/time", start)
    np.testing.assert_allclose(orbit(at), annotated, atol=0.01)
    node = np.datetime64(annotation.findtext(".//ascendingNodeTime"))
    at_node = orbit((node - start) / np.timedelta64(1, "us") * 1e-6)
    assert abs(at_node[2]) < 0.02


@pytest.mark.parametrize("mode", ["IW", "EW", "SM"])
@pytest.mark.parametrize("position", [0.0, 1.0])
def test_polynomials_are_inverse_and_exact(mode: str, position: float) -> None:
    """Annotated polynomials agree with each other and, between two records, with the true ground range."""
    full = {"IW": 25_000, "EW": 5_000, "SM": 8_000}[mode]
    acquisition = plan_acquisition(GrdConfig(lines=900, pixels=full, mode=mode, range_position=position))
    ground = np.linspace(0.0, (full - 1) * acquisition.spacing, 400)
    slant = polyval(ground, acquisition.grsr[1])
    back = polyval(slant - acquisition.near_range, acquisition.srgr[1])
    assert np.abs(back - ground).max() < (5e-3 if mode == "EW" else 1e-3)
    line, pixel = np.full(400, 400.3), ground / acquisition.spacing
    points = acquisition.ground(line, pixel, acquisition.reference_height)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    np.testing.assert_allclose(steps, np.diff(ground), rtol=2e-5)
    assert abs(steps.sum() - ground[-1]) < 0.02


def test_full_swath_incidence() -> None:
    """25,900 pixels of 10 m reach from 30.4 to about 46 degrees, as the real swath does."""
    config = GrdConfig(lines=64, pixels=25_900)
    acquisition = plan_acquisition(config)
    near, far = acquisition.incidence(np.zeros(2), np.array([0.0, 25_899.0]))
    assert near == pytest.approx(30.3, abs=0.5)
    assert far == pytest.approx(46.1, abs=0.5)
    assert centre_incidence(replace(config, pixels=400, range_position=0.0)) == pytest.approx(30.5, abs=0.1)
    assert centre_incidence(replace(config, pixels=400, range_position=1.0)) == pytest.approx(46.0, abs=0.2)


@settings(max_examples=25, deadline=None)
@given(
    latitude=st.floats(-70.0, 70.0),
    longitude=st.floats(-180.0, 180.0),
    ascending=st.booleans(),
    position=st.floats(0.0, 1.0),
)
def test_image_positions_are_the_inverse_of_ground(
    latitude: float, longitude: float, ascending: bool, position: float
) -> None:
    config = GrdConfig(
        lines=64,
        pixels=64,
        latitude=latitude,
        longitude=longitude,
        ascending=ascending,
        range_position=position,
    )
    acquisition = plan_acquisition(config)
    line, pixel = np.array([0.0, 31.5, 63.0]), np.array([63.0, 31.5, 0.0])
    points = acquisition.ground(line, pixel, np.array([0.0, config.mean_height, 2000.0]))
    got_line, got_pixel = acquisition.image_position(points)
    np.testing.assert_allclose(got_line, line, atol=1e-6)
    np.testing.assert_allclose(got_pixel, pixel, atol=1e-6)
    lon, lat, _ = ecef_to_geodetic(points[1])
    assert lat == pytest.approx(latitude, abs=1e-6)
    assert (lon - longitude + 180.0) % 360.0 - 180.0 == pytest.approx(0.0, abs=1e-5)
    velocity, satellite = acquisition.orbit.velocity(0.0), acquisition.orbit.position(0.0)
    assert (velocity[2] > 0.0) == ascending
    assert np.dot(np.cross(velocity, satellite), points[1] - satellite) > 0.0


def test_velocity_and_acceleration_are_derivatives() -> None:
    orbit, time, step = CircularOrbit(0.3, 1.1), np.array([-40.0, 0.0, 700.0]), 0.01
    slope = (orbit.position(time + step) - orbit.position(time - step)) / (2.0 * step)
    np.testing.assert_allclose(orbit.velocity(time), slope, atol=1e-5)
    bend = (orbit.velocity(time + step) - orbit.velocity(time - step)) / (2.0 * step)
    np.testing.assert_allclose(orbit.acceleration(time), bend, atol=1e-7)


def test_geodetic_conversion_against_proj() -> None:
    places = np.array([[10.8, 45.25, 137.0], [-179.9, -69.0, 4000.0], [0.0, 0.0, -50.0]])
    expected = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True).transform(*places.T)
    position = geodetic_to_ecef(*places.T)
    np.testing.assert_allclose(position, np.stack(expected, axis=-1), atol=1e-8)
    longitude, latitude, height = ecef_to_geodetic(position)
    np.testing.assert_allclose(longitude, places[:, 0], atol=1e-12)
    np.testing.assert_allclose(latitude, places[:, 1], atol=1e-12)
    np.testing.assert_allclose(height, places[:, 2], atol=1e-8)


def test_annotated_orbit_error() -> None:
    """The error moves the annotated positions along track, right and up, and nothing else."""
    acquisition = plan_acquisition(SMALL)
    true = state_vectors(acquisition, (0.0, 0.0, 0.0))
    moved = state_vectors(acquisition, (3.0, -4.0, 12.0))
    offset = moved.position - true.position
    np.testing.assert_allclose(np.linalg.norm(offset, axis=1), 13.0, atol=1e-4)
    along = true.velocity / np.linalg.norm(true.velocity, axis=1, keepdims=True)
    np.testing.assert_allclose(np.einsum("ij,ij->i", offset, along), 3.0, atol=1e-4)
    upward = true.position / np.linalg.norm(true.position, axis=1, keepdims=True)
    np.testing.assert_allclose(np.einsum("ij,ij->i", offset, upward), 12.0, atol=0.05)
    np.testing.assert_array_equal(true.velocity, moved.velocity)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"mode": "WV"}, "unknown mode"),
        ({"polarizations": ("VH", "VV")}, "do not occur together"),
        ({"date": "soon"}, "not a date"),
        ({"latitude": 85.0}, "latitude 85.0 is outside"),
        ({"ipf": "3"}, "not of the form"),
        ({"lines": 10}, "lines 10 is outside"),
    ],
)
def test_wrong_choices(choice: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        GrdConfig(**choice)  # type: ignore[arg-type]
    assert caught.value.exit_code == 2


def test_product_that_is_there_already(tmp_path: Path) -> None:
    config = GrdConfig(lines=64, pixels=64, terrain="flat", dem_spacing=10.0, speckle="none", targets=0)
    first = simulate_grd(config, tmp_path)
    with pytest.raises(UsageError, match="there already"):
        simulate_grd(config, tmp_path)
    assert [path.name for path in tmp_path.glob("*.SAFE")] == [first.safe.name]
    assert not list(tmp_path.glob(".*partial"))
