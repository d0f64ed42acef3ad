"""The pixels of simulated scenes: backscatter, noise, speckle, targets, borders, and that cutting the work is free."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from lxml import etree
from scipy.interpolate import RegularGridInterpolator

from s1card.simulate import GrdConfig, SimulatedScene, simulate_grd
from s1card.simulate.acquisition import plan_acquisition
from s1card.simulate.ellipsoid import ecef_to_geodetic, geodetic_to_ecef
from s1card.simulate.grd import make_world
from s1card.simulate.ground import ground_line, make_ties
from s1card.simulate.hashing import gamma_table, gamma_variate, mix, stream, uniform

PLAIN = GrdConfig(
    lines=300, pixels=400, terrain="flat", speckle="none", thermal_noise=False, targets=0, dem_spacing=5.0
)


def read(scene: SimulatedScene, polarization: str) -> np.ndarray:
    with rasterio.open(next(scene.safe.glob(f"measurement/*-{polarization.lower()}-*.tiff"))) as raster:
        return raster.read(1)


def document(scene: SimulatedScene, pattern: str) -> etree._Element:
    return etree.parse(next(scene.safe.glob(pattern))).getroot()


def texts(node: etree._Element, path: str) -> np.ndarray:
    return np.array([float(text) for found in node.findall(path) for text in (found.text or "").split()])


def annotated_gamma(scene: SimulatedScene, shape: tuple[int, int]) -> np.ndarray:
    """Gamma look-up values of all pixels, from the XML alone."""
    root = document(scene, "annotation/calibration/calibration-*-vv-*.xml")
    lines = texts(root, ".//calibrationVector/line")
    pixels = texts(root.find(".//calibrationVector"), "pixel")
    values = texts(root, ".//calibrationVector/gamma").reshape(lines.size, pixels.size)
    grid = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    return RegularGridInterpolator((lines, pixels), values)(tuple(grid))


def annotated_noise(scene: SimulatedScene, polarization: str, shape: tuple[int, int]) -> np.ndarray:
    """Noise power of all pixels, from the XML alone."""
    root = document(scene, f"annotation/calibration/noise-*-{polarization.lower()}-*.xml")
    lines = texts(root, ".//noiseRangeVector/line")
    pixels = texts(root.find(".//noiseRangeVector"), "pixel")
    values = texts(root, ".//noiseRangeVector/noiseRangeLut").reshape(lines.size, pixels.size)
    grid = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    power = RegularGridInterpolator((lines, pixels), values)(tuple(grid))
    for block in root.iter("noiseAzimuthVector"):
        first, last = int(block.findtext("firstRangeSample")), int(block.findtext("lastRangeSample"))
        factor = np.interp(np.arange(shape[0]), texts(block, "line"), texts(block, "noiseAzimuthLut"))
        power[:, first : last + 1] *= factor[:, None]
    return power


def ground_of_pixels(scene: SimulatedScene, shape: tuple[int, int]) -> np.ndarray:
    """Longitude and latitude of all pixels by spline of the annotated tie points (flat ground)."""
    root = document(scene, "annotation/*.xml")
    line, pixel = (np.unique(texts(root, f".//geolocationGridPoint/{name}")) for name in ("line", "pixel"))
    grid = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    places = []
    for name in ("longitude", "latitude"):
        values = texts(root, f".//geolocationGridPoint/{name}").reshape(line.size, pixel.size)
        places.append(RegularGridInterpolator((line, pixel), values)(tuple(grid)))
    return np.stack(places)


def test_fields_have_their_backscatter(tmp_path: Path) -> None:
    """Without noise and speckle, DN**2 / K**2 is the gamma0 of the polygon that a pixel's ground lies in."""
    scene = simulate_grd(PLAIN, tmp_path)
    number = read(scene, "VV").astype(float)
    gamma0 = number**2 / annotated_gamma(scene, number.shape) ** 2
    longitude, latitude = ground_of_pixels(scene, number.shape)
    fields = pyogrio.raw.read(scene.truth / "fields.gpkg")
    names = list(fields[0]["fields"])
    truth = dict(zip(names, fields[3], strict=True))
    assert {"id", "class", "gamma0_VV", "gamma0_VV_db", "gamma0_VH", "gamma0_VH_db"} <= set(names)
    np.testing.assert_allclose(truth["gamma0_VV_db"], 10.0 * np.log10(truth["gamma0_VV"]), atol=1e-12)
    assert len(np.unique(truth["id"])) == truth["id"].size
    polygons = shapely.from_wkb(fields[2])
    # The tie points are interpolated linearly over 15 lines: keep 2 m from every edge.
    inner = shapely.buffer(polygons, -2.0 / 80_000.0)
    pixel, field = (
        shapely.STRtree(inner)
        .query(shapely.points(longitude.ravel(), latitude.ravel()), predicate="within")
        .reshape(2, -1)
    )
    assert pixel.size > 0.85 * number.size
    assert np.unique(pixel).size == pixel.size
    # Rounding an amplitude of 15 or more is off by at most 0.5 / 15 of it.
    error = np.sqrt(gamma0.ravel()[pixel] / truth["gamma0_VV"][field]) - 1.0
    assert np.abs(error).max() < 0.5 / 14.0
    assert abs(error.mean()) < 1e-3
    assert len(np.unique(truth["class"][field])) >= 8


def test_ground_of_pixels_on_steep_terrain() -> None:
    """The fast search meets the terrain where the exact geometry does; layover is rare and may go elsewhere."""
    config = GrdConfig(lines=200, pixels=300, terrain="steep", targets=0, range_position=0.0)
    acquisition = plan_acquisition(config)
    world = make_world(config, acquisition)
    ties = make_ties(acquisition, world.terrain.span)
    longitude, latitude, found, misses = np.empty(300), np.empty(300), np.empty(300), []
    for line in (0, 77, 199):
        ground_line(ties, world.heights, line, longitude, latitude, found)
        x = (longitude - world.grid.left) / world.grid.spacing_x - 0.5
        y = (world.grid.top - latitude) / world.grid.spacing_y - 0.5
        nodes = tuple(np.arange(n) for n in world.heights.values.shape)
        height = RegularGridInterpolator(nodes, world.heights.values)(np.stack([y, x], axis=-1))
        assert np.percentile(np.abs(found - height), 97.0) < 0.03
        got = acquisition.image_position(geodetic_to_ecef(longitude, latitude, height))
        misses.append(np.hypot(got[0] - line, got[1] - np.arange(300)))
    assert np.percentile(np.concatenate(misses), 97.0) < 0.03


def test_tie_points_reproduce_the_exact_geometry() -> None:
    config = replace(PLAIN, lines=500, pixels=700, height=300.0)
    acquisition = plan_acquisition(config)
    world = make_world(config, acquisition)
    ties = make_ties(acquisition, world.terrain.span)
    longitude, latitude, height = np.empty(700), np.empty(700), np.empty(700)
    ground_line(ties, world.heights, 333, longitude, latitude, height)
    np.testing.assert_allclose(height, config.mean_height, atol=0.02)
    points = acquisition.ground(np.full(700, 333.0), np.arange(700.0), 300.0)
    exact_longitude, exact_latitude, _ = ecef_to_geodetic(points)
    np.testing.assert_allclose(longitude, exact_longitude, atol=3e-7)  # 3 cm
    np.testing.assert_allclose(latitude, exact_latitude, atol=3e-7)


def test_noise_and_speckle(tmp_path: Path) -> None:
    """Power is gamma distributed around signal + annotated noise; the weakest fields come out unbiased."""
    config = replace(PLAIN, speckle="gamma", thermal_noise=True)
    scene = simulate_grd(config, tmp_path / "noisy")
    clean = simulate_grd(replace(config, speckle="none", thermal_noise=False), tmp_path / "clean")
    for polarization in ("VV", "VH"):
        power = read(scene, polarization).astype(float) ** 2
        noise = annotated_noise(scene, polarization, power.shape)
        signal = read(clean, polarization).astype(float) ** 2
        ratio = power / (signal + noise)
        spread = 1.0 / np.sqrt(config.looks * ratio.size)
        assert abs(ratio.mean() - 1.0) < 4.0 * spread
        assert ratio.var() * config.looks == pytest.approx(1.0, abs=0.03)
        assert abs(np.corrcoef(ratio[:, :-1].ravel(), ratio[:, 1:].ravel())[0, 1]) < 0.015
        assert abs(np.corrcoef(ratio[:-1].ravel(), ratio[1:].ravel())[0, 1]) < 0.015
    nesz = annotated_noise(scene, "VV", power.shape) / annotated_gamma(scene, power.shape) ** 2
    assert -26.0 < 10.0 * np.log10(nesz.mean()) < -19.0


def test_rounding_does_not_bias() -> None:
    """Against exact powers, the mean of the rounded DN**2 of noise-dominated pixels is off by less than 0.005 dB."""
    looks, mean = 4.4, 400.0
    exact = mean * np.array([gamma_variate(np.uint64(mix(np.uint64(k))), looks) for k in range(200_000)])
    rounded = np.floor(np.sqrt(exact) + 0.5) ** 2
    assert abs(10.0 * np.log10(rounded.mean() / exact.mean())) < 0.005


@pytest.mark.parametrize("looks", [1.0, 4.4, 50.0])
def test_random_numbers(looks: float) -> None:
    key = np.uint64(stream(7, 1, 99))
    bits = [np.uint64(mix(key + np.uint64(k))) for k in range(20_000)]
    flat = np.array([uniform(value) for value in bits])
    assert abs(flat.mean() - 0.5) < 0.01
    assert flat.var() == pytest.approx(1.0 / 12.0, rel=0.03)
    variates = np.array([gamma_variate(value, looks) for value in bits])
    assert variates.mean() == pytest.approx(1.0, abs=4.0 / np.sqrt(looks * len(bits)))
    assert variates.var() * looks == pytest.approx(1.0, rel=0.1)
    table = gamma_table(looks)
    assert table.mean() == pytest.approx(1.0, abs=1e-12)
    assert table.var() * looks == pytest.approx(1.0, rel=2e-3)


def peak(chip: np.ndarray, factor: int = 32) -> tuple[float, float]:
    """Place of the highest value of a band-limited chip: zero-padded transform and a parabola."""
    size = chip.shape[0]
    start = (size * factor - size) // 2
    padded = np.zeros((size * factor, size * factor), complex)
    padded[start : start + size, start : start + size] = np.fft.fftshift(np.fft.fft2(chip))
    fine = np.fft.ifft2(np.fft.ifftshift(padded)).real
    row, col = np.unravel_index(int(fine.argmax()), fine.shape)

    def top(before: float, middle: float, after: float) -> float:
        return 0.5 * (before - after) / (before - 2.0 * middle + after)

    y = row + top(fine[row - 1, col], fine[row, col], fine[row + 1, col])
    x = col + top(fine[row, col - 1], fine[row, col], fine[row, col + 1])
    return y / factor, x / factor


@pytest.mark.parametrize("terrain", ["flat", "steep"])
def test_targets_are_where_the_truth_says(tmp_path: Path, terrain: str) -> None:
    scene = simulate_grd(GrdConfig(lines=300, pixels=400, terrain=terrain, targets=6), tmp_path)
    with (scene.truth / "targets.csv").open(encoding="utf-8") as stream:
        listed = list(csv.DictReader(stream))
    assert len(listed) == 6
    for polarization in ("VV", "VH"):
        power = read(scene, polarization).astype(float) ** 2
        for target in listed:
            line, pixel = float(target["line"]), float(target["pixel"])
            first, start = round(line) - 16, round(pixel) - 16
            y, x = peak(power[first : first + 32, start : start + 32])
            assert y + first == pytest.approx(line, abs=0.005)
            assert x + start == pytest.approx(pixel, abs=0.005)
            highest = power[first : first + 32, start : start + 32].max()
            clutter = np.median(power[first : first + 6, start : start + 6])
            assert highest <= 1.05 * float(target[f"peak_dn2_{polarization}"])
            assert highest > 1000.0 * clutter


@pytest.mark.parametrize("kind", ["zero", "noise"])
def test_borders(tmp_path: Path, kind: str) -> None:
    config = replace(PLAIN, border=20, border_kind=kind, thermal_noise=True, speckle="table")
    number = read(simulate_grd(config, tmp_path), "VV")
    empty = 20 if kind == "zero" else 10
    assert not number[:, :empty].any()
    assert not number[:, -empty:].any()
    assert number[:, empty:-empty].min() > 0
    if kind == "noise":
        assert number[:, 12:20].mean() < 0.7 * number[:, 20:60].mean()


@pytest.mark.parametrize("speckle", ["gamma", "table"])
def test_cutting_the_work_changes_no_byte(tmp_path: Path, speckle: str) -> None:
    config = GrdConfig(lines=200, pixels=300, terrain="steep", speckle=speckle, targets=2, dem_spacing=2.0)
    one = simulate_grd(replace(config, threads=1, block_lines=200), tmp_path / "one")
    other = simulate_grd(replace(config, threads=3, block_lines=7), tmp_path / "other")
    assert one.safe.name == other.safe.name
    for path in sorted((tmp_path / "one").rglob("*")):
        if path.is_file():
            twin = tmp_path / "other" / path.relative_to(tmp_path / "one")
            assert twin.read_bytes() == path.read_bytes(), path.name
    reseeded = simulate_grd(replace(config, seed=2), tmp_path / "seed")
    assert (read(reseeded, "VV") != read(one, "VV")).mean() > 0.9
