from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from sentinel2_factory import BANDS_10, BANDS_20, CRS, LEFT, TOP, FakeSentinel2, make_sentinel2

from s1card.errors import DataError, UsageError
from s1card.geometry.map_grid import MapGrid
from s1card.parcels.pixels import BandReader, Given, PixelBand, open_pixels

ALL = (*BANDS_10, *BANDS_20, "SCL")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> FakeSentinel2:
    return make_sentinel2(tmp_path_factory.mktemp("s2"))


def read(band: PixelBand) -> np.ndarray:
    with BandReader(band) as reader:
        return reader.read(band.grid.window)


def edited(product: FakeSentinel2, folder: Path, old: str, new: str) -> Path:
    """A product without images whose metadata were edited."""
    text = (product.folder / "MTD_MSIL2A.xml").read_text()
    assert old in text
    target = folder / product.folder.name
    target.mkdir()
    (target / "GRANULE").symlink_to(product.folder / "GRANULE")
    (target / "MTD_MSIL2A.xml").write_text(text.replace(old, new))
    return target


def test_what_is_read_by_default(product: FakeSentinel2) -> None:
    source = open_pixels(product.folder)
    observation = source.observation
    assert observation.reference == product.folder.name
    assert observation.reference.endswith(".SAFE")
    assert observation.obstime == datetime(2023, 6, 1, 10, 5, 59, 24000)
    assert (observation.sensor, observation.card) == ("2A", "s2")
    assert (observation.orbit_direction, observation.relative_orbit) == ("descending", 22)
    assert observation.footprint.bounds == (12.57, 42.41, 12.60, 42.43)
    assert [band.code for band in source.bands] == ["B04", "B08", "SCL"]
    assert [band.offset for band in source.bands] == [-1000, -1000, 0]
    assert [band.is_classes for band in source.bands] == [False, False, True]
    assert all(band.scale == 1 and band.nodata == 0 for band in source.bands)
    assert source.band("B04").grid == MapGrid(CRS, LEFT, TOP, 10, 10, 240, 240)
    assert source.band("SCL").grid == MapGrid(CRS, LEFT, TOP, 20, 20, 120, 120)


def test_every_band_is_the_image_that_its_name_says(product: FakeSentinel2) -> None:
    source = open_pixels(product.folder / "MTD_MSIL2A.xml", bands=ALL)
    for band in source.bands:
        np.testing.assert_array_equal(read(band), product.values[band.code])
        assert band.grid.spacing_x == (10 if band.code in BANDS_10 else 20)


def test_series_run_on_over_baselines(tmp_path: Path) -> None:
    old = make_sentinel2(tmp_path, baseline="02.14", offset=None, size=60)
    new = make_sentinel2(tmp_path, baseline="04.00", offset=-1000, size=60)
    bands = [open_pixels(each.folder, bands=["B8A"]).bands[0] for each in (old, new)]
    values = [
        np.where(read(band) == band.nodata, np.nan, read(band) * band.scale + band.offset) for band in bands
    ]
    assert np.nanmin(read(bands[1])[10:]) >= 1000
    np.testing.assert_array_equal(*values)


def test_the_offset_is_that_of_the_band(product: FakeSentinel2, tmp_path: Path) -> None:
    folder = edited(product, tmp_path, 'band_id="8">-1000', 'band_id="8">-500')
    source = open_pixels(folder, bands=["B08", "B8A"])
    assert [band.offset for band in source.bands] == [-1000, -500]


def test_another_quantification(product: FakeSentinel2, tmp_path: Path) -> None:
    old, new = '"none">10000</BOA_Q', '"none">20000</BOA_Q'
    band = open_pixels(edited(product, tmp_path, old, new), bands=["B02"]).bands[0]
    assert (band.scale, band.offset) == (0.5, -500)


def test_names_of_the_original(product: FakeSentinel2) -> None:
    assert [band.code for band in open_pixels(product.folder, bands=["B4", "b11"]).bands] == ["B04", "B11"]


def test_elements_of_old_baselines(product: FakeSentinel2, tmp_path: Path) -> None:
    folder = edited(product, tmp_path, "IMAGE_FILE>", "IMAGE_FILE_2A>")
    path = folder / "MTD_MSIL2A.xml"
    text = path.read_text().replace("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE")
    path.write_text(
        text.replace("PRODUCT_URI>", "PRODUCT_URI_2A>").replace("Product_Info>", "L2A_Product_Info>")
    )
    assert len(open_pixels(folder).bands) == 3


def test_zip(product: FakeSentinel2, tmp_path: Path) -> None:
    source = open_pixels(product.zipped(tmp_path / "product.zip"))
    assert source.observation.reference == product.folder.name
    for band in source.bands:
        np.testing.assert_array_equal(read(band), product.values[band.code])


def test_given(product: FakeSentinel2) -> None:
    assert open_pixels(product.folder, given=Given(reference="x.SAFE")).observation.reference == "x.SAFE"


@pytest.mark.parametrize("name", ["B01", "B10", "VV", "TCI"])
def test_bands_that_are_not_offered(product: FakeSentinel2, name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is no band"):
        open_pixels(product.folder, bands=["B04", name])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("BOA_ADD_OFFSET", "NO_OFFSET", "baseline 04.00 or later has to state BOA_ADD_OFFSET"),
        ('band_id="3"', 'band_id="99"', "BOA_ADD_OFFSET of band B04 is missing"),
        ("BOA_QUANTIFICATION_VALUE", "OTHER", "quantification value of the reflectances is missing"),
        ("_B04_10m</", "_B44_10m</", "no image of band B04 at 10 m"),
        ("_B04_10m</", "_X_B04_10m</", "B04_10m.jp2"),
        ("Sentinel-2A", "Landsat-8", "no Sentinel-2"),
        ("PRODUCT_URI>", "OTHER>", "PRODUCT_URI_2A is missing"),
        ("</n1:General_Info>", "", "XML cannot be read"),
    ],
)
def test_damaged_metadata(product: FakeSentinel2, tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        open_pixels(edited(product, tmp_path, old, new))


def test_a_damaged_image(tmp_path: Path) -> None:
    product = make_sentinel2(tmp_path, size=240, bands=("B04",))
    image = next(product.folder.rglob("*_B04_10m.jp2"))
    image.write_bytes(image.read_bytes()[:4000])
    band = open_pixels(product.folder, bands=["B04"]).bands[0]
    with BandReader(band) as reader, pytest.raises(DataError, match=r"B04_10m\.jp2: rows 0 to 239") as caught:
        reader.read(band.grid.window)
    assert "fetch or make it again" in caught.value.advice
    image.write_bytes(b"no image")
    with pytest.raises(DataError, match="cannot be read as a raster"):
        open_pixels(product.folder, bands=["B04"])


def test_no_metadata(product: FakeSentinel2, tmp_path: Path) -> None:
    (tmp_path / "a.SAFE").mkdir()
    with pytest.raises(DataError, match=r"MTD_MSIL2A\.xml: does not exist"):
        open_pixels(tmp_path / "a.SAFE")
