"""SNAP as the engine of the commands, with a stand-in for gpt: cards, any graph, many at once, interrupted."""

# ruff: noqa: F811 - fixtures are arguments of their own name

from __future__ import annotations

import json
import multiprocessing
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
import standin_gpt
from end_to_end import call_s1card, digests
from engine_cases import Small, chain, small  # noqa: F401 - a fixture

from s1card.engine.native.context import Surroundings
from s1card.engine.snap.engine import SnapEngine, SnapPrepared, gpt_engine
from s1card.engine.snap.settings import SnapSettings
from s1card.graph.model import Graph
from s1card.simulate import SimulatedPair, SlcPairConfig, simulate_slc_pair

GIB = 1 << 30


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "notes"
    monkeypatch.setenv("STANDIN_GPT_NOTES", str(path))
    return path


@pytest.fixture(scope="module")
def snap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("snap")
    standin_gpt.install(folder)
    return folder


def engine_in(root: Path, snap: Path) -> SnapEngine:
    settings = SnapSettings(gpt=snap, scratch=root / "scratch", memory=GIB, threads=1)
    surroundings = Surroundings(orbit=str(root / "orbits"), dem_datum="ellipsoid", threads=1)
    return gpt_engine(surroundings, settings)


def graph_of(small: Small) -> Graph:
    return chain(
        small.read,
        ("Apply-Orbit-File", {}),
        ("Calibration", {"outputGammaBand": True, "outputSigmaBand": False}),
        small.terrain_correction(pixelSpacingInMeter=40),
        ("Write", {"file": "card.tif", "formatName": "COG"}),
    )


def one_of_many(prepared: SnapPrepared, folder: Path) -> dict[str, str]:
    prepared.write(paths={"Write": folder / "card.tif"})
    return digests(folder)


def test_sixteen_processes_share_orbits_dem_and_scratch(
    small: Small, snap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orbits = tmp_path / "orbits"
    orbits.mkdir()
    (orbits / small.files.orbit.name).symlink_to(small.files.orbit)
    prepared = engine_in(tmp_path, snap).prepare(graph_of(small))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STANDIN_GPT_KEEP", str(tmp_path / "kept"))
        alone = one_of_many(prepared, tmp_path / "alone")
    monkeypatch.setenv("STANDIN_GPT_REPLAY", str(tmp_path / "kept"))
    before = digests(small.files.safe.parent)
    with multiprocessing.get_context("fork").Pool(16) as pool:
        jobs = [(prepared, tmp_path / f"card{number}") for number in range(16)]
        results = pool.starmap(one_of_many, jobs, chunksize=1)
    assert alone.keys() == {"card_Gamma0_VH.tif", "card_Gamma0_VV.tif"}
    assert results == [alone] * 16
    assert list((tmp_path / "scratch").iterdir()) == []
    assert digests(small.files.safe.parent) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_an_interruption_ends_snap_and_leaves_nothing(
    number: signal.Signals,
    small: Small,
    snap: Path,
    notes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STANDIN_GPT", "hang")
    cards, scratch = tmp_path / "cards", tmp_path / "scratch"
    command = [
        sys.executable,
        "-m",
        "s1card",
        "bs",
        small.files.safe,
        "--dem",
        small.files.dem,
        "--no-verify",
    ]
    command += [
        "--dem-datum",
        "ellipsoid",
        "--engine",
        "gpt",
        "--gpt",
        snap,
        "--scratch",
        scratch,
        "--out",
        cards,
    ]
    with subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 100
        while not (notes.exists() and "child" in notes.read_text().splitlines()[-1]):
            assert running.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        running.send_signal(number)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    last = json.loads(notes.read_text().splitlines()[-1])
    for pid in (last["pid"], last["child"]):
        assert not Path(f"/proc/{pid}").exists()
    assert list(scratch.iterdir()) == []
    assert list(cards.iterdir()) == []


def options(snap: Path, tmp_path: Path) -> list[object]:
    return [
        "--engine",
        "gpt",
        "--gpt",
        snap,
        "--scratch",
        tmp_path / "scratch",
        "--threads",
        1,
        "--memory",
        "1G",
    ]


def test_the_command_run_with_any_graph(small: Small, snap: Path, tmp_path: Path) -> None:
    """A Speckle-Filter that only SNAP has would go the same way; here the recipe, into a COG per band."""
    words = ["card-bs", "-P", f"input={small.files.safe}", "-P", f"output={tmp_path / 'out.tif'}"]
    words += ["-P", "format=COG", "-P", "spacing=20", "-P", "gridOrigin=10", "-P", "demApplyEGM=false"]
    done = call_s1card("run", *words, "--dem", small.files.dem, *options(snap, tmp_path), "--json")
    assert done.returncode == 0, done.stderr
    files = json.loads(done.stdout)["files"]
    assert sorted(Path(file).name for file in files) == ["out_Gamma0_VH.tif", "out_Gamma0_VV.tif"]
    with rasterio.open(files[0]) as source:
        assert np.isfinite(source.read(1)).any()


def test_our_own_gpt_in_the_place_of_snaps(small: Small, tmp_path: Path) -> None:
    """s1card-gpt has SNAP's command line; by two roads through the native engine the pixels are the same."""
    program = tmp_path / "snap" / "bin" / "gpt"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m s1card.cli_gpt "$@"\n')
    program.chmod(0o755)
    words = [small.files.safe, "--dem", small.files.dem, "--dem-datum", "ellipsoid", "--no-verify"]
    words += ["--spacing", "20", "--json"]
    bands = []
    for name, further in (("native", []), ("gpt", options(tmp_path / "snap", tmp_path))):
        done = call_s1card("bs", *words, "--out", tmp_path / name, *further)
        assert done.returncode == 0, done.stderr
        bands.append(json.loads(done.stdout)["bands"])
    for name, path in bands[0].items():
        with rasterio.open(path) as ours, rasterio.open(bands[1][name]) as theirs:
            np.testing.assert_array_equal(theirs.read(1), ours.read(1))


def test_a_failure_is_one_message_with_the_exit_code_of_its_class(
    small: Small, snap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_GPT", "memory")
    words = [small.files.safe, "--dem", small.files.dem, "--dem-datum", "ellipsoid", "--no-verify"]
    done = call_s1card("bs", *words, *options(snap, tmp_path), "--out", tmp_path / "cards")
    assert done.returncode == 5
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert "Calibration of S1" in line and "out of memory" in line and "Graph and log are in" in line
    assert done.stdout == ""


def test_no_snap_is_a_wrong_call(small: Small, tmp_path: Path) -> None:
    words = [small.files.safe, "--dem", small.files.dem, "--dem-datum", "ellipsoid", "--engine", "gpt"]
    done = call_s1card("bs", *words, "--gpt", tmp_path, "--out", tmp_path / "cards")
    assert done.returncode == 2
    assert "no gpt that can be run" in done.stderr


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> SimulatedPair:
    config = SlcPairConfig(bursts=1, swaths=("IW1",), samples=400, terrain="hills", targets=0)
    return simulate_slc_pair(config, tmp_path_factory.mktemp("pair"))


def flat_geoid(folder: Path) -> Path:
    """A grid that puts the geoid 40 m above the ellipsoid, everywhere."""
    folder.mkdir()
    transform = rasterio.Affine(0.25, 0, -180.125, 0, -0.25, 90.125)
    profile = {"driver": "GTiff", "width": 1440, "height": 721, "count": 1, "dtype": "float32"}
    path = folder / "us_nga_egm96_15.tif"
    with rasterio.open(path, "w", crs="EPSG:4326", transform=transform, **profile) as target:
        target.write(np.full((721, 1440), 40, np.float32), 1)
    return folder


def test_a_coherence_card(
    pair: SimulatedPair, snap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Back-Geocoding of SNAP adds EGM96 to the elevation model, whatever it is told: it gets one above EGM96."""
    monkeypatch.setenv("S1CARD_GEOID_DIR", str(flat_geoid(tmp_path / "geoid")))
    words = [*pair.secondary, *pair.reference, "--dem", pair.dem, "--dem-datum", "ellipsoid", "--json"]
    words += ["--no-verify", "--pol", "VV", "--spacing", "40"]
    cards = []
    for name, further in (("native", []), ("gpt", options(snap, tmp_path))):
        done = call_s1card("coh6", *words, "--out", tmp_path / name, *further)
        assert done.returncode == 0, done.stderr
        cards.append(json.loads(done.stdout))
    native, by_snap = cards
    assert by_snap["id"] == native["id"]
    with rasterio.open(native["bands"]["VV"]) as ours, rasterio.open(by_snap["bands"]["VV"]) as theirs:
        assert theirs.transform == ours.transform
        a, b = ours.read(1), theirs.read(1)
    assert np.isfinite(a).mean() > 0.2
    assert (np.isfinite(a) == np.isfinite(b)).mean() > 0.999
    np.testing.assert_allclose(a, np.where(np.isfinite(b), b, a), atol=1e-3)
    properties = [json.loads(Path(card["item"]).read_text())["properties"] for card in cards]
    differing = {k for k in properties[0] if properties[0][k] != properties[1].get(k)}
    assert not {k for k in differing if k.startswith(("sar:", "sat:", "proj:", "datetime"))}
