from __future__ import annotations

import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from s1card.errors import DataError
from s1card.geometry.map_grid import MapGrid
from s1card.parcels.pixels import BandReader, PixelBand
from s1card.parcels.pixels import reader as reader_module
from s1card.parcels.pixels.rasters import read_header
from s1card.raster import BandSpec, CogSink, TileCodec
from s1card.window import Window

ROWS, COLS = 1100, 1301
GRID = MapGrid("EPSG:32633", 300_000.0, 4_700_000.0, 10.0, 10.0, ROWS, COLS)


@cache
def speckle(seed: int = 1) -> np.ndarray:
    """Values as a card has them: speckle, a frame without data as large as a tile, and odd bit patterns."""
    values = np.random.default_rng(seed).gamma(4.4, 0.02, (ROWS, COLS)).astype(np.float32)
    values[:520, :530] = np.nan
    values[600, :7] = [0.0, -0.0, np.inf, -np.inf, 1e-45, -3.4e38, np.nan]
    return values


def write_cog(path: Path, values: np.ndarray, codec: TileCodec | None = None) -> Path:
    sink = CogSink([path], GRID, [BandSpec("VV")], {}, codec=codec)
    for tile in GRID.window.tiles(512, 512):
        sink.write(0, tile, values[tile.slices_in(GRID.window)])
    sink.close()
    return path


def band(path: Path, index: int = 1) -> PixelBand:
    return read_header(str(path)).band(index, "VVb", "VV", nodata=None)


@pytest.fixture(scope="module")
def cog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cog(tmp_path_factory.mktemp("cog") / "card.tif", speckle())


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(
        np.array_equal(np.ascontiguousarray(a).view(np.uint32), np.ascontiguousarray(b).view(np.uint32))
    )


def is_decoded_here(reader: BandReader) -> bool:
    reader.read(Window(0, 0, 1, 1))
    return reader._tiles is not None


@pytest.mark.parametrize("compression", ["zstd", "deflate"])
def test_every_bit_of_a_card(tmp_path: Path, compression: str) -> None:
    path = write_cog(tmp_path / "a.tif", speckle(), TileCodec(compression=compression))  # type: ignore[arg-type]
    with BandReader(band(path)) as reader:
        assert is_decoded_here(reader)
        found = reader.read(GRID.window)
    with rasterio.open(path) as dataset:
        assert same_bits(found, dataset.read(1))
    finite = ~np.isnan(speckle())
    assert same_bits(found[finite], speckle()[finite])


@settings(max_examples=40)
@given(st.integers(0, ROWS - 1), st.integers(0, COLS - 1), st.integers(1, ROWS), st.integers(1, COLS))
def test_any_window(cog: Path, row: int, col: int, rows: int, cols: int) -> None:
    window = Window(row, col, rows, cols).intersection(GRID.window)
    with BandReader(band(cog)) as reader:
        found = reader.read(window)
    assert found.shape == window.shape
    expected = speckle()[window.slices_in(GRID.window)]
    assert np.array_equal(found, expected, equal_nan=True)


def test_tiles_that_were_not_written_hold_no_data(cog: Path) -> None:
    with rasterio.open(cog) as dataset:
        assert dataset.get_tag_item("BLOCK_SIZE_0_0", "TIFF", bidx=1) is None
    with BandReader(band(cog)) as reader:
        assert np.isnan(reader.read(Window(0, 0, 512, 512))).all()


def test_out_is_filled_and_returned(cog: Path) -> None:
    out = np.zeros((100, COLS), np.float32)
    with BandReader(band(cog)) as reader:
        assert reader.read(Window(600, 0, 100, COLS), out) is out
        assert reader.read(Window(0, 0, 0, 10)).shape == (0, 10)
    assert np.array_equal(out, speckle()[600:700], equal_nan=True)


def other(path: Path, values: np.ndarray, **profile: object) -> Path:
    options = {"driver": "GTiff", "height": ROWS, "width": COLS, "count": 1, "dtype": values.dtype.name,
               "crs": GRID.crs, "transform": rasterio.Affine(*GRID.transform)}  # fmt: skip
    with rasterio.open(path, "w", **(options | profile)) as target:
        for index in range(1, target.count + 1):
            target.write(values + np.asarray(index - 1, values.dtype), index)
    return path


TILED = {"tiled": True, "blockxsize": 256, "blockysize": 128}


@pytest.mark.parametrize(
    ("profile", "dtype", "index", "is_here"),
    [
        ({**TILED, "compress": "deflate", "predictor": 3}, "float32", 1, True),
        ({**TILED, "compress": "zstd", "predictor": 3, "count": 2, "interleave": "band"}, "float32", 2, True),
        (
            {**TILED, "compress": "zstd", "predictor": 3, "count": 2, "interleave": "pixel"},
            "float32",
            2,
            False,
        ),
        ({**TILED, "compress": "zstd", "predictor": 3, "ENDIANNESS": "BIG"}, "float32", 1, True),
        ({**TILED, "compress": "zstd", "predictor": 2}, "float32", 1, False),
        ({**TILED, "compress": "lzw", "predictor": 3}, "float32", 1, False),
        ({**TILED, "compress": "zstd"}, "float32", 1, False),
        ({**TILED, "compress": "deflate", "predictor": 2}, "uint16", 1, False),
        ({**TILED, "compress": "deflate", "predictor": 3}, "float64", 1, False),
        ({"compress": "zstd", "predictor": 3}, "float32", 1, False),
        ({"driver": "ENVI"}, "float32", 1, False),
        ({}, "float32", 1, False),
    ],
)
def test_other_layouts(
    tmp_path: Path, profile: dict[str, object], dtype: str, index: int, is_here: bool
) -> None:
    values = (1000 * np.nan_to_num(speckle(), nan=0, posinf=1, neginf=0).clip(0, 60)).astype(dtype)
    path = other(tmp_path / "a.tif", values, **profile)
    with BandReader(band(path, index)) as reader:
        assert is_decoded_here(reader) == is_here
        window = Window(100, 200, 700, 1000)
        expected = values[window.slices_in(GRID.window)] + np.asarray(index - 1, dtype)
        np.testing.assert_array_equal(reader.read(window), expected)
        assert reader.dtype == dtype


@pytest.mark.parametrize("by_gdal", [False, True])
def test_threads_read_at_the_same_time(cog: Path, by_gdal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if by_gdal:
        monkeypatch.setattr(reader_module, "open_tiles", lambda *_: None)
    expected = speckle()
    windows = list(Window(3, 5, ROWS - 3, COLS - 5).tiles(90, 400)) * 3
    with BandReader(band(cog)) as reader, ThreadPoolExecutor(8) as pool:
        for window, found in zip(windows, pool.map(reader.read, windows), strict=True):
            assert np.array_equal(found, expected[window.slices_in(GRID.window)], equal_nan=True)


def test_a_closed_reader(cog: Path) -> None:
    reader = BandReader(band(cog))
    reader.close()
    with pytest.raises(RuntimeError, match="closed"):
        reader.read(Window(0, 0, 1, 1))


def spoil(path: Path, change: Callable[[bytearray, int, int], None]) -> None:
    """Change a file in the tile at row 1, column 1."""
    with rasterio.open(path) as dataset:
        start, size = (
            int(dataset.get_tag_item(f"BLOCK_{what}_1_1", "TIFF", bidx=1)) for what in ("OFFSET", "SIZE")
        )
    content = bytearray(path.read_bytes())
    change(content, start, size)
    path.write_bytes(content)


def overwrite(content: bytearray, start: int, size: int) -> None:
    content[start : start + size] = bytes(size)


def truncate(content: bytearray, start: int, size: int) -> None:
    del content[start + size // 2 :]


def shorten(content: bytearray, start: int, size: int) -> None:
    """A stream that decodes to fewer bytes than a tile has, followed by one to be skipped."""
    short = imagecodecs.zstd_encode(bytes(1000))
    skipped = size - len(short) - 8
    content[start : start + size] = short + struct.pack("<II", 0x184D2A50, skipped) + bytes(skipped)


@pytest.mark.parametrize("damage", [overwrite, truncate, shorten])
@pytest.mark.parametrize("by_gdal", [False, True])
def test_a_damaged_tile(
    tmp_path: Path,
    damage: Callable[[bytearray, int, int], None],
    by_gdal: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if by_gdal:
        monkeypatch.setattr(reader_module, "open_tiles", lambda *_: None)
    path = write_cog(tmp_path / "card.tif", speckle())
    spoil(path, damage)
    with BandReader(band(path)) as reader:
        with pytest.raises(
            DataError, match=r"card\.tif: rows 512 to 611, columns 0 to 1299 of band VV"
        ) as caught:
            reader.read(Window(512, 0, 100, 1300))
        assert "fetch or make it again" in caught.value.advice


def test_a_file_that_vanished(cog: Path, tmp_path: Path) -> None:
    path = write_cog(tmp_path / "card.tif", speckle())
    there = band(path)
    path.unlink()
    with BandReader(there) as reader, pytest.raises(DataError, match=r"card\.tif: rows 0 to 9"):
        reader.read(Window(0, 0, 10, 10))
