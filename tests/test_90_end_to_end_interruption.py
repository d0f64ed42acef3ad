"""Runs that end in the middle: nothing half-written carries a final name, and what is left is cleared away."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest
from end_to_end import BASE, call_s1card, command, make_card

from s1card.simulate import GrdConfig, SimulatedScene, simulate_grd

INTERRUPTED, NO_RESOURCES, WRONG_CALL = 130, 5, 2
PATIENCE = 120.0  # seconds
LARGEST_FILE = 2_000_000  # bytes; a band of the card has 10 times as many


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> SimulatedScene:
    config = GrdConfig(lines=1800, pixels=1800, terrain="hills", targets=0, speckle="table", dem_spacing=3.0)
    return simulate_grd(config, tmp_path_factory.mktemp("scene"))


def start(scene: SimulatedScene, out: Path) -> subprocess.Popen[str]:
    """A run that is busy writing: its unfinished folder is there and holds rasters."""
    call = command("bs", scene.safe, "--dem", scene.dem, *BASE, "--out", out, "--threads", 1, "--no-verify")
    process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + PATIENCE
    while not any(path.is_file() for path in out.glob(".*.part/*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the run did not begin to write"
        time.sleep(0.005)
    return process


def final_names(out: Path) -> list[str]:
    return [path.name for path in out.iterdir() if not path.name.startswith(".")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_an_interrupted_run_leaves_nothing(
    number: signal.Signals, scene: SimulatedScene, tmp_path: Path
) -> None:
    process = start(scene, tmp_path)
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == INTERRUPTED, err
    assert out == ""
    assert "interrupted" in err and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_after_a_kill_nothing_has_a_final_name_and_the_next_run_clears_up(
    scene: SimulatedScene, tmp_path: Path
) -> None:
    process = start(scene, tmp_path)
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL
    assert final_names(tmp_path) == []
    assert list(tmp_path.iterdir()) != []  # what the next run is to clear away
    card = make_card(scene.safe, scene.dem, tmp_path, "--no-verify")
    assert list(tmp_path.iterdir()) == [card]
    assert sorted(path.suffix for path in card.iterdir()) == [".json", ".png", ".tif", ".tif", ".xml"]


def test_a_failed_replacement_keeps_the_card_that_was_there(scene: SimulatedScene, tmp_path: Path) -> None:
    card = make_card(scene.safe, scene.dem, tmp_path, "--no-verify", "--aoi", "10.80,45.25,10.81,45.26")
    before = {path.name: path.stat().st_mtime_ns for path in card.iterdir()}
    call = command(
        "bs", scene.safe, "--dem", scene.dem, *BASE, "--out", tmp_path, "--overwrite", "--no-verify"
    )
    done = subprocess.run(
        [*call, "--aoi", "10.80,45.25,10.81,45.26"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
    )
    assert done.returncode == NO_RESOURCES, done.stderr
    assert list(tmp_path.iterdir()) == [card]
    assert {path.name: path.stat().st_mtime_ns for path in card.iterdir()} == before


def test_a_card_that_is_there_is_refused_or_left_before_checksums_are_read(
    scene: SimulatedScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object, **__: object) -> None:
        raise AssertionError("all of the input is read")

    area = ("--aoi", "10.80,45.25,10.81,45.26")
    card = make_card(scene.safe, scene.dem, tmp_path, *area)
    before = {path.name: path.stat().st_mtime_ns for path in card.iterdir()}
    monkeypatch.setattr("s1card.card.order.verify_checksums", read)
    order = ("bs", scene.safe, "--dem", scene.dem, *BASE, "--out", tmp_path, *area)
    refused = call_s1card(*order)
    assert refused.returncode == WRONG_CALL
    assert "--missing" in refused.stderr
    both = call_s1card(*order, "--missing", "--overwrite")
    assert both.returncode == WRONG_CALL
    assert "exclude each other" in both.stderr
    left = call_s1card(*order, "--missing")
    assert (left.returncode, left.stdout.strip()) == (0, str(card))
    assert "there already" in left.stderr
    assert json.loads(call_s1card(*order, "--missing", "--json").stdout)["is_new"] is False
    assert {path.name: path.stat().st_mtime_ns for path in card.iterdir()} == before
    monkeypatch.undo()
    other = make_card(scene.safe, scene.dem, tmp_path, *area, "--missing", "--spacing", "20")
    assert other != card and other.is_dir()


def test_no_room_for_the_rasters(scene: SimulatedScene, tmp_path: Path) -> None:
    """The system refuses to let a file grow, as a full disk does."""
    call = command("bs", scene.safe, "--dem", scene.dem, *BASE, "--out", tmp_path, "--no-verify")
    done = subprocess.run(
        call,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE)),
    )
    assert done.returncode == NO_RESOURCES, done.stderr
    assert "Traceback" not in done.stderr
    messages = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert len(messages) == 1 and "limit" in messages[0], done.stderr
    assert list(tmp_path.iterdir()) == []
