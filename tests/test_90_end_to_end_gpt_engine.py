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
