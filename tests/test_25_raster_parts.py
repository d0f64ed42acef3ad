"""The parts of raster writing: statistics, overviews, TIFF fields, ledger, disk."""

from __future__ import annotations

import errno
import math
import os
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s1card.errors import ResourceError, S1CardError, UsageError
from s1card.raster import BandSpec, TileCodec, disk, tiff
from s1card.raster.codec import predict_floats
from s1card.raster.overviews import Pyramid, halve, level_shapes
from s1card.raster.sink import TileLedger, check_bands, common_dtype, common_nodata
from s1card.raster.statistics import combine, tile_moments
from s1card.window import Window

NAN = float("nan")


def test_moments_of_a_tile_by_hand():
    tile = np.array([[1.0, NAN, 9.0], [3.0, math.inf, 9.0], [9.0, 9.0, 9.0]], np.float32)
    moments = tile_moments(tile, 2, 2, NAN)
    assert (moments.blank, moments.count) == (1, 2)  # NaN is nodata, infinity neither that nor valid
    assert (moments.minimum, moments.maximum, moments.mean, moments.squares) == (1.0, 3.0, 2.0, 2.0)


def test_moments_know_a_nodata_value_and_its_absence():
    tile = np.array([[0, 4], [0, 6]], np.uint8)
    assert tile_moments(tile, 2, 2, 0).count == 2
    assert tile_moments(tile, 2, 2, None).count == 4
    assert tile_moments(tile, 2, 2, None).blank == 0
    floats = np.array([[0.0, NAN], [0.0, 5.0]], np.float32)
    moments = tile_moments(floats, 2, 2, 0.0)
    assert (moments.blank, moments.count, moments.mean) == (2, 1, 5.0)


def test_combined_statistics_equal_those_of_the_whole():
    rng = np.random.default_rng(3)
    values = (3000 + 0.01 * rng.standard_normal((6, 40, 50))).astype(np.float32)
    values[1] = NAN
    values[2, :, :20] = NAN
    whole = combine((tile_moments(tile, 40, 50, NAN) for tile in values), values.size)
    exact = values[np.isfinite(values)].astype(np.float64)
    assert whole.count == exact.size
    assert whole.total == values.size
    assert whole.minimum == exact.min()
    assert whole.maximum == exact.max()
    assert whole.mean == pytest.approx(exact.mean(), rel=1e-14)
    assert whole.std == pytest.approx(exact.std(), rel=1e-9)  # a sum of squares would lose all digits


def test_statistics_of_nothing_are_nan():
    nothing = combine([tile_moments(np.full((2, 2), NAN, np.float32), 2, 2, NAN)], 4)
    assert (nothing.count, nothing.valid_percent) == (0, 0.0)
    assert math.isnan(nothing.mean)


def test_halving_takes_the_mean_of_valid_samples():
    tile = np.array([[1, 3, NAN, 5, 7], [5, 7, NAN, NAN, NAN], [NAN, NAN, 2, 4, 6]], np.float32)
    out = np.full((2, 3), NAN, np.float32)
    halve(tile, (3, 5), BandSpec("a"), out)
    np.testing.assert_array_equal(out, np.array([[4, 5, 7], [NAN, 3, 6]], np.float32))


def test_halving_leaves_out_what_lies_beyond_the_raster():
    tile = np.array([[1, 3, 100], [5, 7, 100], [100, 100, 100]], np.float32)
    out = np.zeros((1, 1), np.float32)
    halve(tile, (1, 2), BandSpec("a"), out)
    assert out[0, 0] == 2


def test_halving_of_nodata_values_integers_and_nearest():
    zero = np.zeros((1, 1), np.float32)
    halve(np.array([[0, 4], [0, 8]], np.float32), (2, 2), BandSpec("a", nodata=0.0), zero)
    assert zero[0, 0] == 6
    rounded = np.zeros((1, 1), np.uint8)
    halve(np.array([[1, 2], [2, 2]], np.uint8), (2, 2), BandSpec("a", dtype="uint8", nodata=None), rounded)
    assert rounded[0, 0] == 2
    nearest = np.zeros((2, 2), np.uint8)
    mask = BandSpec("m", dtype="uint8", nodata=None, overview="nearest")
    halve(np.arange(9, dtype=np.uint8).reshape(3, 3), (3, 3), mask, nearest)
    np.testing.assert_array_equal(nearest, [[0, 2], [6, 8]])


def test_levels_end_when_one_fits_into_a_tile():
    assert level_shapes((512, 512)) == [(512, 512)]
    assert level_shapes((513, 511)) == [(513, 511), (257, 256)]
    assert level_shapes((2049, 100)) == [(2049, 100), (1025, 50), (513, 25), (257, 13)]


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 40), cols=st.integers(1, 40), seed=st.integers(0, 2**31))
def test_pyramid_is_whole_and_equal_for_every_order(rows: int, cols: int, seed: int):
    rng = np.random.default_rng(seed)
    data = rng.random((rows, cols)).astype(np.float32)
    data[rng.random((rows, cols)) < 0.3] = NAN
    results = []
    for order in (1, -1):
        levels = [np.full(shape, NAN, np.float32) for shape in level_shapes((rows, cols), 8)]

        def emit(level: int, row: int, col: int, tile: np.ndarray | None, levels: list = levels) -> None:
            assert tile is not None
            target = levels[level][row * 8 : row * 8 + 8, col * 8 : col * 8 + 8]
            target[:] = tile[: target.shape[0], : target.shape[1]]

        pyramid = Pyramid((rows, cols), BandSpec("a"), emit, 8)
        for window in list(Window(0, 0, rows, cols).tiles(8, 8))[::order]:
            tile = np.full((8, 8), 1e9, np.float32)  # what pads an edge tile must not count
            tile[: window.rows, : window.cols] = data[window.slices_in(Window(0, 0, rows, cols))]
            pyramid.add(window.row // 8, window.col // 8, tile)
        assert pyramid.pending == 0
        results.append(levels[1:])
    below = data
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(first, _halved(below))
        below = first


def _halved(data: np.ndarray) -> np.ndarray:
    rows, cols = (-(-size // 2) for size in data.shape)
    padded = np.full((2 * rows, 2 * cols), NAN)
    padded[: data.shape[0], : data.shape[1]] = data
    blocks = padded.reshape(rows, 2, cols, 2).swapaxes(1, 2).reshape(rows, cols, 4)
    count = np.isfinite(blocks).sum(-1)
    with np.errstate(invalid="ignore"):
        return (np.nansum(blocks, -1) / count).astype(np.float32)


def test_ledger_takes_each_tile_once():
    ledger = TileLedger((1000, 600), 1)
    data = np.zeros((512, 512), np.float32)
    with ledger.writing(0, Window(0, 0, 512, 512), data) as tiles:
        assert [(tile.row, tile.col) for tile in tiles] == [(0, 0)]
    with pytest.raises(S1CardError, match="twice"), ledger.writing(0, Window(0, 0, 512, 512), data):
        pass
    with pytest.raises(S1CardError, match="3 of 4 tiles were not written"):
        ledger.close()


def test_ledger_takes_rectangles_of_tiles_and_refuses_others():
    ledger = TileLedger((1000, 600), 1)
    for window in (Window(1, 0, 511, 512), Window(0, 0, 512, 599), Window(512, 0, 512, 512)):
        with pytest.raises(S1CardError, match="lattice"), ledger.writing(0, window, np.zeros(window.shape)):
            pass
    with (
        pytest.raises(S1CardError, match="shape"),
        ledger.writing(0, Window(0, 0, 512, 512), np.zeros((2, 2))),
    ):
        pass
    with ledger.writing(0, Window(0, 0, 1000, 600), np.zeros((1000, 600))) as tiles:
        assert [tile.window.shape for tile in tiles] == [(512, 512), (512, 88), (488, 512), (488, 88)]
    ledger.close()


def test_ledger_does_not_count_a_tile_that_failed():
    ledger = TileLedger((10, 10), 1)
    with pytest.raises(ValueError, match="disk"), ledger.writing(0, Window(0, 0, 10, 10), np.zeros((10, 10))):
        raise ValueError("disk")
    with pytest.raises(S1CardError, match="not written"):
        ledger.close()


@pytest.mark.parametrize(
    "band",
    [
        BandSpec("a/b"),
        BandSpec(""),
        BandSpec("a", dtype="complex64"),
        BandSpec("a", dtype="uint8"),
        BandSpec("a", dtype="uint8", nodata=256),
    ],
)
def test_bands_that_no_file_can_hold_are_refused(band: BandSpec):
    with pytest.raises(UsageError):
        check_bands([band], (10, 10))


def test_no_bands_twice_the_same_and_empty_rasters_are_refused():
    for bands, shape in (([], (2, 2)), ([BandSpec("a")] * 2, (2, 2)), ([BandSpec("a")], (0, 2))):
        with pytest.raises(UsageError):
            check_bands(bands, shape)


def test_one_type_and_one_nodata_value_for_bands_that_differ():
    gamma, dem = BandSpec("g"), BandSpec("d", nodata=-32768.0)
    mask = BandSpec("m", dtype="uint8", nodata=None)
    legacy, other = BandSpec("l", nodata=0.0), BandSpec("o", nodata=1.0)
    assert common_dtype([gamma, mask]) == np.float32
    assert math.isnan(common_nodata([gamma, dem, mask]) or 0)
    assert common_nodata([legacy, BandSpec("k", nodata=0.0)]) == 0.0
    assert common_nodata([legacy, other]) is None
    assert common_nodata([mask, legacy]) is None


def test_directory_round_trip_and_its_size():
    tags = [
        tiff.Tag.integers(257, tiff.LONG, [7]),
        tiff.Tag.text(270, "hello"),
        tiff.Tag.integers(256, 3, [5, 6, 7]),
    ]
    front = tiff.encode_front([tags], b"", big=False)
    assert front[:8] == b"II*\0\x08\0\0\0"
    assert len(front) == 8 + tiff.directory_size(tags, big=False)
    assert tiff.read_directory(front) == sorted(tags, key=lambda tag: tag.code)


def test_nodata_is_spelled_as_gdal_does():
    assert [tiff.nodata_text(value) for value in (NAN, 0.0, -32768.0, 0.5)] == ["nan", "0", "-32768", "0.5"]


def test_float_predictor_by_hand_and_against_another():
    tile = np.array([[0x01020304, 0x02030507]], np.uint32).view(np.float32)
    assert predict_floats(tile).tolist() == [[1, 1, 0, 1, 0, 2, 255, 3]]
    for dtype in (np.float32, np.float64):
        values = np.random.default_rng(1).normal(size=(7, 13)).astype(dtype)
        assert predict_floats(values).tobytes() == imagecodecs.floatpred_encode(values).tobytes()


def test_unknown_compression_is_refused():
    with pytest.raises(UsageError, match="zstd"):
        TileCodec("lzma")  # type: ignore[arg-type]


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a"
    write, pwrite = os.write, os.pwrite
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: pwrite(fd, data[:3], offset))
    fd = disk.create(path)
    disk.write_all(fd, b"0123456789", path)
    disk.pwrite_all(fd, b"abcdefgh", 10, path)
    disk.finish(fd, path)
    assert path.read_bytes() == b"0123456789abcdefgh"


def test_a_write_without_progress_is_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "write", lambda fd, data: 0)
    fd = disk.create(tmp_path / "a")
    with pytest.raises(ResourceError, match="full"):
        disk.write_all(fd, b"0", tmp_path / "a")
    disk.finish(fd, tmp_path / "a")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_is_told_before_anything_is_written(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(ResourceError, match="Free space") as caught:
        disk.create(tmp_path / "a", 100)
    assert caught.value.subject == str(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match="may be written"):
        disk.create(tmp_path / "file" / "a")


def test_publishing_takes_the_place_of_an_older_folder(tmp_path: Path):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    disk.publish(tmp_path / "new", tmp_path / "old")
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["new"]
