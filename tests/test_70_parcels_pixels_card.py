from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import card_cases
import numpy as np
import pytest
import rasterio
from shapely.geometry import shape

from s1card.card import assemble_card, tags
from s1card.errors import DataError, UsageError
from s1card.geometry.map_grid import MapGrid
from s1card.parcels.pixels import BandReader, Given, open_pixels

ID = f"{card_cases.NAME}_CARD_BS"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    assemble_card(card_cases.card_bands(folder / "tmp"), card_cases.context(), folder)
    return folder / ID


@pytest.fixture
def card(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / ID))


def changed(card: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """A card whose item was edited."""
    item = json.loads((card / f"{card.name}.json").read_text())
    change(item)
    (card / f"{card.name}.json").write_text(json.dumps(item))
    return card


def test_backscatter(card: Path) -> None:
    source = open_pixels(card)
    item = json.loads((card / f"{ID}.json").read_text())
    observation = source.observation
    assert observation.reference == ID
    assert observation.obstime == datetime(2021, 1, 19, 3, 16, 53, 123456)
    assert (observation.sensor, observation.card) == ("1A", "bs")
    assert (observation.orbit_direction, observation.relative_orbit) == ("descending", 124)
    assert (observation.pair_sensor, observation.pair_time) == (None, None)
    assert observation.footprint.equals(shape(item["geometry"]))
    assert observation.source == str(card)
    assert [(band.code, band.name, band.index) for band in source.bands] == [
        ("VVb", "VV", 1),
        ("VHb", "VH", 1),
    ]
    assert {band.grid for band in source.bands} == {card_cases.GRID}
    assert source.band("VHb") is source.bands[1]
    assert source.incidence is not None
    with BandReader(source.incidence) as reader:
        assert np.all(reader.read(card_cases.GRID.window) == 39)
    with BandReader(source.bands[1]) as reader:
        np.testing.assert_array_equal(reader.read(card_cases.GRID.window), card_cases.power(0.02, seed=2))
    assert all(band.block_shape == (128, 128) and band.dtype == "float32" for band in source.bands)
    assert np.isnan(source.bands[0].nodata)


def test_the_checksum_is_that_of_all_rasters_of_the_version(card: Path) -> None:
    first = open_pixels(card).observation.checksum
    assert len(bytes.fromhex(first)) == hashlib.sha256().digest_size
    assert open_pixels(card, bands=["VH"]).observation.checksum == first
    changed(card, lambda item: item["assets"]["VH"].update({"file:checksum": "1220" + 64 * "0"}))
    assert open_pixels(card).observation.checksum not in ("", first)
    changed(card, lambda item: item["assets"]["VH"].pop("file:checksum"))
    assert open_pixels(card).observation.checksum == ""


@pytest.mark.parametrize("how", ["item", "slash", "renamed", "text"])
def test_ways_to_name_a_card(card: Path, how: str, tmp_path: Path) -> None:
    ways = {"item": str(card / f"{ID}.json"), "slash": f"{card}/", "text": str(card)}
    location = str(card.rename(tmp_path / "other")) if how == "renamed" else ways[how]
    assert open_pixels(location).observation.reference == ID


@pytest.mark.parametrize("name", ["VH", "VHb"])
def test_bands_by_name_and_by_code(card: Path, name: str) -> None:
    assert [band.code for band in open_pixels(card, bands=[name]).bands] == ["VHb"]


@pytest.mark.parametrize(("days", "code"), [(6, "c6"), (12, "c1")])
def test_coherence(tmp_path: Path, days: int, code: str) -> None:
    bands = [card_cases.card_band(tmp_path, name, card_cases.power(0.3)) for name in ("VV", "VH")]
    folder = assemble_card(bands, card_cases.pair_context(), tmp_path / "out").folder
    earlier = datetime(2021, 1, 25 - days - 6, 3, 16, 53, 123456)
    changed(
        folder,
        lambda item: item["properties"].update({"s1card:secondary_datetime": f"{earlier.isoformat()}Z"}),
    )
    source = open_pixels(folder)
    assert [band.code for band in source.bands] == ["VVc", "VHc"]
    assert source.incidence is None
    observation = source.observation
    assert (observation.card, observation.sensor, observation.pair_sensor) == (code, "1A", "1B")
    assert observation.obstime == datetime(2021, 1, 19, 3, 16, 53, 123456)
    assert observation.pair_time == earlier


def test_what_the_user_states_comes_first(card: Path) -> None:
    given = Given(orbit_direction="ascending", relative_orbit=15, reference="mine")
    observation = open_pixels(card, given=given).observation
    assert (observation.orbit_direction, observation.relative_orbit) == ("ascending", 15)
    assert observation.reference == "mine"
    with pytest.raises(UsageError, match="ascending or descending"):
        open_pixels(card, given=Given(orbit_direction="up"))


def test_a_raster_outside_of_its_card(card: Path) -> None:
    path = card_cases.write_raster(card.parent / "some.tif", card_cases.power(0.1))
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(**tags(card_cases.context()))
        dataset.set_band_description(1, "VV")
    source = open_pixels(path)
    assert [band.code for band in source.bands] == ["VVb"]
    assert source.observation.reference == ID
    assert source.observation.obstime == datetime(2021, 1, 19, 3, 16, 53, 123456)
    assert (source.observation.orbit_direction, source.observation.relative_orbit) == ("descending", 124)


def shift(card: Path) -> None:
    grid = MapGrid("EPSG:32633", 300_010.0, 4_660_000.0, 10.0, 10.0, rows=300, cols=400)
    card_cases.write_raster(card / f"{ID}_VH.tif", card_cases.power(0.1), grid)
    size = (card / f"{ID}_VH.tif").stat().st_size
    changed(card, lambda item: item["assets"]["VH"].update({"file:size": size}))


def swap(card: Path) -> None:
    """VH lies where VV should be, and says so."""
    with rasterio.open(card / f"{ID}_VV.tif", "r+") as dataset:
        dataset.set_band_description(1, "Gamma0_VH")
    size = (card / f"{ID}_VV.tif").stat().st_size
    changed(card, lambda item: item["assets"]["VV"].update({"file:size": size}))


def cut(card: Path) -> None:
    path = card / f"{ID}_VV.tif"
    path.write_bytes(path.read_bytes()[:-1000])


def spoil_header(card: Path) -> None:
    path = card / f"{ID}_VV.tif"
    path.write_bytes(b"\0" * 64 + path.read_bytes()[64:])


def double_item(card: Path) -> None:
    shutil.copy(card / f"{ID}.json", card / "a.json")
    (card / f"{ID}.json").rename(card / "b.json")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda card: (card / f"{ID}_VH.tif").unlink(), f"{ID}_VH.tif: does not exist"),
        (cut, "VV.tif: the raster has .* bytes, the card says"),
        (spoil_header, "VV.tif: cannot be read as a raster"),
        (shift, "bands VV and VH lie on different grids"),
        (swap, "the raster given for VV holds band VH"),
        (lambda card: (card / f"{ID}.json").write_text("{"), "STAC item is damaged"),
        (lambda card: (card / f"{ID}.json").write_text("[1]"), "not the STAC item of a card"),
        (
            lambda card: changed(card, lambda item: item["properties"].pop("datetime")),
            "STAC item is damaged.*datetime",
        ),
        (
            lambda card: changed(card, lambda item: item.update(geometry={"type": "None"})),
            "STAC item is damaged",
        ),
        (
            lambda card: changed(card, lambda item: [item["assets"].pop(name) for name in ("VV", "VH")]),
            "has no band VV, VH, HH or HV",
        ),
        (double_item, "no STAC item, or several"),
    ],
)
def test_damaged_cards(card: Path, damage: Callable[[Path], object], words: str) -> None:
    damage(card)
    with pytest.raises(DataError, match=words) as caught:
        open_pixels(card)
    assert caught.value.advice


def test_a_band_that_the_card_lacks(card: Path) -> None:
    with pytest.raises(DataError, match="there is no band HH; it has VV, VH"):
        open_pixels(card, bands=["VV", "HH"])


def test_checksums_are_compared_on_request(card: Path) -> None:
    open_pixels(card, verify=True)
    path = card / f"{ID}_VH.tif"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    open_pixels(card)
    with pytest.raises(DataError, match=r"VH\.tif: the raster has another checksum"):
        open_pixels(card, verify=True)


def test_places_that_are_no_source(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        open_pixels(tmp_path / "none")
    with pytest.raises(DataError, match="there is nothing"):
        open_pixels(tmp_path)
    (tmp_path / "readme").write_text("no pixels")
    with pytest.raises(DataError, match=r"no pixels of a kind that is known.*Sentinel-2"):
        open_pixels(tmp_path)
    with pytest.raises(DataError, match="s1card bs"):
        open_pixels(tmp_path / f"{card_cases.NAME}.SAFE")
