"""Bad input never gives a product: the exit code, one clear message, and nothing left behind."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from end_to_end import BASE, assert_refused, call_s1card, run_s1card

from s1card.simulate import GrdConfig, SimulatedScene, simulate_grd
from s1card.simulate.faults import FAULTS, break_product

CALL, DATA = 2, 3


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> SimulatedScene:
    config = GrdConfig(lines=128, pixels=128, terrain="flat", targets=0, zip=True)
    return simulate_grd(config, tmp_path_factory.mktemp("scene"))


def copy_of(scene: SimulatedScene, folder: Path) -> Path:
    return Path(shutil.copytree(scene.safe, folder / scene.safe.name))


@pytest.mark.parametrize("fault", list(FAULTS))
def test_wrong_products(fault: str, scene: SimulatedScene, tmp_path: Path) -> None:
    broken = break_product(copy_of(scene, tmp_path), fault)
    out = tmp_path / "cards"
    done = call_s1card("bs", broken, "--dem", scene.dem, *BASE, "--out", out)
    assert_refused(done, out, DATA, broken.stem)


def test_a_wrong_product_in_a_process_of_its_own(scene: SimulatedScene, tmp_path: Path) -> None:
    broken = break_product(copy_of(scene, tmp_path), "truncated-measurement")
    out = tmp_path / "cards"
    done = run_s1card("bs", broken, "--dem", scene.dem, *BASE, "--out", out)
    assert_refused(done, out, DATA, broken.stem, "truncated")
    assert done.stderr.count("\n") == 1


def test_a_checksum_is_not_looked_at_on_request(scene: SimulatedScene, tmp_path: Path) -> None:
    broken = break_product(copy_of(scene, tmp_path), "wrong-checksum")
    done = call_s1card("bs", broken, "--dem", scene.dem, *BASE, "--out", tmp_path / "cards", "--no-verify")
    assert done.returncode == 0, done.stderr


def test_a_damaged_zip(scene: SimulatedScene, tmp_path: Path) -> None:
    assert scene.archive is not None
    out = tmp_path / "cards"
    cut = tmp_path / scene.archive.name
    cut.write_bytes(scene.archive.read_bytes()[:-5000])
    assert_refused(
        call_s1card("bs", cut, "--dem", scene.dem, *BASE, "--out", out), out, DATA, cut.name, "zip"
    )


def test_places_that_hold_no_scene(scene: SimulatedScene, tmp_path: Path) -> None:
    out = tmp_path / "cards"
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.zip").write_text("no zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing here")
    expected = {
        "nowhere.SAFE": "no such file or folder",
        "empty": "no manifest.safe",
        "text.zip": "not a SAFE folder, manifest.safe or readable zip",
        "other.zip": "no manifest.safe",
    }
    for name, message in expected.items():
        done = call_s1card("bs", tmp_path / name, "--dem", scene.dem, *BASE, "--out", out)
        assert_refused(done, out, DATA, name, message)


def test_a_folder_of_scenes_names_them(scene: SimulatedScene, tmp_path: Path) -> None:
    out = tmp_path / "cards"
    done = call_s1card("bs", scene.safe.parent, "--dem", scene.dem, *BASE, "--out", out)
    assert_refused(done, out, DATA, scene.safe.name)


@pytest.mark.parametrize(
    ("options", "code", "fragments"),
    [
        pytest.param(("--pol", "HH"), CALL, ("HH", "VV", "VH"), id="polarization-not-there"),
        pytest.param(("--pol", "XX"), CALL, ("XX",), id="unknown-polarization"),
        pytest.param(("--aoi", "20,50,21,51"), DATA, ("does not overlap",), id="area-elsewhere"),
        pytest.param(("--aoi", "12,45,11,46"), CALL, ("empty",), id="area-inside-out"),
        pytest.param(("--aoi", "POLYGON((1 2, 3"), CALL, ("no WKT",), id="area-no-wkt"),
        pytest.param(("--aoi", "nowhere.gpkg"), CALL, ("nowhere.gpkg",), id="area-file-missing"),
        pytest.param(("--crs", "EPSG:1"), CALL, ("EPSG:1",), id="unknown-crs"),
        pytest.param(("--layers", "inc,colour"), CALL, ("colour", "lia"), id="unknown-layer"),
        pytest.param(("-P", "colour=red"), CALL, ("colour",), id="unknown-parameter"),
        pytest.param(("--recipe", "card-of-hearts"), CALL, ("card-of-hearts",), id="unknown-recipe"),
        pytest.param(("--orbit", "nowhere.EOF"), DATA, ("nowhere.EOF",), id="orbit-file-missing"),
    ],
)
def test_wrong_wishes(
    options: tuple[str, ...], code: int, fragments: tuple[str, ...], scene: SimulatedScene, tmp_path: Path
) -> None:
    out = tmp_path / "cards"
    done = call_s1card("bs", scene.safe, "--dem", scene.dem, *BASE, "--out", out, *options)
    assert_refused(done, out, code, *fragments)


def test_an_elevation_model_elsewhere(scene: SimulatedScene, tmp_path: Path) -> None:
    elsewhere = GrdConfig(lines=64, pixels=64, terrain="flat", targets=0, longitude=30.0)
    dem = simulate_grd(elsewhere, tmp_path / "far").dem
    out = tmp_path / "cards"
    assert_refused(
        call_s1card("bs", scene.safe, "--dem", dem, *BASE, "--out", out), out, DATA, str(dem), "touch"
    )


def test_an_elevation_model_of_unknown_datum(scene: SimulatedScene, tmp_path: Path) -> None:
    dem = tmp_path / "heights.tif"
    with rasterio.open(scene.dem) as source:
        profile, heights = source.profile, source.read()
    with rasterio.open(dem, "w", **profile) as target:
        target.write(heights)
    out = tmp_path / "cards"
    done = call_s1card("bs", scene.safe, "--dem", dem, "--out", out)
    assert_refused(done, out, CALL, str(dem), "--dem-datum")


def test_an_elevation_model_that_is_none(scene: SimulatedScene, tmp_path: Path) -> None:
    dem = tmp_path / "notes.txt"
    dem.write_text("42")
    out = tmp_path / "cards"
    assert_refused(call_s1card("bs", scene.safe, "--dem", dem, *BASE, "--out", out), out, DATA, str(dem))


def test_an_orbit_of_another_day(scene: SimulatedScene, tmp_path: Path) -> None:
    """An orbit file that was named is used or refused, never silently left aside."""
    config = GrdConfig(lines=64, pixels=64, terrain="flat", targets=0, date="2021-07-12")
    other = simulate_grd(config, tmp_path / "other").orbit
    out = tmp_path / "cards"
    done = call_s1card("bs", scene.safe, "--dem", scene.dem, *BASE, "--orbit", other, "--out", out)
    assert_refused(done, out, DATA, other.name, "2021-06-12")


def test_a_card_that_exists_stays_as_it_is(scene: SimulatedScene, tmp_path: Path) -> None:
    call = ("bs", scene.safe, "--dem", scene.dem, *BASE, "--out", tmp_path)
    assert call_s1card(*call).returncode == 0
    (card,) = tmp_path.iterdir()
    before = {path: path.stat().st_mtime_ns for path in card.iterdir()}
    again = call_s1card(*call)
    assert again.returncode == CALL
    assert "--overwrite" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in card.iterdir()} == before
    assert call_s1card(*call, "--overwrite").returncode == 0
    assert all(path.stat().st_mtime_ns > before[path] for path in card.iterdir())
    assert [path.name for path in tmp_path.iterdir()] == [card.name]


def test_an_empty_scene_gives_no_card(scene: SimulatedScene, tmp_path: Path) -> None:
    """All pixels are border: there is nothing to show."""
    config = replace(GrdConfig(lines=64, pixels=64, terrain="flat", targets=0), seed=2)
    made = simulate_grd(config, tmp_path / "scene")
    for path in made.safe.glob("measurement/*.tiff"):
        with rasterio.open(path, "r+") as raster:
            raster.write(np.zeros((1, *raster.shape), np.uint16))
    out = tmp_path / "cards"
    done = call_s1card("bs", made.safe, "--dem", made.dem, *BASE, "--no-verify", "--out", out)
    assert_refused(done, out, DATA, made.safe.stem, "valid")


@pytest.mark.parametrize(
    "arguments",
    [
        ("bs",),
        ("bs", "a.SAFE"),
        ("bs", "a.SAFE", "--dem", "nowhere.tif"),
        ("cook",),
        ("bs", "a", "--memory", "1M"),
    ],
    ids=" ".join,
)
def test_calls_that_make_no_sense(arguments: tuple[str, ...]) -> None:
    done = call_s1card(*arguments)
    assert done.returncode == CALL
    assert "Error" in done.stderr and "Traceback" not in done.stderr
