"""Pixels and the integrity of measurement files."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safe_factory import (
    LINES,
    PIXELS,
    SafeCase,
    edit,
    pixels,
    store_safe,
    write_manifest,
    write_safe,
    write_tiff,
    zip_safe,
)

from s1card.errors import SceneError
from s1card.scene import PixelReader, Scene, check_measurements, open_scene, verify_checksums

VV = SafeCase(polarizations=("VV",))


@pytest.fixture
def safe(tmp_path: Path) -> Path:
    return write_safe(tmp_path, VV)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return open_scene(write_safe(tmp_path_factory.mktemp("whole"), VV))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.integers(0, LINES - 1), count=st.integers(1, LINES))
def test_any_lines(whole: Scene, first: int, count: int) -> None:
    count = min(count, LINES - first)
    with PixelReader(whole.images[0]) as reader:
        lines = reader.read_lines(first, count)
    assert lines.dtype == reader.dtype == np.uint16
    assert np.array_equal(lines, pixels()[first : first + count])


@pytest.mark.parametrize("case", [SafeCase(cog=True), SafeCase(upper_case=True), SafeCase()])
@pytest.mark.parametrize("zipped", [False, True])
def test_layouts(tmp_path: Path, case: SafeCase, zipped: bool) -> None:
    safe = write_safe(tmp_path, case)
    scene = open_scene(zip_safe(safe, tmp_path / "some.zip", below="deep/") if zipped else safe)
    check_measurements(scene)
    verify_checksums(scene)
    for image in scene.images:
        with PixelReader(image) as reader:
            assert np.array_equal(reader.read_lines(0, LINES), pixels())


@pytest.mark.parametrize("packing", ["folder", "stored", "deflated"])
@pytest.mark.parametrize(
    ("options", "is_direct"),
    [
        ({"blockysize": 1}, True),
        ({"blockysize": 7}, True),
        ({"BIGTIFF": "YES"}, True),
        ({"ENDIANNESS": "BIG"}, False),
        ({"compress": "lzw"}, False),
        ({"tiled": True, "blockxsize": 16, "blockysize": 16}, False),
    ],
)
def test_ways_to_write_and_pack_a_measurement(
    safe: Path, tmp_path: Path, options: dict[str, object], is_direct: bool, packing: str
) -> None:
    values = pixels() * np.uint16(27)
    (path,) = safe.glob("measurement/*")
    write_tiff(path, values, **options)
    packed = {
        "folder": lambda: safe,
        "stored": lambda: store_safe(safe, tmp_path / "some.zip"),
        "deflated": lambda: zip_safe(safe, tmp_path / "some.zip"),
    }[packing]()
    with PixelReader(open_scene(packed).images[0]) as reader:
        assert (reader._strips is not None) == is_direct
        for first, count in ((0, LINES), (5, 9), (0, 1)):
            found = reader.read_lines(first, count)
            assert found.dtype == np.uint16
            assert np.array_equal(found, values[first : first + count])


def test_zip_under_any_name(safe: Path, tmp_path: Path) -> None:
    scene = open_scene(zip_safe(safe, tmp_path / "product.dat"))
    check_measurements(scene)
    with PixelReader(scene.images[0]) as reader:
        assert reader.read_lines(3, 1)[0, 0] == 3 * PIXELS


def test_threads_share_a_reader(whole: Scene) -> None:
    with PixelReader(whole.images[0]) as reader, ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda line: reader.read_lines(line % LINES, 1)[0], range(200)))
    assert all(np.array_equal(result, pixels()[index % LINES]) for index, result in enumerate(results))


@pytest.mark.parametrize(("first", "count"), [(-1, 2), (0, 0), (39, 2), (40, 1)])
def test_lines_outside_are_a_programming_error(whole: Scene, first: int, count: int) -> None:
    with PixelReader(whole.images[0]) as reader, pytest.raises(ValueError, match="of an image of 40"):
        reader.read_lines(first, count)


def test_truncated(safe: Path) -> None:
    (path,) = safe.glob("measurement/*")
    path.write_bytes(path.read_bytes()[:-100])
    scene = open_scene(safe)
    with pytest.raises(SceneError, match=r"\.tiff is truncated") as caught:
        check_measurements(scene)
    assert caught.value.subject == scene.name
    assert caught.value.exit_code == 3
    with pytest.raises(SceneError, match=r"the manifest says.*truncated"):
        verify_checksums(scene)
    with PixelReader(scene.images[0]) as reader:
        assert np.array_equal(reader.read_lines(0, 5), pixels()[:5])
        with pytest.raises(SceneError, match=r"lines 30 to 39 cannot be read"):
            reader.read_lines(30, 10)


@pytest.mark.parametrize("pack", [zip_safe, store_safe])
def test_truncated_in_a_zip(safe: Path, tmp_path: Path, pack: Callable[[Path, Path], Path]) -> None:
    """Other files follow in it, which are not to be taken for pixels."""
    (path,) = safe.glob("measurement/*")
    path.write_bytes(path.read_bytes()[:-100])
    scene = open_scene(pack(safe, tmp_path / "some.zip"))
    with pytest.raises(SceneError, match=r"\.tiff is truncated"):
        check_measurements(scene)
    with PixelReader(scene.images[0]) as reader, pytest.raises(SceneError, match=r"lines 30 to 39 cannot be"):
        reader.read_lines(30, 10)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b"II*\0 cut", "is truncated"), (bytes(9999), "cannot be opened")],
)
def test_no_raster(safe: Path, content: bytes, message: str) -> None:
    (path,) = safe.glob("measurement/*")
    path.write_bytes(content)
    scene = open_scene(safe)
    with pytest.raises(SceneError, match=message):
        check_measurements(scene)
    with pytest.raises(SceneError, match="cannot be opened"):
        PixelReader(scene.images[0])


def test_missing(safe: Path) -> None:
    (path,) = safe.glob("measurement/*")
    path.unlink()
    scene = open_scene(safe)
    for check in (check_measurements, verify_checksums):
        with pytest.raises(SceneError, match=f"measurement/{path.name} is missing"):
            check(scene)
    with pytest.raises(SceneError, match="cannot be opened"):
        PixelReader(scene.images[0])


@pytest.mark.parametrize("values", [pixels()[:-1], pixels()[:, :-1], pixels().astype(np.float32)])
def test_raster_of_another_kind(safe: Path, values: np.ndarray) -> None:
    (path,) = safe.glob("measurement/*")
    write_tiff(path, values)
    with pytest.raises(SceneError, match="the annotation says 40 x 60 uint16"):
        check_measurements(open_scene(safe))


def test_replaced_pixels_are_worth_a_warning(safe: Path, caplog: pytest.LogCaptureFixture) -> None:
    (path,) = safe.glob("measurement/*")
    write_tiff(path, pixels() // 7, tiled=True)
    scene = open_scene(safe)
    with caplog.at_level(logging.WARNING):
        check_measurements(scene)
    assert "the manifest says" in caplog.text
    verify_checksums(scene, measurements="original")
    with pytest.raises(SceneError, match="bytes, the manifest says"):
        verify_checksums(scene)


def test_one_wrong_byte(safe: Path) -> None:
    (path,) = safe.glob("measurement/*")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    scene = open_scene(safe)
    check_measurements(scene)
    for measurements in ("all", "original"):
        with pytest.raises(SceneError, match="does not have the checksum of the manifest"):
            verify_checksums(scene, measurements=measurements)
    write_manifest(safe, VV)
    verify_checksums(open_scene(safe))


def test_checksum_of_the_annotation(safe: Path) -> None:
    edit(safe, "annotation/*.xml", "-12.5", "-12.6")
    with pytest.raises(SceneError, match=r"annotation/s1a-.*checksum"):
        verify_checksums(open_scene(safe))


def test_only_wanted_polarizations_are_verified(tmp_path: Path) -> None:
    safe = write_safe(tmp_path)
    (path,) = safe.glob("measurement/*-vh-*")
    path.unlink()
    scene = open_scene(safe, polarizations=["VV"])
    check_measurements(scene)
    verify_checksums(scene)
