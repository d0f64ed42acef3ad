"""Compiled kernels find a place where package and home are read-only, and nobody else can have put them there."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from s1card import kernel_cache
from s1card.kernel_cache import provide_kernel_cache


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """An environment in which nothing can be written but temporary files; also for root, who may write anywhere."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    writable = tmp_path / "tmp"
    monkeypatch.setattr(
        kernel_cache.os, "access", lambda path, mode: Path(path).is_relative_to(writable), raising=True
    )
    return {"HOME": str(tmp_path / "home")}


def private(tmp_path: Path) -> Path:
    return tmp_path / "tmp" / f"s1card-kernels-{os.getuid()}"


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    folder = tmp_path / "compiled"
    (folder / "geometry_ab").mkdir(parents=True)
    (folder / "geometry_ab" / "solve.nbi").write_bytes(b"kernel")
    (folder / "geometry_ab" / "solve.nbi").chmod(0o444)
    (folder / "geometry_ab").chmod(0o555)
    return folder


def test_the_users_own_choice_stays(read_only: dict[str, str]) -> None:
    environment = read_only | {"NUMBA_CACHE_DIR": "/mine", "S1CARD_KERNELS": "/image"}
    provide_kernel_cache(environment)
    assert environment["NUMBA_CACHE_DIR"] == "/mine"


def test_numbas_choice_stays_where_it_can_write() -> None:
    environment: dict[str, str] = {}
    provide_kernel_cache(environment)
    assert environment == {}


def test_the_users_cache_will_do(read_only: dict[str, str], tmp_path: Path) -> None:
    environment = read_only | {"XDG_CACHE_HOME": str(tmp_path / "tmp" / "cache")}
    provide_kernel_cache(environment)
    assert "NUMBA_CACHE_DIR" not in environment


def test_nowhere_to_write_gives_a_folder_of_this_user(read_only: dict[str, str], tmp_path: Path) -> None:
    provide_kernel_cache(read_only)
    folder = Path(read_only["NUMBA_CACHE_DIR"])
    assert folder == private(tmp_path)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_kernels_of_an_image_are_copied_and_can_be_added_to(
    read_only: dict[str, str], tmp_path: Path, compiled: Path
) -> None:
    provide_kernel_cache(read_only | {"S1CARD_KERNELS": str(compiled)})
    copy = private(tmp_path) / "geometry_ab" / "solve.nbi"
    assert copy.read_bytes() == b"kernel"
    assert copy.stat().st_mode & stat.S_IWUSR
    assert copy.parent.stat().st_mode & stat.S_IWUSR


def test_a_second_process_takes_what_the_first_has_made(
    read_only: dict[str, str], tmp_path: Path, compiled: Path
) -> None:
    provide_kernel_cache(read_only | {"S1CARD_KERNELS": str(compiled)})
    (private(tmp_path) / "more").touch()
    again = read_only | {"S1CARD_KERNELS": str(compiled)}
    provide_kernel_cache(again)
    assert (Path(again["NUMBA_CACHE_DIR"]) / "more").exists()
    assert list((tmp_path / "tmp").iterdir()) == [private(tmp_path)]


@pytest.mark.parametrize("trap", ["link", "open", "file"])
def test_a_folder_that_others_can_write_to_is_not_used(
    read_only: dict[str, str], tmp_path: Path, trap: str
) -> None:
    if trap == "link":
        (tmp_path / "elsewhere").mkdir()
        private(tmp_path).symlink_to(tmp_path / "elsewhere")
    elif trap == "open":
        private(tmp_path).mkdir()
        private(tmp_path).chmod(0o777)
        (private(tmp_path) / "evil").touch()
    else:
        private(tmp_path).touch()
    provide_kernel_cache(read_only)
    folder = Path(read_only["NUMBA_CACHE_DIR"])
    assert folder != private(tmp_path)
    assert folder.is_dir()
    assert list(folder.iterdir()) == []


def test_kernels_that_this_user_may_add_to_are_used_in_place(
    read_only: dict[str, str], tmp_path: Path
) -> None:
    kernels = tmp_path / "tmp" / "kernels"
    kernels.mkdir()
    environment = read_only | {"S1CARD_KERNELS": str(kernels)}
    provide_kernel_cache(environment)
    assert environment["NUMBA_CACHE_DIR"] == str(kernels)


def test_numba_takes_it(tmp_path: Path) -> None:
    code = "import s1card, numba; print(numba.config.CACHE_DIR)"
    kernels = tmp_path / "kernels"
    kernels.mkdir()
    for first in ("", "import numba; "):
        done = subprocess.run(
            [sys.executable, "-c", first + code],
            env=os.environ | {"S1CARD_KERNELS": str(kernels)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == str(kernels)
