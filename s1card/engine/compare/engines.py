"""Run one graph on several engines, each into a folder of its own."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from s1card.engine.base import Engine, Output, Prepared, Progress, Written
from s1card.engine.compare.outputs import Options, compare_rasters
from s1card.engine.compare.rasters import open_files
from s1card.engine.compare.records import ProductReport
from s1card.errors import EngineError, UsageError
from s1card.graph.model import Graph


@dataclass(frozen=True)
class EngineRun:
    """What one engine made of a graph.

    Attributes:
        engine: Its name.
        software: Versions of what computed.
        seconds: Wall-clock time, s.
        files: Files of every Write node, by node id.
    """

    engine: str
    software: Mapping[str, str]
    seconds: float
    files: Mapping[str, tuple[Path, ...]]


def run_on(
    graph: Graph, engines: Sequence[Engine], folder: Path, progress: Progress | None = None
) -> list[EngineRun]:
    """Run a filled graph on engines; nothing runs before all of them find it runnable.

    Args:
        graph: The filled graph; the files that its Write nodes name are not touched.
        engines: Two at least.
        folder: Gets ``<engine>/<node>.<extension>``.
        progress: Called with blocks done and in all, by every engine.

    Raises:
        UsageError: Fewer than two engines, or one twice.
        GraphError, DataError, EngineError: An engine cannot run it, or failed.
    """
    names = [engine.name for engine in engines]
    if len(names) < 2 or len(set(names)) < len(names):
        raise UsageError(
            f"a comparison needs two different engines, not {', '.join(names) or 'none'}",
            advice="Write --engines native,gpt",
        )
    prepared = [engine.prepare(graph) for engine in engines]
    return [
        _run(engine, ready, folder / engine.name, progress)
        for engine, ready in zip(engines, prepared, strict=True)
    ]


def compare_runs(
    first: EngineRun, second: EngineRun, options: Options, progress: Progress | None = None
) -> list[ProductReport]:
    """Compare what two engines made, Write node by Write node.

    Raises:
        DataError: An output cannot be read, or lies on other pixels.
        EngineError: An engine did not make one.
    """
    reports = []
    for node, files in first.files.items():
        if node not in second.files:
            raise EngineError(f"the engine {second.engine} made nothing of node {node}")
        one = open_files(files, f"{first.engine}: {node}")
        other = open_files(second.files[node], f"{second.engine}: {node}")
        found = compare_rasters(one, other, options, progress)
        name = node if len(first.files) > 1 else ""
        reports.append(
            ProductReport(name, one.name, other.name, found.bands, found.only_first, found.only_second)
        )
    return reports


def _run(engine: Engine, prepared: Prepared, folder: Path, progress: Progress | None) -> EngineRun:
    folder.mkdir(parents=True, exist_ok=True)
    paths = {output.node: folder / _file_name(output) for output in prepared.outputs}
    begun = time.monotonic()
    written = prepared.write(paths=paths, progress=progress)
    return EngineRun(engine.name, engine.software, time.monotonic() - begun, _files(written))


def _file_name(output: Output) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", output.node) + output.path.suffix


def _files(written: Sequence[Written]) -> dict[str, tuple[Path, ...]]:
    return {one.output.node: one.paths for one in written}
