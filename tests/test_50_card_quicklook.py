from __future__ import annotations

from pathlib import Path

import card_cases
import imagecodecs
import numpy as np
import pytest

from s1card.card.quicklook import MAX_SIZE, quicklook
from s1card.geometry.map_grid import MapGrid


def constant(path: Path, value: float) -> Path:
    values = np.full(card_cases.GRID.shape, value, np.float32)
    values[:, :200] = np.nan
    return card_cases.write_raster(path, values)


def test_colours_of_two_polarizations_by_hand(tmp_path: Path) -> None:
    # VV -10 dB: half of -20..0; VH -15.5 dB: half of -26..-5; ratio 5.5 dB of 0..15
    bands = {"VV": constant(tmp_path / "vv.tif", 0.1), "VH": constant(tmp_path / "vh.tif", 10**-1.55)}
    picture = imagecodecs.png_decode(quicklook(bands))
    assert picture.shape == (300, 400, 4)
    np.testing.assert_array_equal(picture[:, 200:], np.broadcast_to([128, 128, 94, 255], (300, 200, 4)))
    np.testing.assert_array_equal(picture[:, :200], 0)


@pytest.mark.parametrize(("name", "value", "grey"), [("VV", 0.1, 128), ("HH", 1.5, 255), ("VH", 10**-2.6, 0)])
def test_one_polarization_is_grey(tmp_path: Path, name: str, value: float, grey: int) -> None:
    picture = imagecodecs.png_decode(quicklook({name: constant(tmp_path / "a.tif", value)}))
    np.testing.assert_array_equal(picture[:, 200:], np.broadcast_to([grey] * 3 + [255], (300, 200, 4)))


def test_negative_power_is_black_and_opaque(tmp_path: Path) -> None:
    picture = imagecodecs.png_decode(quicklook({"VH": constant(tmp_path / "a.tif", -0.001)}))
    assert picture[0, 300].tolist() == [0, 0, 0, 255]


def test_a_large_raster_makes_a_small_picture_of_the_same_shape(tmp_path: Path) -> None:
    grid = MapGrid("EPSG:32633", 300_000, 4_660_000, 10, 10, 2100, 1050)
    path = card_cases.write_raster(tmp_path / "a.tif", np.full(grid.shape, 0.1, np.float32), grid)
    picture = imagecodecs.png_decode(quicklook({"VV": path}))
    assert picture.shape[0] == MAX_SIZE
    assert picture.shape[1] == MAX_SIZE // 2


def test_the_same_rasters_give_the_same_bytes(tmp_path: Path) -> None:
    path = card_cases.write_raster(tmp_path / "a.tif", card_cases.power(0.1))
    assert quicklook({"VV": path}) == quicklook({"VV": path})
