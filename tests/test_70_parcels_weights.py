"""Pixels of parcels: computed once, kept in files."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import shapely
from parcel_cases import grid_of, parcel_set, random_polygon

from s1card.parcels import weights as module
from s1card.parcels.lattice import Lattice
from s1card.parcels.records import ParcelSet
from s1card.parcels.spans import Spans
from s1card.parcels.weights import WeightFolder, Weights, compute_weights

LATTICE = Lattice.of(grid_of(100, 100))


@pytest.fixture(scope="module")
def parcels() -> ParcelSet:
    rng = np.random.default_rng(7)
    centres = rng.uniform((600_000, 5_390_000), (610_000, 5_400_000), (60, 2))
    return parcel_set([random_polygon(rng, tuple(c), 80) for c in centres])


def assert_equal(first: Weights, second: Weights) -> None:
    assert first.lattice == second.lattice
    assert first.skipped == second.skipped
    np.testing.assert_array_equal(first.pid, second.pid)
    np.testing.assert_array_equal(first.box, second.box)
    for field in fields(Spans):
        np.testing.assert_array_equal(getattr(first.spans, field.name), getattr(second.spans, field.name))


@pytest.mark.parametrize("rule", ["centre", "coverage"])
def test_portions_and_threads_do_not_matter(
    parcels: ParcelSet, rule: module.Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = compute_weights(parcels, LATTICE, rule)
    monkeypatch.setattr(module, "PARCELS_AT_ONCE", 7)
    assert_equal(compute_weights(parcels, LATTICE, rule, threads=3), expected)


def test_sizes_are_areas(parcels: ParcelSet) -> None:
    weights = compute_weights(parcels, LATTICE, "coverage")
    np.testing.assert_allclose(weights.size, shapely.area(parcels.geometries) / 100, rtol=1e-6)
    by_centre = compute_weights(parcels, LATTICE, "centre")
    np.testing.assert_array_equal(by_centre.size, by_centre.samples)


def test_an_inward_buffer_leaves_away_a_strip_and_what_vanishes_has_no_pixel() -> None:
    square = shapely.box(600_000, 5_399_900, 600_100, 5_400_000)
    sliver = shapely.box(600_200, 5_399_995, 600_300, 5_400_000)
    weights = compute_weights(parcel_set([square, sliver]), LATTICE, buffer=10.0)
    assert weights.pid.tolist() == [1, 2]
    assert weights.size.tolist() == [64, 0]
    assert weights.box.tolist() == [[-540000, -539989, 60000, 60011], [-540000, -539999, 60020, 60031]]


def test_other_coordinates_are_projected() -> None:
    square = shapely.box(600_000, 5_399_900, 600_100, 5_400_000)
    utm = parcel_set([square])
    geographic = parcel_set([shapely.transform(square, _to_degrees)], "EPSG:4326")
    ours, theirs = compute_weights(utm, LATTICE, "coverage"), compute_weights(geographic, LATTICE, "coverage")
    np.testing.assert_allclose(theirs.size, ours.size, rtol=1e-4)
    np.testing.assert_array_less(abs(theirs.box - ours.box), 2)


def _to_degrees(xy: np.ndarray) -> np.ndarray:
    from pyproj import Transformer

    return np.column_stack(Transformer.from_crs("EPSG:32632", "EPSG:4326", always_xy=True).transform(*xy.T))


def test_no_parcels() -> None:
    weights = compute_weights(parcel_set([]), LATTICE)
    assert len(weights.pid) == len(weights.spans) == len(weights.size) == 0


class TestWeightFolder:
    def test_the_second_time_they_come_from_the_file(
        self, parcels: ParcelSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = WeightFolder(tmp_path / "weights")
        first = folder.get(parcels, LATTICE, "coverage", 0.0)
        monkeypatch.setattr(module, "compute_weights", _refuse)
        assert_equal(folder.get(parcels, LATTICE, "coverage", 0.0), first)
        assert [path.suffix for path in folder.folder.iterdir()] == [".npz"]

    def test_what_they_depend_on_tells_files_apart(self, parcels: ParcelSet, tmp_path: Path) -> None:
        folder = WeightFolder(tmp_path)
        moved = parcel_set([shapely.transform(g, lambda xy: xy + 0.5) for g in parcels.geometries])
        shifted = Lattice("EPSG:32632", 10.0, 10.0, 0.5, 0.0)
        folder.get(parcels, LATTICE, "centre", 0.0)
        for other in (
            (moved, LATTICE, "centre", 0.0),
            (parcels, shifted, "centre", 0.0),
            (parcels, LATTICE, "coverage", 0.0),
            (parcels, LATTICE, "centre", 5.0),
        ):
            before = len(list(tmp_path.iterdir()))
            folder.get(*other)
            assert len(list(tmp_path.iterdir())) == before + 1

    @pytest.mark.parametrize("damage", ["truncated", "empty", "no archive"])
    def test_a_damaged_file_is_made_again(self, parcels: ParcelSet, tmp_path: Path, damage: str) -> None:
        folder = WeightFolder(tmp_path)
        first = folder.get(parcels, LATTICE, "centre", 0.0)
        (file,) = tmp_path.iterdir()
        content = file.read_bytes()
        file.write_bytes({"truncated": content[:-200], "empty": b"", "no archive": b"x" * 500}[damage])
        assert_equal(folder.get(parcels, LATTICE, "centre", 0.0), first)
        assert file.read_bytes() == content


def _refuse(*_: object, **__: object) -> Weights:
    raise AssertionError("computed again")
