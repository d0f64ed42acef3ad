"""``s1card bs --legacy``: the rasters of a card as scripts of the JRC system read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from end_to_end import make_card

from s1card.card import open_card, verify_card
from s1card.parcels.pixels.open import open_pixels
from s1card.simulate.config import GrdConfig, SimulatedScene
from s1card.simulate.grd import simulate_grd


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> SimulatedScene:
    return simulate_grd(GrdConfig(lines=250, pixels=260, targets=4), tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="module")
def card(scene: SimulatedScene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cards")
    return make_card(scene.safe, scene.dem, out, "--legacy", "--layers", "inc")


@pytest.mark.parametrize(
    ("name", "band"),
    [("Gamma0_VV", "VV"), ("Gamma0_VH", "VH"), ("incidenceAngleFromEllipsoid", "inc")],
)
def test_samples_and_place(card: Path, name: str, band: str) -> None:
    with rasterio.open(open_card(card).bands[band]) as ours:
        expected, transform, crs = ours.read(1), ours.transform, ours.crs
    with rasterio.open(card / f"{card.name}.data" / f"{name}.img") as old:
        got = old.read(1)
        assert old.driver == "ENVI"
        assert old.dtypes == ("float32",)
        assert np.allclose(old.transform, transform)
        assert old.crs == crs
    assert np.isnan(expected).any()
    np.testing.assert_array_equal(got, np.where(np.isnan(expected), 0, expected))


def test_readers_take_it_for_a_card_of_the_jrc_system(card: Path) -> None:
    source = open_pixels(card / f"{card.name}.dim")
    assert [band.name for band in source.bands] == ["VV", "VH"]
    assert all(band.nodata == 0 for band in source.bands)


def test_the_card_is_the_same_besides(card: Path, scene: SimulatedScene, tmp_path: Path) -> None:
    plain = make_card(scene.safe, scene.dem, tmp_path, "--layers", "inc")
    assert not list(plain.glob("*.dim"))
    for path in plain.iterdir():
        assert (card / path.name).read_bytes() == path.read_bytes()
    assert sorted({path.name for path in card.iterdir()} - {path.name for path in plain.iterdir()}) == [
        f"{card.name}.data",
        f"{card.name}.dim",
    ]
    verify_card(card)
    assert open_pixels(card).bands[0].nodata is None or np.isnan(open_pixels(card).bands[0].nodata)
