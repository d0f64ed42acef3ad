"""Terrain-Flattening: planes in closed form, bands and parameters, the same samples however they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from engine_cases import Small, build, small
from geometry_cases import TO_ECEF
from interferogram_cases import Pair, pair
from snap_cases import case_of

from s1card.errors import GraphError
from s1card.simulate.acquisition import plan_acquisition
from s1card.simulate.config import GrdConfig
from s1card.simulate.grd import simulate_grd
from s1card.window import Window

__all__ = ["pair", "small"]

BETA = ("Calibration", {"outputSigmaBand": False, "outputGammaBand": True, "outputBetaBand": True})


def flattening(dem: Path, **parameters: Any) -> tuple[str, dict[str, Any]]:
    usual = {
        "demName": "External DEM",
        "externalDEMFile": dem,
        "externalDEMNoDataValue": -32768,
        "outputSimulatedImage": True,
    }
    return "Terrain-Flattening", {**usual, **parameters}


def plane(path: Path, like: Path, coefficients: tuple[float, float, float]) -> Path:
    """An elevation model like another: height in the middle (m), metres per degree east and north."""
    with rasterio.open(like) as source:
        profile, transform = source.profile, source.transform
        rows, cols = np.indices(source.shape)
    lon, lat = transform.c + (cols + 0.5) * transform.a, transform.f + (rows + 0.5) * transform.e
    level, east, north = coefficients
    height = level + east * (lon - lon.mean()) + north * (lat - lat.mean())
    with rasterio.open(path, "w", **profile) as target:
        target.write(height.astype(np.float32), 1)
    return path


def ratio_of_plane(config: GrdConfig, dem: Path, line: float, pixel: float) -> float:
    """(n . s) / |n . (s x a)| of a plane at an image position, by vectors."""
    scene = plan_acquisition(config)
    with rasterio.open(dem) as source:
        values, transform = source.read(1).astype(np.float64), source.transform

    def height_at(lon: float, lat: float) -> float:
        col, row = (lon - transform.c) / transform.a - 0.5, (lat - transform.f) / transform.e - 0.5
        i, j = int(row), int(col)
        part, v, u = values[i : i + 2, j : j + 2], row - i, col - j
        return float(np.array([1 - v, v]) @ part @ np.array([1 - u, u]))

    def on_plane(lon: float, lat: float) -> np.ndarray:
        return np.array(TO_ECEF.transform(lon, lat, height_at(lon, lat)))

    height = 0.0
    for _ in range(25):
        point = scene.ground(np.array([line]), np.array([pixel]), height)[0]
        lon, lat, _ = TO_ECEF.transform(*point, direction="INVERSE")
        height += 0.7 * (height_at(lon, lat) - height)
    d = 1e-4
    normal = np.cross(
        on_plane(lon + d, lat) - on_plane(lon - d, lat), on_plane(lon, lat + d) - on_plane(lon, lat - d)
    )
    time = float(scene.line_time(line))
    look = scene.orbit.position(time) - point
    look /= np.linalg.norm(look)
    flight = scene.orbit.velocity(time) / np.linalg.norm(scene.orbit.velocity(time))
    return float(normal @ look / abs(normal @ np.cross(look, flight)))


CONFIG = GrdConfig(lines=300, pixels=400, targets=6, speckle="none")  # that of `small`


@pytest.mark.parametrize(
    "coefficients",
    [(100.0, 0.0, 0.0), (400.0, 20_000.0, 0.0), (400.0, -30_000.0, 5_000.0), (300.0, 9_000.0, 40_000.0)],
)
def test_planes(small: Small, tmp_path: Path, coefficients: tuple[float, float, float]) -> None:
    """Level, and inclined by 14 to 22 degrees towards, away from and across the look direction."""
    dem = plane(tmp_path / "plane.tif", small.files.dem, coefficients)
    product = build(small.read, BETA, flattening(dem, outputSigma0=True), orbit=small.files.orbit)
    assert [b.name for b in product.bands] == [
        "Gamma0_VH",
        "Gamma0_VV",
        "Sigma0_VH",
        "Sigma0_VV",
        "simulatedImage",
    ]
    area = product.band("simulatedImage").read(product.grid.window)
    for line, pixel in ((20, 30), (280, 370)):
        assert area[line, pixel] == pytest.approx(ratio_of_plane(CONFIG, dem, line, pixel), rel=5e-4)
    beta = build(small.read, BETA, orbit=small.files.orbit).band("Beta0_VV").read(product.grid.window)
    np.testing.assert_allclose(product.band("Gamma0_VV").read(product.grid.window), beta / area, rtol=1e-6)


def test_level_ground_is_left_as_it_is(small: Small, tmp_path: Path) -> None:
    """Gamma and sigma nought as calibrated on the ellipsoid, within 0.3 percent, and without any pattern."""
    height = CONFIG.mean_height
    dem = plane(tmp_path / "level.tif", small.files.dem, (height, 0.0, 0.0))
    flat = build(small.read, BETA, flattening(dem, outputSigma0=True), orbit=small.files.orbit)
    everything = ("Calibration", {"outputSigmaBand": True, "outputGammaBand": True})
    level = build(small.read, everything, orbit=small.files.orbit)
    for name in ("Gamma0_VV", "Sigma0_VH"):
        ratio = flat.band(name).read(flat.grid.window) / level.band(name).read(flat.grid.window)
        assert np.abs(ratio - 1.0).max() < 3e-4
    area = flat.band("simulatedImage").read(flat.grid.window).astype(np.float64)
    assert np.abs(np.diff(area, axis=1)).max() < 1e-3 and np.abs(np.diff(area, axis=0)).max() < 1e-4


def test_uncalibrated_images_are_calibrated(small: Small) -> None:
    with_it = build(small.read, BETA, flattening(small.files.dem), orbit=small.files.orbit)
    without = build(small.read, flattening(small.files.dem), orbit=small.files.orbit)
    window = Window(100, 100, 50, 60)
    np.testing.assert_array_equal(
        without.band("Gamma0_VV").read(window), with_it.band("Gamma0_VV").read(window)
    )
    assert without.name.endswith("_RTC") and without.is_calibrated


def test_windows_and_order_do_not_matter(tmp_path: Path) -> None:
    """A scene of several tiles, read whole, and from its end in pieces: the same bits."""
    files = simulate_grd(
        GrdConfig(lines=600, pixels=2120, terrain="steep", targets=0, speckle="none"), tmp_path
    )
    scene = Small(files)

    def image() -> Any:
        return build(scene.read, flattening(files.dem), orbit=files.orbit).band("Gamma0_VV")

    whole = image().read(Window(0, 0, 600, 2120))
    pieces = image()
    for window in (Window(480, 1990, 120, 130), Window(500, 0, 30, 2120), Window(0, 2040, 600, 12)):
        np.testing.assert_array_equal(pieces.read(window), whole[window.slices_in(Window(0, 0, 600, 2120))])
    # Tiles meet without a seam: differences across the joint are those of its neighbours.
    area = build(scene.read, flattening(files.dem), orbit=files.orbit).band("simulatedImage")
    log = np.log(area.read(Window(440, 1970, 140, 150)).astype(np.float64))
    across, along = np.abs(np.diff(log, axis=1)).mean(axis=0), np.abs(np.diff(log, axis=0)).mean(axis=1)
    assert across[77] < 1.5 * np.median(across[60:95]) and along[71] < 1.5 * np.median(along[55:90])


def test_no_data_without_heights(small: Small, tmp_path: Path) -> None:
    """Unknown heights: no data with nodataValueAtSea, else the level of the sea."""
    with rasterio.open(small.files.dem) as source:
        profile, height = source.profile, source.read(1)
    height[:, : height.shape[1] // 2] = -32768
    with rasterio.open(tmp_path / "half.tif", "w", **profile) as target:
        target.write(height, 1)
    product = build(small.read, flattening(tmp_path / "half.tif"), orbit=small.files.orbit)
    gamma = product.band("Gamma0_VV").read(product.grid.window)
    assert 0.2 < np.isnan(gamma).mean() < 0.8
    assert np.isnan(gamma[150, :100]).all() and np.isfinite(gamma[150, -100:]).all()


def test_oversampling_refines(small: Small) -> None:
    areas = [
        build(small.read, flattening(small.files.dem, oversamplingMultiple=k), orbit=small.files.orbit)
        .band("simulatedImage")
        .read(Window(50, 50, 200, 300))
        for k in (1.0, 2.0, 4.0)
    ]
    coarse, fine = (np.abs(a / areas[2] - 1.0) for a in areas[:2])
    assert coarse.max() < 0.02 and fine.mean() < coarse.mean() < 2e-3


def test_joined_bursts(pair: Pair, tmp_path: Path) -> None:
    """An SLC image over level ground: the area is that of the annotated incidence angle."""
    dem = plane(tmp_path / "level.tif", pair.files.dem, (0.0, 0.0, 0.0))
    chain = (
        ("Read", {"file": pair.files.reference[0]}),
        ("TOPSAR-Split", {"subswath": "IW2", "selectedPolarisations": "VV"}),
        BETA,
        ("TOPSAR-Deburst", {}),
        flattening(dem),
    )
    product = build(*chain)
    assert [band.name for band in product.bands] == ["Gamma0_IW2_VV", "simulatedImage"]
    rows, cols = product.shape
    window = Window(rows // 3, cols // 3, rows // 4, cols // 4)
    line, pixel = np.indices(window.shape) + np.array([[[window.row]], [[window.col]]], np.float64)
    angle = product.incidence_ties.evaluate(line, pixel)
    area = product.band("simulatedImage").read(window)
    np.testing.assert_allclose(area * np.tan(np.radians(angle)), 1.0, atol=3e-3)
    beta = build(*chain[:-1]).band("Beta0_IW2_VV").read(window)
    np.testing.assert_allclose(product.band("Gamma0_IW2_VV").read(window), beta / area, rtol=1e-6)


def test_refusals(small: Small, pair: Pair) -> None:
    dem = flattening(small.files.dem)
    sigma = ("Calibration", {"outputSigmaBand": True})
    with pytest.raises(GraphError, match="takes beta nought, its source has Sigma0_VH, Sigma0_VV"):
        build(small.read, sigma, dem, orbit=small.files.orbit)
    split = ("TOPSAR-Split", {"subswath": "IW1", "selectedPolarisations": "VV"})
    with pytest.raises(GraphError, match="stack of bursts"):
        build(("Read", {"file": pair.files.reference[0]}), split, BETA, flattening(pair.files.dem))
    with pytest.raises(GraphError, match="takes beta nought"):
        build(
            ("Read", {"file": pair.files.reference[0]}),
            split,
            ("TOPSAR-Deburst", {}),
            flattening(pair.files.dem),
        )
    with pytest.raises(GraphError, match="radar geometry"):
        build(small.read, BETA, small.terrain_correction(), dem, orbit=small.files.orbit)


def test_near_to_snap(shared: Path) -> None:
    """SNAP's samples scatter by 0.2 dB about the exact shares, and lack 1 percent of the area of a sample."""
    case = case_of(shared, "tf_radar")
    product = case.product()
    assert list(product.shape) == case.meta["size"]
    for name, sign in (("Gamma0_VV", 1.0), ("simulatedImage", -1.0)):
        ours, theirs = product.band(name).read(case.window), case.snap(name)
        assert np.array_equal(np.isfinite(ours), np.isfinite(theirs))
        difference = 10.0 * np.log10(ours / theirs)
        assert sign * difference.mean() == pytest.approx(0.05, abs=0.01)
        assert difference.std() < 0.22
        blocks = difference[:320, :420].reshape(16, 20, 21, 20).mean(axis=(1, 3))
        assert blocks.std() < 0.1
