from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import card_cases
import numpy as np
import pytest
import rasterio
from counting_proxy import counting_proxy
from s3_server import BUCKET, S3Server, running_s3, set_environment
from sentinel2_factory import FakeSentinel2, make_sentinel2

from s1card.card import assemble_card
from s1card.errors import DataError, NetworkError
from s1card.geometry.map_grid import MapGrid
from s1card.parcels.pixels import BandReader, Given, PixelBand, PixelSource, open_pixels
from s1card.raster import BandSpec, CogSink, DimapSink
from s1card.window import Window

pytestmark = pytest.mark.enable_socket

ID = f"{card_cases.NAME}_CARD_BS"
COHERENCE = "S1B_20190301T172436__1A_20190223T172513_20190223T172540_CARD-COH6"
GRID = MapGrid("EPSG:32633", 300_000.0, 4_700_000.0, 10.0, 10.0, 1024, 3072)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def s3(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    set_environment(server, monkeypatch)
    return server


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("card")
    assemble_card(card_cases.card_bands(folder / "tmp"), card_cases.context(), folder)
    return folder / ID


@pytest.fixture(scope="module")
def sentinel2(tmp_path_factory: pytest.TempPathFactory) -> FakeSentinel2:
    return make_sentinel2(tmp_path_factory.mktemp("s2"), bands=("B04", "B08", "SCL"))


def read(band: PixelBand) -> np.ndarray:
    with BandReader(band) as reader:
        return reader.read(band.grid.window)


def same(here: PixelSource, there: PixelSource) -> bool:
    """Whether two sources describe and hold the same, wherever they are."""
    facts = ("reference", "obstime", "sensor", "card", "relative_orbit", "checksum")
    same_facts = all(getattr(here.observation, f) == getattr(there.observation, f) for f in facts)
    return same_facts and all(
        (a.code, a.grid, a.dtype, a.block_shape) == (b.code, b.grid, b.dtype, b.block_shape)
        and np.array_equal(read(a), read(b), equal_nan=True)
        for a, b in zip(here.bands, there.bands, strict=True)
    )


def big_cog(path: Path) -> np.ndarray:
    values = np.random.default_rng(0).gamma(4.4, 0.02, GRID.shape).astype(np.float32)
    sink = CogSink([path], GRID, [BandSpec("VV")], {})
    for tile in GRID.window.tiles(512, 512):
        sink.write(0, tile, values[tile.slices_in(GRID.window)])
    sink.close()
    return values


def test_a_card(s3: S3Server, card: Path) -> None:
    location = s3.put_folder(card, f"cards/2021/{ID}")
    source = open_pixels(location)
    assert source.observation.source == location
    assert source.bands[0].path == f"/vsis3/{BUCKET}/cards/2021/{ID}/{ID}_VV.tif"
    assert same(open_pixels(card), source)
    assert same(open_pixels(card), open_pixels(f"{location}/{ID}.json"))
    assert source.incidence is not None
    assert np.all(read(source.incidence) == 39)


def test_a_card_with_a_missing_or_short_raster(s3: S3Server, card: Path) -> None:
    location = s3.put_folder(card, "broken/a")
    s3.put(f"broken/a/{ID}_VV.tif", (card / f"{ID}_VV.tif").read_bytes()[:-10])
    with pytest.raises(DataError, match=r"VV\.tif: the raster has"):
        open_pixels(location)
    s3.client().delete_object(Bucket=BUCKET, Key=f"broken/a/{ID}_VV.tif")
    with pytest.raises(DataError, match=r"VV\.tif: no such object"):
        open_pixels(location)


def test_cards_of_the_jrc_system(s3: S3Server, tmp_path: Path) -> None:
    values = card_cases.power(0.1)
    sink = DimapSink(tmp_path / f"{ID}.dim", card_cases.GRID, [BandSpec("Gamma0_VV", nodata=None)], {})
    sink.write(0, card_cases.GRID.window, values)
    sink.close()
    location = s3.put_folder(tmp_path, f"Sentinel-1/SAR/CARD-BS/2021/01/19/{ID}")
    assert same(open_pixels(tmp_path / f"{ID}.dim"), open_pixels(location))
    key = f"Sentinel-1/SAR/CARD-COH6/2019/03/01/{COHERENCE}/{COHERENCE}.tif"
    path = card_cases.write_raster(tmp_path / f"{COHERENCE}.tif", values, nodata=None)
    there = open_pixels(storage_parent(s3.put(key, path.read_bytes())), bands=["VV"])
    assert [band.code for band in there.bands] == ["VVc"]
    assert same(open_pixels(path, bands=["VV"]), there)


def storage_parent(location: str) -> str:
    return location.rpartition("/")[0]


def test_sentinel2(s3: S3Server, sentinel2: FakeSentinel2) -> None:
    location = s3.put_folder(sentinel2.folder, f"Sentinel-2/{sentinel2.folder.name}")
    source = open_pixels(location)
    assert same(open_pixels(sentinel2.folder), source)
    assert np.array_equal(read(source.band("SCL")), sentinel2.values["SCL"])
    s3.put("zips/S2A_MSIL2A_x.zip", b"")
    with pytest.raises(DataError, match="zip in an object store"):
        open_pixels(f"s3://{BUCKET}/zips/S2A_MSIL2A_x.zip")


def test_nothing_there(s3: S3Server) -> None:
    with pytest.raises(DataError, match="there is nothing"):
        open_pixels(f"s3://{BUCKET}/no/such/card")
    with pytest.raises(DataError, match="no such object"):
        open_pixels(f"s3://{BUCKET}/no/such/S1A_20210531T051000.tif")


def test_a_window_costs_its_own_bytes_only(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = big_cog(tmp_path / "a.tif")
    size = (tmp_path / "a.tif").stat().st_size
    location = s3.put("rasters/S1A_20210531T051000_VV.tif", (tmp_path / "a.tif").read_bytes())
    with counting_proxy(s3.port, tmp_path / "count") as proxy:
        monkeypatch.setenv("AWS_S3_ENDPOINT", f"127.0.0.1:{proxy.port}")
        band = open_pixels(location, given=Given(card="bs")).bands[0]
        with BandReader(band) as reader:
            window = Window(600, 600, 10, 10)
            np.testing.assert_array_equal(reader.read(window), values[window.slices_in(GRID.window)])
            assert proxy.received < size / 4
            before = proxy.received
            reader.read(window)
            assert proxy.received - before < size / 8
            np.testing.assert_array_equal(reader.read(GRID.window), values)


def test_a_service_that_goes_away(server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(server, monkeypatch)
    big_cog(tmp_path / "a.tif")
    with rasterio.open(tmp_path / "a.tif") as dataset:
        profile = dataset.profile | {"compress": "none", "driver": "GTiff", "predictor": 1}
        with rasterio.open(tmp_path / "plain.tif", "w", **profile) as target:
            target.write(dataset.read())
    locations = [
        server.put("gone/S1A_20210531T051000_VV.tif", (tmp_path / "a.tif").read_bytes()),
        server.put("gone/plain/S1A_20210531T051000_VV.tif", (tmp_path / "plain.tif").read_bytes()),
    ]
    with counting_proxy(server.port, tmp_path / "count") as proxy:
        monkeypatch.setenv("AWS_S3_ENDPOINT", f"127.0.0.1:{proxy.port}")
        readers = [
            BandReader(open_pixels(location, given=Given(card="bs")).bands[0]) for location in locations
        ]
        for reader in readers:
            reader.read(Window(0, 0, 1, 1))
    for reader in readers:
        with pytest.raises(NetworkError, match="does not answer"):
            reader.read(Window(512, 0, 512, 3072))
        reader.close()
