"""Bytes of members of zips, read in any order, with snapshots so close that small content has many."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s1card.scene.byte_source import ByteSource, DeflatedBytes, PlainBytes, open_bytes

CONTENT = np.random.default_rng(5).normal(0, 9, 60_000).astype(np.int16).tobytes()
INPUT, SKIP, SNAPSHOT = 1 << 10, 1 << 9, 1 << 13


def deflated() -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(CONTENT) + packer.flush()


def read(source: ByteSource, offset: int, size: int) -> bytes:
    buffer = bytearray(size)
    source.read_into(memoryview(buffer), offset)
    return bytes(buffer)


@pytest.fixture(params=["plain", "deflated"])
def source(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ByteSource]:
    for name, value in (("INPUT", INPUT), ("SKIP", SKIP), ("SNAPSHOT", SNAPSHOT)):
        monkeypatch.setattr(f"s1card.scene.byte_source._{name}_BYTES", value)
    packed = CONTENT if request.param == "plain" else deflated()
    path = tmp_path / "zip"
    path.write_bytes(b"head" + packed + b"other members" * 99)
    kind = PlainBytes if request.param == "plain" else DeflatedBytes
    found = kind(FileIO(path), 4, 4 + len(packed))
    yield found
    found.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.tuples(st.integers(0, 119_999), st.integers(0, 30_000)), min_size=1, max_size=8))
def test_any_bytes_in_any_order(source: ByteSource, places: list[tuple[int, int]]) -> None:
    for offset, most in places:
        size = min(most, len(CONTENT) - offset)
        assert read(source, offset, size) == CONTENT[offset : offset + size]


@pytest.mark.parametrize(("offset", "size"), [(119_999, 2), (120_000, 1), (500_000, 1)])
def test_beyond_the_end(source: ByteSource, offset: int, size: int) -> None:
    with pytest.raises(OSError, match="the file ends before"):
        read(source, offset, size)
    assert read(source, 5, 10) == CONTENT[5:15]


@pytest.mark.parametrize("source", ["deflated"], indirect=True)
def test_going_back_inflates_from_the_last_snapshot_on(
    source: DeflatedBytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(source, 119_000, 10)
    assert len(source._snapshots) in range(10, 16)
    inflated: list[int] = []
    inflate = source._inflate

    def counted(most: int) -> bytes:
        part = inflate(most)
        inflated.append(len(part))
        return part

    monkeypatch.setattr(source, "_inflate", counted)
    for offset in (90_000, 30_000, 60_000, 59_000):
        inflated.clear()
        read(source, offset, 10)
        # Snapshots wait for the end of the input at hand, at most as much again.
        assert 0 < sum(inflated) < 2 * SNAPSHOT
    inflated.clear()
    read(source, 59_010, 90)
    assert sum(inflated) == 90


def test_cut_or_damaged(tmp_path: Path) -> None:
    path = tmp_path / "zip"
    path.write_bytes(deflated()[:9_000])
    with FileIO(path) as file, pytest.raises(OSError, match="the file ends before"):
        read(DeflatedBytes(file, 0, len(deflated())), 0, len(CONTENT))
    path.write_bytes(b"\xff" * 9_000)
    with FileIO(path) as file, pytest.raises(OSError, match="the zip is damaged"):
        read(DeflatedBytes(file, 0, 9_000), 0, 10)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_members_of_a_zip(tmp_path: Path, method: int) -> None:
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("before", b"x" * 1000)
        archive.writestr("deep/member", CONTENT)
    found = open_bytes(f"/vsizip/{path}/deep/member")
    if method == zipfile.ZIP_LZMA:
        assert found is None
        return
    assert found is not None
    assert read(found, 70_000, 50_000) == CONTENT[70_000:]
    assert read(found, 0, 5) == CONTENT[:5]
    found.close()


@pytest.mark.parametrize("raster", ["/vsis3/bucket/file.tiff", "/vsizip/none.zip/file.tiff", "none.tiff"])
def test_what_only_gdal_may_open(raster: str) -> None:
    assert open_bytes(raster) is None
