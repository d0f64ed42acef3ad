"""The engine snappy with a stand-in for the module ``esa_snappy``: no real SNAP has seen this."""

# ruff: noqa: F811 - fixtures are arguments of their own name

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import rasterio
from engine_cases import Small, chain, small  # noqa: F401 - a fixture

from s1card.engine.named import engine_named
from s1card.engine.native.context import Surroundings
from s1card.engine.native.engine import NativeEngine
from s1card.engine.snap.settings import SnapSettings
from s1card.errors import ResourceError, UsageError
from s1card.graph.model import Graph
from s1card.graph.xml import read_graph

NATIVE = NativeEngine(Surroundings(orbit="none", dem_datum="ellipsoid", threads=1))


class Java:
    """The classes of Java and SNAP that the engine calls, as jpy hands them out."""

    def __init__(self, failure: str = "") -> None:
        self.failure = failure
        self.properties: dict[str, str] = {}
        self.err = object()

    def get_type(self, name: str) -> Any:
        return {
            "java.lang.System": self,
            "java.io.FileReader": lambda path: path,
            "org.esa.snap.core.util.SystemUtils": self,
            "org.esa.snap.core.gpf.graph.GraphIO": self,
            "org.esa.snap.core.gpf.graph.GraphProcessor": lambda: self,
            "com.bc.ceres.core.PrintWriterProgressMonitor": lambda stream: stream,
        }[name]

    def setProperty(self, name: str, value: str) -> None:  # noqa: N802 - Java's name
        self.properties[name] = value

    def getProperty(self, name: str) -> str:  # noqa: N802
        return {"java.version": "17.0.1"}[name]

    def getReleaseVersion(self) -> str:  # noqa: N802
        return "13.0.0"

    def read(self, path: str) -> Graph:
        return read_graph(Path(path))

    def executeGraph(self, graph: Graph, monitor: object) -> None:  # noqa: N802
        assert monitor is self.err
        if self.failure:
            raise RuntimeError(self.failure)
        NATIVE.run(graph)


def install(monkeypatch: pytest.MonkeyPatch, java: Java) -> None:
    module = ModuleType("esa_snappy")
    module.jpy = java  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "esa_snappy", module)


def graph_of(small: Small, target: Path) -> Graph:
    return chain(
        small.read,
        ("Calibration", {"outputGammaBand": True, "outputSigmaBand": False}),
        small.terrain_correction(pixelSpacingInMeter=40),
        ("Write", {"file": target, "formatName": "COG"}),
    )


def test_a_graph_in_this_process(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = Java()
    install(monkeypatch, java)
    settings = SnapSettings(scratch=tmp_path / "scratch", place_dem=False)
    engine = engine_named("snappy", NATIVE.surroundings, settings)
    assert (engine.name, engine.software["snap"], engine.software["java"]) == ("snappy", "13.0.0", "17.0.1")
    seen: list[int] = []
    prepared = engine.prepare(graph_of(small, tmp_path / "a.tif"))
    (written,) = prepared.write(progress=lambda done, total: seen.append(done))
    assert seen[-1] == 100
    (expected,) = NATIVE.run(graph_of(small, tmp_path / "b.tif"))
    for ours, theirs in zip(expected.paths, written.paths, strict=True):
        with rasterio.open(ours) as first, rasterio.open(theirs) as second:
            np.testing.assert_array_equal(first.read(1), second.read(1))
    assert Path(java.properties["snap.userdir"]).parent.parent == tmp_path / "scratch"
    assert list((tmp_path / "scratch").iterdir()) == []


def test_an_exception_of_java(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, Java("java.lang.OutOfMemoryError: Java heap space"))
    engine = engine_named("snappy", NATIVE.surroundings, SnapSettings(scratch=tmp_path / "scratch"))
    with pytest.raises(ResourceError, match="SNAP ran out of memory"):
        engine.prepare(graph_of(small, tmp_path / "a.tif")).write()
    (kept,) = (tmp_path / "scratch").iterdir()
    assert "OutOfMemoryError" in (kept / "gpt.log").read_text()
    assert not (tmp_path / "a.tif").exists()


def test_without_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "esa_snappy", None)
    with pytest.raises(UsageError, match="pip install esa-snappy"):
        engine_named("snappy", Surroundings(), SnapSettings())


def test_without_snap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "esa_snappy.py").write_text('raise RuntimeError("Can\'t find SNAP distribution directory")\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "esa_snappy", raising=False)
    with pytest.raises(UsageError, match=r"does not start: Can't find SNAP .*snappy-conf"):
        engine_named("snappy", Surroundings(), SnapSettings())
