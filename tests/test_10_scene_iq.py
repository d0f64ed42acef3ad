"""SLC samples as they are stored, in every way that a measurement file may be written or packed."""

from __future__ import annotations

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safe_factory import SafeCase, store_safe, write_safe, zip_safe
from slc_factory import BURST_PIXELS, SlcCase, samples, write_slc, write_slc_tiff

from s1card.errors import SceneError
from s1card.scene import PixelReader, Scene, check_measurements, open_scene
from s1card.scene.safe import SafeZip, split_zip_path
from s1card.scene.strips import open_strips

CASE = SlcCase(swaths=("IW1",))
LINES = CASE.lines
TRUTH = samples(CASE)

Packing = Callable[[Path, Path], Path]
PACKINGS: dict[str, Packing] = {
    "folder": lambda safe, folder: safe,
    "stored zip": lambda safe, folder: store_safe(safe, folder / "some.zip"),
    "stored zip under any name": lambda safe, folder: store_safe(safe, folder / "some.bin"),
    "deflated zip": lambda safe, folder: zip_safe(safe, folder / "some.zip"),
    "zip in a folder named like one": lambda safe, folder: store_safe(
        safe, _folder(folder / "a.zip") / "b.zip"
    ),
}

LAYOUTS: dict[str, dict[str, object]] = {
    "a strip per line": {"blockysize": 1},
    "strips of three lines": {"blockysize": 3},
    "one strip": {"blockysize": LINES},
    "bigtiff": {"BIGTIFF": "YES"},
    "big endian": {"ENDIANNESS": "BIG"},
    "deflate": {"compress": "deflate"},
    "tiled": {"tiled": True, "blockxsize": 16, "blockysize": 16},
    "one tile": {"tiled": True, "blockxsize": 32, "blockysize": 32},
}
DIRECT = ("a strip per line", "strips of three lines", "one strip", "bigtiff")


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def measurement(safe: Path) -> Path:
    (path,) = safe.glob("measurement/*")
    return path


def is_direct(reader: PixelReader) -> bool:
    """Whether the file is read without GDAL."""
    strips = open_strips(reader._dataset)
    if strips is not None:
        strips.close()
    return strips is not None


def offset(reader: PixelReader, strip: int) -> int:
    """Place of a strip in the file, 0 if it is left out."""
    return int(reader._dataset.get_tag_item(f"BLOCK_OFFSET_0_{strip}", "TIFF", bidx=1) or 0)


@pytest.fixture
def safe(tmp_path: Path) -> Path:
    return write_slc(tmp_path, CASE)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return open_scene(write_slc(tmp_path_factory.mktemp("whole"), CASE))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.integers(0, LINES - 1), count=st.integers(1, LINES))
def test_any_lines(whole: Scene, first: int, count: int) -> None:
    count = min(count, LINES - first)
    with PixelReader(whole.images[0]) as reader:
        found, converted = reader.read_iq(first, count), reader.read_lines(first, count)
    assert (found.dtype, found.shape) == (np.int16, (count, BURST_PIXELS, 2))
    assert np.array_equal(found, TRUTH[first : first + count])
    assert converted.dtype == np.complex64
    assert np.array_equal(converted.real, found[..., 0])
    assert np.array_equal(converted.imag, found[..., 1])


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(safe: Path, tmp_path: Path, layout: str, packing: str) -> None:
    write_slc_tiff(measurement(safe), TRUTH, **LAYOUTS[layout])
    with PixelReader(open_scene(PACKINGS[packing](safe, tmp_path)).images[0]) as reader:
        assert np.array_equal(reader.read_iq(0, LINES), TRUTH)
        assert np.array_equal(reader.read_iq(5, 4), TRUTH[5:9])
        assert is_direct(reader) == (layout in DIRECT)


def test_strips_in_any_order(safe: Path) -> None:
    write_slc_tiff(measurement(safe), TRUTH, order=range(LINES)[::-1], SPARSE_OK=True)
    with PixelReader(open_scene(safe).images[0]) as reader:
        assert offset(reader, 3) > offset(reader, 4)
        assert is_direct(reader)
        assert np.array_equal(reader.read_iq(0, LINES), TRUTH)


def test_strips_left_out_are_zeros(safe: Path) -> None:
    written = [*range(4), *range(9, LINES)]
    values = np.zeros_like(TRUTH)
    values[written] = TRUTH[written]
    write_slc_tiff(measurement(safe), TRUTH, order=written, SPARSE_OK=True)
    with PixelReader(open_scene(safe).images[0]) as reader:
        assert offset(reader, 5) == 0
        assert np.array_equal(reader.read_iq(0, LINES), values)
        assert np.array_equal(reader.read_iq(12, 3), values[12:15])


def test_extreme_samples(safe: Path) -> None:
    values = np.random.default_rng(3).integers(-32768, 32768, TRUTH.shape).astype(np.int16)
    values[0, :2] = [[-32768, 32767], [32767, -32768]]
    for layout in ("a strip per line", "deflate"):
        write_slc_tiff(measurement(safe), values, **LAYOUTS[layout])
        with PixelReader(open_scene(safe).images[0]) as reader:
            assert np.array_equal(reader.read_iq(0, LINES), values)


def test_threads_share_a_reader(whole: Scene) -> None:
    with PixelReader(whole.images[0]) as reader, ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda line: reader.read_iq(line % LINES, 1)[0], range(200)))
    assert all(np.array_equal(result, TRUTH[index % LINES]) for index, result in enumerate(results))


@pytest.mark.parametrize(("first", "count"), [(-1, 2), (0, 0), (LINES - 1, 2), (LINES, 1)])
def test_lines_outside_are_a_programming_error(whole: Scene, first: int, count: int) -> None:
    with PixelReader(whole.images[0]) as reader, pytest.raises(ValueError, match=f"of an image of {LINES}"):
        reader.read_iq(first, count)


def test_detected_images_have_no_phase(tmp_path: Path) -> None:
    scene = open_scene(write_safe(tmp_path, SafeCase(polarizations=("VV",))))
    with PixelReader(scene.images[0]) as reader, pytest.raises(ValueError, match="is detected"):
        reader.read_iq(0, 1)


@pytest.mark.parametrize("packing", PACKINGS)
def test_truncated(safe: Path, tmp_path: Path, packing: str) -> None:
    """In a zip other files follow, which are not to be taken for samples."""
    path = measurement(safe)
    path.write_bytes(path.read_bytes()[:-100])
    scene = open_scene(PACKINGS[packing](safe, tmp_path))
    with pytest.raises(SceneError, match=r"\.tiff is truncated"):
        check_measurements(scene)
    with PixelReader(scene.images[0]) as reader:
        assert np.array_equal(reader.read_iq(0, LINES - 2), TRUTH[:-2])
        with pytest.raises(SceneError, match=f"lines {LINES - 3} to {LINES - 1} cannot be read") as caught:
            reader.read_iq(LINES - 3, 3)
    assert caught.value.exit_code == 3
    assert path.name in caught.value.subject
    assert caught.value.advice


def test_file_cut_while_it_is_read(safe: Path) -> None:
    path = measurement(safe)
    with PixelReader(open_scene(safe).images[0]) as reader:
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size - 100)
        with pytest.raises(SceneError, match="the file ends before"):
            reader.read_iq(LINES - 1, 1)


def test_zip_gone_while_it_is_opened(safe: Path, tmp_path: Path) -> None:
    """What stands in the way of plain reading is left to GDAL."""
    archive = store_safe(safe, tmp_path / "some.zip")
    with PixelReader(open_scene(archive).images[0]) as reader:
        archive.rename(tmp_path / "other.zip")
        assert not is_direct(reader)


def test_forgotten_reader_gives_its_file_back(whole: Scene) -> None:
    reader = PixelReader(whole.images[0])
    reader.read_iq(0, 1)
    del reader
    gc.collect()


def test_closed_reader(whole: Scene) -> None:
    reader = PixelReader(whole.images[0])
    reader.close()
    for read in (reader.read_iq, reader.read_lines):
        with pytest.raises(SceneError, match="lines 0 to 0 cannot be read"):
            read(0, 1)


@pytest.mark.parametrize(
    "archive", ["/d/a.zip", "/d/A.ZIP", "/d/a.bin", "/d/a.zip/b.zip", "/d/{a}.bin", "a b"]
)
@pytest.mark.parametrize("name", ["m.tiff", "deep/er.zip/m.tiff"])
def test_zip_paths_are_taken_apart(archive: str, name: str) -> None:
    path = SafeZip(Path(archive), "root.SAFE/", {}).gdal_path(name)
    assert split_zip_path(path) == (archive, f"root.SAFE/{name}")


@pytest.mark.parametrize(
    "path", ["/d/a.zip", "/vsis3/b/a.zip/m.tiff", "/vsizip/a.bin/m.tiff", "/vsizip/a.zip"]
)
def test_other_paths_are_no_zip_paths(path: str) -> None:
    assert split_zip_path(path) is None


def test_simulated_scene(shared: Path) -> None:
    (path,) = (shared / "snap/inputs/slc_pair").glob("S1A*.SAFE.zip")
    with PixelReader(open_scene(path, polarizations=["VV"]).image("VV", "IW2")) as reader:
        found, expected = reader.read_iq(800, 20), reader.read_lines(800, 20)
    assert found.any()
    assert np.array_equal(found[..., 0] + 1j * found[..., 1], expected)


def test_real_crop(shared: Path) -> None:
    """A crop of a real image, with other lines and pixels than its annotation: only the strips are looked at."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    (path,) = (shared / "data/slc-crop-azores").glob("*.tiff")
    with pytest.warns(NotGeoreferencedWarning), rasterio.open(path) as dataset:
        strips = open_strips(dataset)
        expected = dataset.read(1)
        assert strips is not None
        lines = strips.read(0, dataset.height)
        strips.close()
    assert lines is not None
    found = lines.view(np.int16).reshape(*expected.shape, 2)
    assert np.array_equal(found[..., 0] + 1j * found[..., 1], expected)
    assert np.hypot(found[..., 0], found[..., 1], dtype=np.float64).mean() == pytest.approx(51.2, abs=0.01)
