"""The mean backscatter of fields in the card is that of truth, also where noise is stronger than the signal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from end_to_end import band, make_card

from s1card.accuracy import FieldError, measure_fields, pooled
from s1card.simulate import GrdConfig, SimulatedScene, simulate_grd

BOUND_DB = 0.03
SAMPLES = 10_000
SMOOTH, SPECKLED = 1000.0, 4.4  # looks
BACKGROUND = 0  # class of the ground around point targets


@pytest.fixture(scope="module", params=[SMOOTH, SPECKLED], ids=["1000-looks", "4.4-looks"])
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[float, SimulatedScene, Path]:
    looks: float = request.param
    folder = tmp_path_factory.mktemp("radiometry")
    scene = simulate_grd(
        GrdConfig(lines=900, pixels=900, terrain="flat", targets=3, looks=looks, seed=11), folder
    )
    return looks, scene, make_card(scene.safe, scene.dem, folder / "cards")


def classes_of(scene: SimulatedScene, card: Path, polarization: str) -> list[FieldError]:
    errors = measure_fields(band(card, polarization), scene.truth / "fields.gpkg", polarization)
    classes = [one for one in pooled(errors) if one.field_class != BACKGROUND]
    assert len(classes) == 11
    assert min(one.samples for one in classes) >= SAMPLES
    return classes


@pytest.mark.parametrize("polarization", ["VV", "VH"])
def test_mean_gamma0_of_every_class(made: tuple[float, SimulatedScene, Path], polarization: str) -> None:
    looks, scene, card = made
    for one in classes_of(scene, card, polarization):
        allowance = 3.0 * one.standard_error_db if looks == SPECKLED else 0.0
        assert abs(one.difference_db) <= BOUND_DB + allowance, one


def test_negative_power_is_kept_where_noise_dominates(made: tuple[float, SimulatedScene, Path]) -> None:
    """The darkest VH fields lie 6 dB below the noise: clipped at zero, their mean would be too high by decibels."""
    looks, scene, card = made
    dark = [one for one in classes_of(scene, card, "VH") if one.truth_db == pytest.approx(-30.0)]
    assert len(dark) == 3
    with rasterio.open(band(card, "VH")) as raster:
        power = raster.read(1)
    negative = float((power < 0).sum() / np.isfinite(power).sum())
    if looks == SPECKLED:
        assert 0.02 < negative < 0.5
        together = np.average([one.mean for one in dark], weights=[one.samples for one in dark])
        error = np.hypot.reduce([one.standard_error * one.samples for one in dark]) / sum(
            one.samples for one in dark
        )
        assert abs(together - 0.001) <= 3.0 * error + 0.007 * 0.001
