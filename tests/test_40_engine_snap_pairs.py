"""SLC pairs: parity with SNAP on a pair of known truth, and nearness to that truth."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import maximum_filter, minimum_filter
from snap_cases import Case, case_of

from s1card.engine.looks import expected_coherence
from s1card.engine.native.product import Product
from s1card.geometry.map_grid import MapGrid

SAMPLED = 4  # every fourth line and pixel of the truth


@cache
def product(case: Case, *changes: tuple[str, str, str]) -> Product:
    """The native product of a case; ``changes`` are operator, parameter and value."""
    values: dict[str, dict[str, str]] = {}
    for operator, name, value in changes:
        values.setdefault(operator, {})[name] = value
    return case.product(**values)


@cache
def case(shared: Path, name: str) -> Case:
    return case_of(shared, name)


def both(case: Case, name: str, ours: Product) -> tuple[np.ndarray, np.ndarray]:
    """Samples of a band of SNAP's and of ours: of the window, then of all over the raster."""
    values = ours.band(name).read(ours.grid.window).astype(np.float64)
    scattered, mine = case.scattered(name, values)
    window = values[case.window.slices_in(ours.grid.window)]
    return (
        np.concatenate([case.snap(name).ravel(), scattered.ravel()]),
        np.concatenate([window.ravel(), mine.ravel()]),
    )


@pytest.mark.parametrize(
    "name",
    ["slc_deburst", "slc_cal_merge", "slc_bg_bisinc5", "slc_bg_offsets", "coh_fe0_tp0_bc0", "coh_merge_tc20"],
)
def test_sizes_and_names(shared: Path, name: str) -> None:
    this = case(shared, name)
    ours = product(this)
    assert list(ours.shape) == this.meta["size"]
    present = [band.name for band in ours.bands]
    assert all(facts["name"] in present for facts in this.meta["bands"].values())


def test_deburst_is_the_same(shared: Path) -> None:
    """But for a column at the far end that SNAP leaves out, and samples of zero that it takes for holes."""
    this = case(shared, "slc_deburst")
    for facts in this.meta["bands"].values():
        theirs, ours = both(this, facts["name"], product(this))
        known = np.nan_to_num(theirs) != 0
        np.testing.assert_array_equal(ours[known], theirs[known])
        assert np.mean((ours != 0) == known) > 0.998


def test_calibrated_and_merged(shared: Path) -> None:
    this = case(shared, "slc_cal_merge")
    for facts in this.meta["bands"].values():
        theirs, ours = both(this, facts["name"], product(this))
        known = np.isfinite(theirs) & np.isfinite(ours)
        assert np.mean(known == np.isfinite(theirs)) > 0.999
        np.testing.assert_allclose(ours[known], theirs[known], rtol=3e-5)


def test_back_geocoded_samples(shared: Path) -> None:
    """Within 2 % of the amplitude in the median: SNAP's DEM lies half a sample aside, its phase is polynomial."""
    this = case(shared, "slc_bg_bisinc5")
    ours = product(this)
    names = [facts["name"] for facts in this.meta["bands"].values()]
    for part in ("ref", "sec1"):
        (real, mine_real), (imaginary, mine_imaginary) = (
            both(this, name, ours) for name in names if f"_{part}_" in name
        )
        theirs = np.nan_to_num(real) + 1j * np.nan_to_num(imaginary)
        mine = mine_real + 1j * mine_imaginary
        known = (theirs != 0) & (mine != 0)
        assert known.mean() > 0.9
        difference = np.median(np.abs(mine - theirs)[known]) / np.median(np.abs(theirs)[known])
        assert difference <= (0.0 if part == "ref" else 0.01)


def test_offsets(shared: Path) -> None:
    """SNAP has line and pixel in the secondary; those of the truth are met at least as well."""
    this = case(shared, "slc_bg_offsets")
    for facts in this.meta["bands"].values():
        theirs, ours = both(this, facts["name"], product(this))
        known = np.isfinite(theirs) & np.isfinite(ours) & (theirs != 0)
        beyond = np.abs(ours - theirs)[known] - np.abs(theirs[known]) * 2.0**-17  # as it was rounded
        assert np.median(beyond) <= 2e-4
        assert np.percentile(beyond, 99) <= 0.005


@pytest.mark.parametrize("swath", ["IW1", "IW2"])
@pytest.mark.parametrize("burst", ["1", "2"])
def test_places_in_the_secondary(shared: Path, swath: str, burst: str) -> None:
    this = case(shared, "slc_bg_offsets")
    ours = product(
        this,
        ("TOPSAR_Split", "subswath", swath),
        ("TOPSAR_Split", "firstBurstIndex", burst),
        ("TOPSAR_Split", "lastBurstIndex", burst),
    )
    truth = np.load(this.folder / f"truth/slc_{swath}_b{burst}.npz")
    rows, cols = (np.arange(size, dtype=np.float64)[::SAMPLED] for size in ours.shape)
    for name, key, here, bound in (
        ("azOffset", "dline", rows[:, None], 5e-4),
        ("rgOffset", "dsample", cols, 2e-3),
    ):
        band = next(band for band in ours.bands if name in band.name)
        there = band.read(ours.grid.window)[::SAMPLED, ::SAMPLED] - here
        difference = np.abs(there - truth[key])[np.isfinite(there) & truth["clean"].astype(bool)]
        assert np.percentile(difference, 99) <= bound
        assert difference.max() <= 10 * bound  # in layover any of the heights that share a sample


@pytest.mark.parametrize("name", ["coh_fe1_tp1_bc0", "coh_fe0_tp0_bc0", "coh_merge_tc20"])
def test_coherence(shared: Path, name: str) -> None:
    this = case(shared, name)
    ours = product(this)
    for facts in this.meta["bands"].values():
        theirs, mine = both(this, facts["name"], ours)
        known = (theirs > 0) & np.isfinite(mine)
        assert known.sum() > 0.98 * (theirs > 0).sum()
        assert np.median(np.abs(mine - theirs)[known]) <= 0.01
        assert abs(np.mean((mine - theirs)[known])) <= 0.01


def test_grid_of_a_coherence_card(shared: Path) -> None:
    """SNAP's tie points of merged images are off by half a sample; ours follow, to less than a metre."""
    this = case(shared, "coh_merge_tc20")
    grid = product(this).grid
    assert isinstance(grid, MapGrid)
    assert list(grid.shape) == this.meta["size"]
    assert grid.transform == pytest.approx(tuple(this.meta["transform"]), abs=1.0)  # of 20 m


class TestCoherenceAgainstTruth:
    """Means over the insides of fields of both sub-swaths, with a kernel that loses nothing."""

    LEVELS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

    def levels(self, shared: Path, bias: str) -> list[tuple[float, float, float, float]]:
        """Per level of truth: mean truth, mean estimate, mean expectation, standard error."""
        this = case(shared, "coh_fe1_tp1_bc0")
        parts = [(swath, burst) for swath in ("IW1", "IW2") for burst in ("1", "2")]
        fields = np.array([row for part in parts for row in _fields(this, *part, bias)])
        found = []
        for low, high in zip(self.LEVELS, self.LEVELS[1:], strict=False):
            here = fields[(fields[:, 0] >= low) & (fields[:, 0] < high)]
            truth, estimate, expected = (np.average(here[:, k], weights=here[:, 3]) for k in range(3))
            error = np.std(here[:, 1] - here[:, 2]) / np.sqrt(len(here))
            found.append((float(truth), float(estimate), float(expected), float(error)))
        return found

    def test_plain_estimate_is_its_expectation(self, shared: Path) -> None:
        for _, estimate, expected, error in self.levels(shared, "false"):
            assert error < 0.006
            assert abs(estimate - expected) <= 0.01

    def test_corrected_estimate_is_nearer_to_the_truth_than_snaps(self, shared: Path) -> None:
        """SNAP keeps +0.135 below 0.2, +0.047 to 0.4, and -0.019 above 0.8."""
        bias = [estimate - truth for truth, estimate, _, _ in self.levels(shared, "true")]
        for ours, snap in ((bias[0], 0.135), (bias[1], 0.047), (bias[4], 0.019)):
            assert abs(ours) < snap
        assert max(abs(b) for b in bias[1:]) <= 0.02


@cache
def _fields(this: Case, swath: str, burst: str, bias: str) -> list[tuple[float, float, float, int]]:
    """Truth, mean estimate, its expectation and the number of samples of every field of a burst."""
    ours = product(
        this,
        ("TOPSAR_Split", "subswath", swath),
        ("TOPSAR_Split", "firstBurstIndex", burst),
        ("TOPSAR_Split", "lastBurstIndex", burst),
        ("TOPSAR_Split", "selectedPolarisations", "VV,VH"),
        ("Back_Geocoding", "resamplingType", "BISINC_21_POINT_INTERPOLATION"),
        ("Coherence", "correctCoherenceBias", bias),
    )
    looks = dict(ours.measures)[f"coherence_looks_{swath}"]
    truth = np.load(this.folder / f"truth/slc_{swath}_b{burst}.npz")
    inside = _inside(truth["parcel"], truth["clean"])
    fields = []
    for band in ours.bands:
        coherence = band.read(ours.grid.window)[::SAMPLED, ::SAMPLED]
        known = inside & np.isfinite(coherence)
        for row in _rows(this.folder / "truth/parcel_coherence.csv", swath, burst):
            samples = coherence[known & (truth["parcel"] == int(row["parcel_id"]))]
            if samples.size >= 20:
                true = float(row[f"coh_{str(band.polarization).lower()}_expected"])
                fields.append((true, float(samples.mean()), expected_coherence(true, looks), samples.size))
    return fields


def _inside(field: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Samples of the truth at least three of its steps from the next field and whatever disturbs."""
    size = 2 * 3 + 1
    same = minimum_filter(field, size) == maximum_filter(field, size)
    return np.asarray(same & (minimum_filter(clean.astype(np.int8), size) > 0))


def _rows(path: Path, swath: str, burst: str) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as stream:
        return [
            row
            for row in csv.DictReader(stream)
            if (row["swath"], row["burst"]) == (swath, burst)
            and row["has_target"] == row["near_target"] == "0"
        ]
