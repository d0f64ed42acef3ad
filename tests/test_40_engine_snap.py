"""Parity with SNAP on products of known truth; where the two differ, truth shows the native engine nearer."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from pyproj import Transformer
from snap_cases import Case, case_of, moved

from s1card.geometry.map_grid import MapGrid
from s1card.window import Window

MAPS = ("tc_bilinear_auto", "tc_desc_epsg")


def decibels(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    both = np.isfinite(ours) & np.isfinite(theirs)
    return np.asarray(10.0 * np.log10(np.maximum(ours[both], 1e-12) / np.maximum(theirs[both], 1e-12)))


@pytest.mark.parametrize("name", ["cal_all_spk", "tnr_cal_spk"])
def test_calibration_and_noise(shared: Path, name: str) -> None:
    case = case_of(shared, name)
    product = case.product()
    assert list(product.shape) == case.meta["size"]
    for facts in case.meta["bands"].values():
        ours = product.band(facts["name"]).read(product.grid.window)
        theirs, mine = case.scattered(facts["name"], ours)
        window, there = ours[case.window.slices_in(product.grid.window)], case.snap(facts["name"])
        for a, b in ((mine, theirs), (window, there)):
            assert np.array_equal(np.isfinite(a), np.isfinite(b))
            difference = np.abs(decibels(a, b))
            assert np.median(difference) <= 1e-4
            assert np.percentile(difference, 99) <= 2e-3


@pytest.mark.parametrize("name", MAPS)
def test_grid_is_identical(shared: Path, name: str) -> None:
    case = case_of(shared, name)
    grid = case.product().grid
    assert isinstance(grid, MapGrid)
    assert list(grid.shape) == case.meta["size"]
    assert grid.transform == pytest.approx(tuple(case.meta["transform"]), abs=1e-4)  # of 10 m


@pytest.mark.parametrize("name", MAPS)
def test_image_over_the_dem_as_snap_reads_it(shared: Path, tmp_path: Path, name: str) -> None:
    """SNAP takes an external DEM half a sample to the north-west of where it is. With it there, both agree."""
    case = case_of(shared, name)
    product = case.product(moved(case.dem(), tmp_path / "dem.tif"))
    ours, theirs = product.band("Sigma0_VV").read(case.window), case.snap("Sigma0_VV")
    assert np.mean(np.isfinite(ours) == np.isfinite(theirs)) > 0.999
    assert np.max(np.abs(_shift(theirs, ours))) <= 0.03
    limit = 0.1 if name == "tc_bilinear_auto" else 0.5  # speckle makes little shifts loud
    assert np.percentile(np.abs(decibels(ours, theirs)), 95) <= limit


def test_layers_over_the_dem_as_snap_reads_it(shared: Path, tmp_path: Path) -> None:
    case = case_of(shared, "tc_bilinear_auto")
    product = case.product(moved(case.dem(), tmp_path / "dem.tif"))
    limits = {
        "elevation": 0.05,
        "localIncidenceAngle": 0.1,
        "projectedLocalIncidenceAngle": 0.1,
        "incidenceAngleFromEllipsoid": 0.002,
    }
    for band, limit in limits.items():
        difference = np.abs(product.band(band).read(case.window) - case.snap(band))
        assert np.nanpercentile(difference, 95) <= limit, band


def test_truth_shows_us_nearer(shared: Path) -> None:
    """Point targets with the DEM where it is: our places, and those in SNAP's samples."""
    native, snap = [], []
    for case in (case_of(shared, name) for name in MAPS):
        product = case.product()
        assert isinstance(product.grid, MapGrid)
        window = product.grid.window
        whole = product.band("Sigma0_VV").read(window).astype(np.float64)
        everywhere = [_distance(whole, *place) for place in _targets_in(case, product.grid, window)]
        assert len(everywhere) >= 8
        assert np.max(everywhere) <= 0.05
        ours, theirs = whole[case.window.slices_in(window)], case.snap("Sigma0_VV")
        for place in _targets_in(case, product.grid, case.window):
            native.append(_distance(ours, *place))
            snap.append(_distance(theirs, *place))
    assert len(native) >= 3
    assert np.mean(native) < np.mean(snap)


def _targets_in(case: Case, grid: MapGrid, window: Window) -> list[tuple[float, float]]:
    """Columns and rows, within a window, of the targets that lie well inside it and the image."""
    to_map = Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True)
    places = []
    with (case.folder / "truth/targets.csv").open(encoding="utf-8") as file:
        for target in csv.DictReader(file):
            x, y = to_map.transform(float(target["lon"]), float(target["lat"]))
            col = (x - grid.left) / grid.spacing_x - 0.5 - window.col
            row = (grid.top - y) / grid.spacing_y - 0.5 - window.row
            if 10 <= col < window.cols - 10 and 10 <= row < window.rows - 10:
                places.append((col, row))
    return places


def _distance(power: np.ndarray, col: float, row: float) -> float:
    """Pixels from a place to the centre of gravity of the peak around it."""
    r, c = round(row), round(col)
    part = power[r - 4 : r + 5, c - 4 : c + 5]
    part = np.maximum(part - np.median(part), 0.0)
    rows, cols = np.mgrid[r - 4 : r + 5, c - 4 : c + 5]
    return float(np.hypot((part * cols).sum() / part.sum() - col, (part * rows).sum() / part.sum() - row))


def _shift(reference: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Rows and columns by which an image is moved, from the slope of the cross-spectrum's phase."""
    ok = np.isfinite(reference) & np.isfinite(image)
    pair = [np.where(ok, 10 * np.log10(np.where(ok, v, 1.0)), 0.0) for v in (reference, image)]
    window = np.hanning(ok.shape[0])[:, None] * np.hanning(ok.shape[1])
    a, b = (np.fft.fft2((v - v[ok].mean()) * ok * window) for v in pair)
    cross = a * np.conj(b)
    fy, fx = np.meshgrid(np.fft.fftfreq(ok.shape[0]), np.fft.fftfreq(ok.shape[1]), indexing="ij")
    use = (np.hypot(fx, fy) < 0.25) & (np.hypot(fx, fy) > 0)
    weight = np.sqrt(np.abs(cross[use]))
    design = 2 * np.pi * np.stack([fy[use], fx[use]], axis=1) * weight[:, None]
    return np.asarray(np.linalg.lstsq(design, np.angle(cross[use]) * weight, rcond=None)[0])
