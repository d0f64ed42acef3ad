"""The engine gpt with a stand-in for SNAP: the same card as the native engine, and every way to fail."""

# ruff: noqa: F811 - fixtures are arguments of their own name

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import standin_gpt
from end_to_end import digests
from engine_cases import Small, chain, node, small  # noqa: F401 - a fixture

from s1card.card.backscatter import BackscatterOrder, make_backscatter_card
from s1card.card.product import Card
from s1card.engine.base import Engine
from s1card.engine.named import engine_named
from s1card.engine.native.context import Surroundings
from s1card.engine.snap import engine as snap_engine
from s1card.engine.snap import process
from s1card.engine.snap.engine import SnapEngine, gpt_engine
from s1card.engine.snap.settings import SnapSettings
from s1card.errors import (
    DataError,
    DemError,
    EngineError,
    GraphError,
    NetworkError,
    OrbitError,
    ResourceError,
    S1CardError,
    UsageError,
)
from s1card.geometry.geoid import VerticalDatum

GIB = 1 << 30
CALIBRATION = ("Calibration", {"outputGammaBand": True, "outputSigmaBand": False})


@pytest.fixture(scope="session")
def snap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("snap")
    standin_gpt.install(folder)
    return folder


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


@pytest.fixture
def engine(snap: Path, scratch: Path) -> SnapEngine:
    settings = SnapSettings(gpt=snap, scratch=scratch, memory=2 * GIB, threads=1)
    return gpt_engine(Surroundings(dem_datum="ellipsoid", threads=1), settings)


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "notes"
    monkeypatch.setenv("STANDIN_GPT_NOTES", str(path))
    return path


def order(small: Small, **parameters: str) -> BackscatterOrder:
    values = {"spacing": "20", "gridOrigin": "10", **parameters}
    return BackscatterOrder(
        small.files.safe, small.files.dem, VerticalDatum.ELLIPSOID, parameters=values, verify=False
    )


def make(small: Small, engine: Engine, out: Path) -> Card:
    return make_backscatter_card(order(small), engine, out)


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as source:
        return source.read(1)


@pytest.fixture(scope="session")
def made(
    small: Small, snap: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Card, Card, Path]]:
    """A card by the native engine, the same by gpt, and what gpt wrote for it."""
    folder = tmp_path_factory.mktemp("made")
    surroundings = Surroundings(dem_datum="ellipsoid", threads=1)
    native = make(small, engine_named("native", surroundings), folder / "native")
    settings = SnapSettings(gpt=snap, scratch=folder / "scratch", memory=2 * GIB, threads=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STANDIN_GPT_KEEP", str(folder / "kept"))
        by_snap = make(small, gpt_engine(surroundings, settings), folder / "gpt")
    assert list((folder / "scratch").iterdir()) == []
    yield native, by_snap, folder / "kept"


def test_the_card_of_the_native_engine(made: tuple[Card, Card, Path]) -> None:
    native, by_snap, _ = made
    assert by_snap.id == native.id
    assert sorted(p.name for p in by_snap.folder.iterdir()) == sorted(p.name for p in native.folder.iterdir())
    for name, path in native.bands.items():
        with rasterio.open(path) as ours, rasterio.open(by_snap.bands[name]) as theirs:
            assert (theirs.crs, theirs.transform, theirs.shape) == (ours.crs, ours.transform, ours.shape)
            assert theirs.descriptions == ours.descriptions
            assert theirs.units == ours.units
            assert np.isnan(theirs.nodata)
            np.testing.assert_array_equal(theirs.read(1), ours.read(1))
            assert np.isfinite(ours.read(1)).mean() > 0.3
    graph = f"{native.id}.xml"
    assert (by_snap.folder / graph).read_bytes() == (native.folder / graph).read_bytes()


def test_its_origin_names_the_engine_and_the_version_of_snap(made: tuple[Card, Card, Path]) -> None:
    _, by_snap, _ = made
    with rasterio.open(by_snap.bands["VV"]) as source:
        tags = source.tags()
    assert tags["ENGINE"] == "gpt"
    assert "snap 14.0.0" in tags["SOFTWARE"] and "java 17.0.10" in tags["SOFTWARE"]
    properties = json.loads(by_snap.item.read_text())["properties"]
    assert "14.0.0" in json.dumps(properties)
    assert tags["ORBIT_SOURCE"] == "POEORB"


def test_everything_that_snap_touches_is_in_its_scratch_folder(
    small: Small,
    made: tuple[Card, Card, Path],
    engine: SnapEngine,
    scratch: Path,
    notes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STANDIN_GPT_REPLAY", str(made[2]))
    make(small, engine, tmp_path / "cards")
    lines = [json.loads(line) for line in notes.read_text().splitlines()]
    run = next(line for line in lines if "--diag" not in line["arguments"])
    folder = Path(run["cwd"])
    assert folder.parent == scratch
    assert run["home"] == str(folder / "home")
    words = run["arguments"]
    assert words[0] == str(folder / "graph.xml")
    assert words[1:6] == ["-e", "-q", "1", "-c", f"{int(2048 * 0.8 * 0.45)}M"]
    assert f"-J-Xmx{int(2048 * 0.8)}M" in words
    for name in ("java.io.tmpdir", "user.home", "snap.userdir", "snap.cachedir", "AuxDataPath"):
        (value,) = (word.partition("=")[2] for word in words if word.startswith(f"-J-D{name}="))
        assert folder in Path(value).parents
    assert not folder.exists()


def test_progress_goes_from_nothing_to_all(
    small: Small,
    made: tuple[Card, Card, Path],
    engine: SnapEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STANDIN_GPT_REPLAY", str(made[2]))
    monkeypatch.setenv("STANDIN_GPT", "slow")  # else a busy machine reads all that it says at once
    seen: list[tuple[int, int]] = []
    make_backscatter_card(
        order(small), engine, tmp_path, progress=lambda done, total: seen.append((done, total))
    )
    assert {total for _, total in seen} == {100}
    percent = [done for done, _ in seen]
    assert percent == sorted(percent)
    assert percent[-1] == 100
    assert len(set(percent)) > 10


KINDS: dict[str, tuple[type[S1CardError], str]] = {
    "exception": (EngineError, "NullPointerException"),
    "orbit": (OrbitError, "--orbit"),
    "dem": (DemError, "--dem"),
    "disk": (ResourceError, "disk is full"),
    "network": (NetworkError, "step.esa.int"),
    "operator": (GraphError, "lacks an operator"),
    "parameter": (GraphError, "clipNegativeValues"),
    "memory": (ResourceError, "out of memory"),
    "killed": (ResourceError, "signal 9"),
    "nothing": (DataError, "wrote nothing"),
    "quiet-error": (ResourceError, "disk is full"),
    "empty": (DataError, "wrote nothing"),
}


@pytest.mark.parametrize("mode", KINDS)
def test_a_failure_has_its_class_and_leaves_graph_and_log_and_no_card(
    mode: str,
    small: Small,
    engine: SnapEngine,
    scratch: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _ = engine.version
    monkeypatch.setenv("STANDIN_GPT", mode)
    kind, fragment = KINDS[mode]
    with pytest.raises(kind) as caught:
        make(small, engine, tmp_path / "cards")
    assert type(caught.value) is kind
    text = str(caught.value)
    assert fragment in text
    if mode in standin_gpt.FAILURES:
        operator = standin_gpt.FAILURES[mode][0]
        assert text.startswith(f"{operator} of {small.files.safe.stem}: ")
    assert list((tmp_path / "cards").iterdir()) == []
    (kept,) = scratch.iterdir()
    assert sorted(path.name for path in kept.iterdir()) == ["gpt.log", "graph.xml"]
    assert f"Graph and log are in {kept}" in text
    assert "<operator>Terrain-Correction</operator>" in (kept / "graph.xml").read_text()


@pytest.mark.parametrize(("mode", "fragment"), [("blank", "no valid pixel"), ("truncated", "unfinished")])
def test_output_without_content_is_refused(
    mode: str,
    fragment: str,
    small: Small,
    engine: SnapEngine,
    made: tuple[Card, Card, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STANDIN_GPT_REPLAY", str(made[2]))
    monkeypatch.setenv("STANDIN_GPT", mode)
    with pytest.raises(DataError, match=fragment):
        make(small, engine, tmp_path / "cards")
    assert list((tmp_path / "cards").iterdir()) == []


def test_a_hanging_gpt_is_stopped_with_its_children(
    small: Small,
    engine: SnapEngine,
    notes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "GRACE", 0.5)
    monkeypatch.setenv("STANDIN_GPT", "deaf")
    impatient = replace(engine, settings=replace(engine.settings, stalled_after=2.0))
    _ = engine.version
    with pytest.raises(EngineError, match=r"no sign of life for 2 s .* at 1\d %.*--snap-timeout"):
        make(small, impatient, tmp_path / "cards")
    last = json.loads(notes.read_text().splitlines()[-1])
    for pid in (last["pid"], last["child"]):
        assert not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text()
    assert list((tmp_path / "cards").iterdir()) == []


def test_success_with_warnings_is_success(
    small: Small,
    engine: SnapEngine,
    made: tuple[Card, Card, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("STANDIN_GPT", "warnings")
    monkeypatch.setenv("STANDIN_GPT_REPLAY", str(made[2]))
    with caplog.at_level(logging.INFO, logger=snap_engine.__name__):
        card = make(small, engine, tmp_path)
    assert digests(card.folder) == digests(made[1].folder)
    assert "SNAP warns: eu.esa.sar: some tie points are doubtful" in caplog.messages


def test_a_raster_of_another_extent_is_brought_to_the_grid_of_the_card(
    small: Small,
    engine: SnapEngine,
    made: tuple[Card, Card, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STANDIN_GPT", "shifted")
    monkeypatch.setenv("STANDIN_GPT_REPLAY", str(made[2]))
    card = make(small, engine, tmp_path)
    expected, got = read(made[0].bands["VV"]), read(card.bands["VV"])
    assert got.shape == expected.shape
    np.testing.assert_array_equal(got[1:, 1:], expected[1:, 1:])
    assert np.isnan(got[0]).all() and np.isnan(got[:, 0]).all()


def test_without_an_orbit_file_snap_is_not_asked_for_one(
    small: Small,
    engine: SnapEngine,
    made: tuple[Card, Card, Path],
    notes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STANDIN_GPT_REPLAY", str(made[2]))
    annotated = replace(engine, surroundings=replace(engine.surroundings, orbit="none"))
    card = make(small, annotated, tmp_path / "cards")
    with rasterio.open(card.bands["VV"]) as source:
        assert source.tags()["ORBIT_SOURCE"] == "annotation"
    operators = json.loads(notes.read_text().splitlines()[-1])["operators"]
    assert operators[:2] == ["Read", "Remove-GRD-Border-Noise"]


def test_any_graph_in_snaps_own_formats(
    small: Small, engine: SnapEngine, tmp_path: Path, scratch: Path
) -> None:
    graph = chain(small.read, CALIBRATION, ("Write", {"file": tmp_path / "out" / "a.dim"}))
    second = node("Write2", "Write", "Calibration", file=tmp_path / "out" / "b", formatName="GeoTIFF")
    graph = replace(graph, nodes=(*graph.nodes, second))
    first, other = engine.run(graph)
    assert first.paths == (tmp_path / "out" / "a.dim",)
    assert first.output.grid is None
    assert [band.name for band in first.output.bands] == ["Gamma0_VH", "Gamma0_VV"]
    assert other.paths == (tmp_path / "out" / "b.tif",)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.data", "a.dim", "b.tif"]
    assert (tmp_path / "out" / "a.data" / "Gamma0_VV.img").stat().st_size == 300 * 400 * 4
    assert list(scratch.iterdir()) == []


def test_what_is_wrong_with_the_input_is_told_before_snap_starts(
    small: Small,
    engine: SnapEngine,
    notes: Path,
    tmp_path: Path,
) -> None:
    far = BackscatterOrder(
        small.files.safe,
        small.files.dem,
        VerticalDatum.ELLIPSOID,
        parameters={"aoi": "POLYGON ((0 0, 1 0, 1 1, 0 0))"},
        verify=False,
    )
    with pytest.raises(S1CardError):
        make_backscatter_card(far, engine, tmp_path / "cards")
    assert not notes.exists()


def test_a_gpt_that_is_not_snap(small: Small, tmp_path: Path, scratch: Path) -> None:
    program = tmp_path / "gpt"
    program.write_text("#!/bin/sh\necho 'usage: gpt show disk'\n")
    program.chmod(0o755)
    engine = gpt_engine(Surroundings(), SnapSettings(gpt=program, scratch=scratch))
    with pytest.raises(UsageError, match="does not answer"):
        _ = engine.version


def test_an_engine_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match="native, gpt, container, snappy"):
        engine_named("isce", Surroundings())
