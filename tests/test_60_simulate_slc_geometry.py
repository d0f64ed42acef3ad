"""The geometry of simulated SLC pairs against brute force that knows the written files only."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from scipy.interpolate import CubicHermiteSpline
from scipy.optimize import brentq
from simulate_slc_cases import (
    LIGHT,
    SlcImage,
    annotated_orbit,
    open_image,
    precise_orbit,
    read_targets,
    seconds,
)

from s1card.errors import UsageError
from s1card.simulate import SimulatedPair, SlcPairConfig, open_truth, simulate_slc_pair
from s1card.simulate.ground import meet_terrain, on_terrain
from s1card.simulate.slc.flights import perpendicular_baseline, scene_centre
from s1card.simulate.slc.passes import plan_pair

CYCLE = 2.758273
CONFIG = SlcPairConfig(
    bursts=2, samples=400, baseline=140.0, missync=-1.3, range_shift=4.25, terrain="mountains", targets=1,
    dem_spacing=3.0, polarizations=("VV",), thermal_noise=False,
)  # fmt: skip
TO_ECEF = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pair")


@pytest.fixture(scope="module")
def pair(folder: Path) -> SimulatedPair:
    return simulate_slc_pair(CONFIG, folder)


def look(orbit: CubicHermiteSpline, point: np.ndarray) -> tuple[float, float]:
    """Zero-Doppler time and slant range of a point (3), by root finding."""
    time = brentq(lambda t: float(orbit(t, 1) @ (point - orbit(t))), -30.0, 30.0, xtol=1e-12)
    return time, float(np.linalg.norm(point - orbit(time)))


def start_of(image: SlcImage, burst: int, epoch: np.datetime64) -> float:
    return seconds(image.time(image.bursts[burst], "azimuthTime") - epoch)


@pytest.mark.parametrize("date", [0, 1])
def test_targets_by_brute_force(pair: SimulatedPair, date: int) -> None:
    """Line and pixel of every target from XML, orbit file and root finding alone."""
    safe = (pair.reference, pair.secondary)[date][0]
    listed = [t for t in read_targets(pair.truth) if t["date"] == ("reference", "secondary")[date]]
    assert {(t["swath"], t["burst"]) for t in listed} == {
        (swath, burst) for swath in CONFIG.swaths for burst in "01"
    }
    images = {swath: open_image(safe, swath, "VV") for swath in CONFIG.swaths}
    epoch = np.datetime64(images["IW1"].text("productFirstLineUtcTime"))
    orbit = precise_orbit(pair.orbits[date], epoch)
    for target in listed:
        image = images[target["swath"]]
        place = (float(target[name]) for name in ("longitude", "latitude", "height"))
        time, distance = look(orbit, np.array(TO_ECEF.transform(*place)))
        line = (time - start_of(image, int(target["burst"]), epoch)) / image.interval
        pixel = (2.0 * distance / LIGHT - float(image.text("slantRangeTime"))) * image.sampling
        assert line == pytest.approx(float(target["line_in_burst"]), abs=2e-3)
        assert pixel == pytest.approx(float(target["pixel"]), abs=3e-3)
        assert distance == pytest.approx(float(target["slant_range"]), abs=0.006)
    overlaps = [name for name in {t["name"] for t in listed} if sum(t["name"] == name for t in listed) > 1]
    assert len(overlaps) >= 2


def test_perpendicular_baseline(pair: SimulatedPair) -> None:
    """From the orbit files: the offset of the satellites across the line of sight to the scene centre."""
    centre = np.array(TO_ECEF.transform(CONFIG.longitude, CONFIG.latitude, CONFIG.mean_height))
    positions, velocities = [], []
    for safe, path in zip((pair.reference[0], pair.secondary[0]), pair.orbits, strict=True):
        image = open_image(safe, "IW2", "VV")
        orbit = precise_orbit(path, np.datetime64(image.text("productFirstLineUtcTime")))
        time, _ = look(orbit, centre)
        positions.append(orbit(time))
        velocities.append(orbit(time, 1))
    sight = (centre - positions[0]) / np.linalg.norm(centre - positions[0])
    offset = positions[1] - positions[0]
    upward = np.cross(sight, velocities[0])
    upward /= np.linalg.norm(upward)
    assert upward @ positions[0] > 0.0
    assert offset @ upward == pytest.approx(140.0, abs=0.05)
    facts = json.loads((pair.truth / "scene.json").read_text(encoding="utf-8"))
    assert facts["perpendicular_baseline"] == pytest.approx(140.0, abs=1e-4)


@pytest.mark.parametrize("baseline", [-500.0, 0.0, 37.5, 900.0])
def test_wanted_baselines(baseline: float) -> None:
    config = replace(CONFIG, baseline=baseline)
    plan = plan_pair(config)
    orbits = plan.reference.flight.orbit, plan.secondary.flight.orbit
    assert perpendicular_baseline(*orbits, scene_centre(config)) == pytest.approx(baseline, abs=1e-4)


@pytest.mark.parametrize(
    ("platform", "other", "days"),
    [("S1A", "S1A", 12), ("S1B", "S1A", 6), ("S1D", "S1C", 6), ("S1C", "S1A", 18), ("S1A", "S1D", 6)],
)
def test_platforms_share_their_track(platform: str, other: str, days: int) -> None:
    plan = plan_pair(replace(CONFIG, platform=platform, secondary_platform=other, days=days))
    reference, secondary = plan.reference.flight, plan.secondary.flight
    assert (reference.platform, secondary.platform) == (platform, other)
    assert reference.numbers.relative_orbit == secondary.numbers.relative_orbit
    assert reference.epoch - secondary.epoch == np.timedelta64(days, "D")
    assert [b.burst_id for b in plan.reference.images("IW1")[0].bursts] == [
        b.burst_id for b in plan.secondary.images("IW1")[0].bursts
    ]
    if platform == other:
        assert reference.numbers.absolute_orbit - secondary.numbers.absolute_orbit == 175


def test_coregistration_by_brute_force(pair: SimulatedPair, folder: Path) -> None:
    """Places on the elevation model, seen from both orbit files, are where the truth has them in both dates."""
    truth, swath, burst = open_truth(folder), "IW2", 1
    images = [open_image(safe, swath, "VV") for safe in (pair.reference[0], pair.secondary[0])]
    epochs = [np.datetime64(image.text("productFirstLineUtcTime")) for image in images]
    orbits = [precise_orbit(path, epoch) for path, epoch in zip(pair.orbits, epochs, strict=True)]
    line, pixel = np.meshgrid(np.linspace(60.5, 1444.3, 6), np.linspace(12.2, 400.7, 5), indexing="ij")
    found = truth.coregistration(swath, burst, line, pixel)
    view = truth.plan.reference.burst(swath, burst).view
    points = view.ground(line, pixel, found.height)
    back = Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)
    with rasterio.open(pair.dem) as dem:
        heights, corner, step = dem.read(1).astype(float), dem.transform, dem.res[0]
    for place in np.ndindex(line.shape):
        longitude, latitude, height = back.transform(*points[place])
        x, y = (longitude - corner.c) / step - 0.5, (corner.f - latitude) / step - 0.5
        i, j = int(y), int(x)
        (a, b), (c, d) = heights[i : i + 2, j : j + 2]
        terrain = (a * (j + 1 - x) + b * (x - j)) * (i + 1 - y) + (c * (j + 1 - x) + d * (x - j)) * (y - i)
        assert height == pytest.approx(terrain, abs=0.01)
        seen = [look(orbit, points[place]) for orbit in orbits]
        at = [
            (
                (time - start_of(image, burst, epoch)) / image.interval,
                (2.0 * distance / LIGHT - float(image.text("slantRangeTime"))) * image.sampling,
            )
            for (time, distance), image, epoch in zip(seen, images, epochs, strict=True)
        ]
        assert at[0] == pytest.approx((line[place], pixel[place]), abs=3e-3)
        assert at[1] == pytest.approx((found.line[place], found.pixel[place]), abs=3e-3)
        turn = 4.0 * np.pi / images[0].wavelength * (seen[1][1] - seen[0][1])
        # Two splines through vectors rounded to micrometres and 10 s apart: 1 mm is 0.2 rad.
        assert found.phase[place] == pytest.approx(turn, abs=0.3)
    moved = found.line - line
    assert np.abs(moved - CONFIG.missync).max() < 0.1
    assert np.ptp(found.pixel - pixel) > 0.05


@pytest.mark.parametrize("date", [0, 1])
def test_burst_timing(pair: SimulatedPair, date: int) -> None:
    """Bursts follow the beat of the antenna on one grid of lines; they overlap in azimuth, sub-swaths in range."""
    safe = (pair.reference, pair.secondary)[date][0]
    images = [open_image(safe, swath, "VV") for swath in CONFIG.swaths]
    epoch = images[0].time(images[0].bursts[0], "azimuthTime")
    node = np.datetime64(images[0].text("ascendingNodeTime"))
    places = []
    for image in images:
        starts = [start_of(image, k, epoch) for k in range(2)]
        lines = np.array(starts) / image.interval
        assert np.abs(lines - np.round(lines)).max() < 5e-4
        for k, (one, other) in enumerate(pairwise(starts)):
            assert other - one == pytest.approx(CYCLE, abs=image.interval)
            valid = [np.flatnonzero(image.valid(k + n)[0] >= 0) for n in (0, 1)]
            common = valid[0][-1] - (round((other - one) / image.interval) + valid[1][0]) + 1
            assert 0.06 < common / image.lines < 0.12
        for k, burst in enumerate(image.bursts):
            since_node = float(burst.findtext("azimuthAnxTime"))
            assert since_node == pytest.approx(starts[k] + seconds(epoch - node), abs=2e-6)
            first, last = image.valid(k)
            assert first.size == last.size == image.lines
            valid = np.flatnonzero(first >= 0)
            assert 20 <= valid[0] <= 33
            assert 18 <= image.lines - 1 - valid[-1] <= 32
            assert ((first < 0) == (last < 0)).all()
            assert (first[valid] > 0).all()
            assert (last[valid] < image.pixels - 1).all()
        places.append(
            (
                float(image.text("slantRangeTime")) + image.valid(0)[0].max() / image.sampling,
                float(image.text("slantRangeTime")) + image.valid(0)[1].max() / image.sampling,
            )
        )
    for (_, far), (near, _) in pairwise(places):
        assert 35 <= (far - near) * images[0].sampling <= 50
    samples = np.array([float(image.text("slantRangeTime")) for image in images]) * images[0].sampling
    assert np.abs(np.diff(samples) - np.round(np.diff(samples))).max() < 1e-4


def test_two_searches_of_the_terrain_agree(folder: Path, pair: SimulatedPair) -> None:
    truth = open_truth(folder)
    view = truth.plan.reference.burst("IW1", 1).view
    line, pixel = np.linspace(0.0, 1500.0, 50), np.linspace(390.0, 3.0, 50)
    damped = on_terrain(view, truth.heights, line, pixel, CONFIG.mean_height)
    secants = meet_terrain(view, truth.heights, line, pixel, CONFIG.mean_height)
    np.testing.assert_allclose(secants[1], damped[1], atol=1e-4)
    np.testing.assert_allclose(secants[0], damped[0], atol=1e-3)


def test_burst_ids(pair: SimulatedPair) -> None:
    """ESA's numbers of bursts: the same in all sub-swaths and both dates, one more from burst to burst."""
    numbers = {
        (safe.name[:3], swath): [
            int(node.text) for node in open_image(safe, swath, "VV").root.iter("burstId")
        ]
        for safe in (pair.reference[0], pair.secondary[0])
        for swath in CONFIG.swaths
    }
    first = numbers["S1B", "IW1"]
    assert first == [first[0], first[0] + 1]
    assert all(found == first for found in numbers.values())
    image = open_image(pair.reference[0], "IW2", "VV")
    half = 0.5 * image.lines * image.interval
    relative = json.loads((pair.truth / "scene.json").read_text(encoding="utf-8"))["relative_orbits"][0]
    elapsed = float(image.bursts[0].findtext("azimuthAnxTime")) + half + (relative - 1) * 12 * 86400 / 175
    assert first[0] == 1 + int((elapsed - 2.299849) // CYCLE)


@pytest.mark.parametrize("swath", ["IW1", "IW3"])
def test_lists_begin_before_the_first_burst(pair: SimulatedPair, swath: str) -> None:
    """Entry k of the lists does not belong to burst k; FM rates have the size that the orbit gives them."""
    image = open_image(pair.reference[0], swath, "VV")
    half = np.timedelta64(round(0.5e6 * image.lines * image.interval), "us")
    for path, polynomial in (
        ("azimuthFmRate", "azimuthFmRatePolynomial"),
        ("dcEstimate", "dataDcPolynomial"),
    ):
        entries = image.root.findall(f".//{path}")
        assert len(entries) == len(image.bursts) + 2
        times = [image.time(entry, "azimuthTime") for entry in entries]
        assert times[0] < image.time(image.bursts[0], "azimuthTime")
        for k, burst in enumerate(image.bursts):
            middle = image.time(burst, "azimuthTime") + half
            assert int(np.argmin(np.abs(np.array(times) - middle))) == k + 1
        values = np.array([entry.findtext(polynomial).split()[0] for entry in entries], float)
        assert len(set(values)) == len(values)
        if path == "dcEstimate":
            assert np.abs(np.diff(values)).max() > 3.0
    epoch = image.time(image.bursts[1], "azimuthTime")
    orbit = annotated_orbit(image.root, epoch)
    time = 0.5 * image.lines * image.interval
    origin, rate = image.nearest("azimuthFmRate", "azimuthFmRatePolynomial", 1)
    distance = origin * LIGHT / 2.0
    speed = np.linalg.norm(orbit(time, 1))
    ground_speed = speed * 6.371e6 / np.linalg.norm(orbit(time))
    assert rate[0] == pytest.approx(-2.0 * speed * ground_speed / image.wavelength / distance, rel=0.02)


def test_geolocation_grid(pair: SimulatedPair) -> None:
    """Rows at the first line of every burst and at the last line; points at the range of their pixel."""
    image = open_image(pair.reference[0], "IW3", "VV")
    points = image.root.findall(".//geolocationGridPoint")

    def column(name: str) -> np.ndarray:
        return np.array([float(point.findtext(name)) for point in points]).reshape(3, 21)

    assert column("line")[:, 0].tolist() == [0, image.lines, 2 * image.lines - 1]
    assert column("pixel")[0, [0, -1]].tolist() == [0, image.pixels - 1]
    epoch = image.time(image.bursts[0], "azimuthTime")
    time = np.array([seconds(image.time(point, "azimuthTime") - epoch) for point in points]).reshape(3, 21)
    for k in range(2):
        np.testing.assert_allclose(time[k], start_of(image, k, epoch), atol=2e-6)
    satellite = annotated_orbit(image.root, epoch)(time)
    ground = np.stack(TO_ECEF.transform(*(column(n) for n in ("longitude", "latitude", "height"))), axis=-1)
    distance = np.linalg.norm(ground - satellite, axis=-1)
    np.testing.assert_allclose(distance, column("slantRangeTime") * LIGHT / 2.0, atol=0.01)
    expected = float(image.text("slantRangeTime")) + column("pixel") / image.sampling
    np.testing.assert_allclose(column("slantRangeTime"), expected, atol=1e-13)


def test_annotated_orbit_error(tmp_path: Path) -> None:
    """The annotated vectors are moved, the precise orbit is not."""
    moved = replace(
        CONFIG, swaths=("IW1",), bursts=1, targets=0, terrain="flat", annotation_orbit_error=(3.0, -4.0, 12.0)
    )
    found = simulate_slc_pair(moved, tmp_path)
    for safe, path in zip((found.reference[0], found.secondary[0]), found.orbits, strict=True):
        image = open_image(safe, "IW1", "VV")
        epoch = np.datetime64(image.text("productFirstLineUtcTime"))
        offset = annotated_orbit(image.root, epoch)(1.0) - precise_orbit(path, epoch)(1.0)
        assert np.linalg.norm(offset) == pytest.approx(13.0, abs=0.01)


def test_across_the_antimeridian(tmp_path: Path) -> None:
    config = replace(CONFIG, swaths=("IW1",), bursts=1, longitude=179.99, latitude=-30.0, terrain="hills")
    found = simulate_slc_pair(config, tmp_path)
    assert np.abs(open_image(found.reference[0], "IW1", "VV").samples(0)).mean() > 5.0
    longitude = np.array([float(target["longitude"]) for target in read_targets(found.truth)])
    assert ((longitude > 179.0) & (longitude < 181.0)).all()


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"swaths": ("IW2", "IW1")}, "once each"),
        ({"swaths": ("IW4",)}, "unknown sub-swath"),
        ({"days": 7}, "not on the track"),
        ({"secondary_platform": "S1B"}, "not on the track"),
        ({"samples": 100}, "samples 100 is outside"),
        ({"bursts": 1, "slices": 2}, "slices 2 is outside"),
        ({"fault": "bad-mood"}, "unknown fault"),
        ({"fault": "missing-polarization"}, "where there is one"),
        ({"fault": "other-subswaths", "swaths": ("IW1",)}, "where there is one"),
        ({"missync": 500.0}, "mis-synchronisation"),
        ({"terrain": "abyss"}, "unknown terrain"),
    ],
)
def test_wrong_choices(choice: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        replace(CONFIG, **choice)  # type: ignore[arg-type]
    assert caught.value.exit_code == 2


def test_mountains_do_not_fold() -> None:
    """2000 m of relief and slopes below 30 degrees, which the steepest sight, 29 degrees, just sees."""
    lengths, heights = np.array([(14000, 520), (10700, 300), (8300, 130), (5300, 50)], float).T
    assert 2.0 * heights.sum() == 2000.0
    assert np.degrees(np.arctan((2.0 * np.pi * heights / lengths).sum())) < 29.7
