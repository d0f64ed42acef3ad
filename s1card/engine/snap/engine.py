"""Run a SNAP graph by SNAP: a local ``gpt``, or one in a container."""

from __future__ import annotations

import logging
import shlex
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import rasterio

import s1card
from s1card.engine.base import Output, Progress, Written
from s1card.engine.native.context import Surroundings
from s1card.engine.snap.collect import blocks_of, collect
from s1card.engine.snap.container import find_container
from s1card.engine.snap.install import Target, install, targets_of
from s1card.engine.snap.launcher import Job, Launcher, LocalGpt, gpt_arguments, java_options
from s1card.engine.snap.locate import SnapVersion, find_gpt, parse_version
from s1card.engine.snap.log import ProgressReader, explain_failure, explain_log, warnings_of
from s1card.engine.snap.plan import SnapPlan, make_plan
from s1card.engine.snap.process import Child, StalledError, run_child
from s1card.engine.snap.resources import MEBIBYTE, plan_resources
from s1card.engine.snap.scratch import Scratch, scratch_folder, scratch_root
from s1card.engine.snap.settings import SnapSettings
from s1card.errors import DataError, EngineError, ResourceError
from s1card.graph.model import Graph
from s1card.graph.xml import write_graph

log = logging.getLogger(__name__)

SNAP_PERCENT = 95
"""Share of the work, in the eyes of progress, that is SNAP's; the rest is collecting its output."""
DIAG_WITHIN = 300.0
"""Seconds that gpt has to say its version: Java starts slowly from a cold network disk."""
LONGEST_LOG = 16 * MEBIBYTE
"""Bytes at the end of a log that are looked through."""

_versions: dict[str, SnapVersion] = {}


class GraphRunner(Protocol):
    """An engine that lets SNAP run a graph that lies in a scratch folder."""

    @property
    def surroundings(self) -> Surroundings:
        """Orbit and elevation model."""

    @property
    def settings(self) -> SnapSettings:
        """How SNAP is run."""

    @property
    def displaces_dem(self) -> bool:
        """Whether it reads external elevation models half a pixel off, so that they must be moved against that."""

    def execute(self, job: Job, graph: Graph, names: str, report: Callable[[int], None]) -> None:
        """Run the graph of a scratch folder.

        Args:
            job: The run.
            graph: The graph as SNAP gets it.
            names: Its scenes, for messages.
            report: Called with percent done.

        Raises:
            S1CardError: By what SNAP says of its failure.
        """


@dataclass(frozen=True)
class SnapEngine:
    """An engine that lets SNAP run graphs.

    Attributes:
        launcher: Where SNAP is.
        surroundings: Orbit and elevation model, as for the native engine.
        settings: How SNAP is run.
    """

    launcher: Launcher
    surroundings: Surroundings = field(default_factory=Surroundings)
    settings: SnapSettings = field(default_factory=SnapSettings)

    @property
    def name(self) -> str:
        """Name of the engine."""
        return self.launcher.engine

    @property
    def version(self) -> SnapVersion:
        """What ``gpt --diag`` says; asked once.

        Raises:
            UsageError: It is not SNAP.
            EngineError: It does not start.
        """
        if self.launcher.key not in _versions:
            _versions[self.launcher.key] = self._ask_version()
        return _versions[self.launcher.key]

    @property
    def software(self) -> Mapping[str, str]:
        """Versions of what computes."""
        java = {"java": self.version.java} if self.version.java else {}
        return {"s1card": s1card.__version__, "snap": self.version.snap, **java}

    def prepare(self, graph: Graph) -> SnapPrepared:
        """Check a filled graph and its inputs; SNAP itself is not started. See `s1card.engine.base.Engine`."""
        return SnapPrepared(self, make_plan(graph, self.surroundings))

    def run(
        self, graph: Graph, *, tags: Mapping[str, str] | None = None, progress: Progress | None = None
    ) -> tuple[Written, ...]:
        """Prepare and write."""
        return self.prepare(graph).write(tags=tags, progress=progress)

    @property
    def displaces_dem(self) -> bool:
        """Whether elevation models are read half a pixel off; see `GraphRunner.displaces_dem`."""
        return self.settings.place_dem and not self.version.is_s1card

    def execute(self, job: Job, graph: Graph, names: str, report: Callable[[int], None]) -> None:
        """Run gpt and wait for it; see `GraphRunner.execute`."""
        reader, limit = ProgressReader(report), self.settings.stalled_after
        try:
            code = run_gpt(self, job, gpt_arguments(job), limit, reader)
        except StalledError as error:
            raise EngineError(
                f"SNAP gave no sign of life for {limit:.0f} s and was stopped at {reader.percent} %",
                subject=names,
                advice="Run it again; raise the limit with --snap-timeout if the machine is slow",
            ) from error
        said = log_of(job.scratch)
        if code != 0:
            raise explain_failure(code, said, graph, names)
        for warning in warnings_of(said):
            log.info("SNAP warns: %s", warning)

    def _ask_version(self) -> SnapVersion:
        with scratch_folder(scratch_root(self.settings.scratch)) as scratch:
            job = Job(scratch, (), plan_resources(self.settings))
            code = run_gpt(self, job, ["--diag", *java_options(job)], DIAG_WITHIN)
            said = log_of(scratch)
            if code != 0:
                raise explain_failure(code, said, Graph(()), "gpt --diag")
            return parse_version(said)


@dataclass(frozen=True, eq=False)
class SnapPrepared:
    """A graph that SNAP will run; see `s1card.engine.base.Prepared`."""

    engine: GraphRunner
    plan: SnapPlan

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What the Write nodes will make."""
        return self.plan.outputs

    def write(
        self,
        *,
        paths: Mapping[str, Path] | None = None,
        tags: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> tuple[Written, ...]:
        """Run SNAP and bring what it wrote to its place.

        Raises:
            S1CardError: By what SNAP's log says, with operator, scene and advice.
            DataError: SNAP wrote nothing, or nothing valid.
            ResourceError: Memory or disk ran out.
        """
        engine, plan = self.engine, self.plan
        resources = plan_resources(engine.settings)
        report = _Report(progress, blocks_of(plan.outputs))
        root = scratch_root(engine.settings.scratch)
        cache = rasterio.Env(GDAL_CACHEMAX=engine.surroundings.plan.gdal)
        with cache, scratch_folder(root, keep=engine.settings.keep_scratch) as scratch:
            require_room(plan, scratch)
            targets = targets_of(plan, paths or {}, scratch)
            graph = install(plan, targets, engine.surroundings, scratch, place_dem=engine.displaces_dem)
            scratch.graph.write_text(write_graph(graph), "utf-8")
            job = Job(scratch, plan.inputs, resources)
            log.info(
                "SNAP gets a heap of %d MiB, a tile cache of %d MiB and %d threads",
                resources.heap // MEBIBYTE,
                resources.cache // MEBIBYTE,
                resources.threads,
            )
            engine.execute(job, graph, plan.names, report.snap)
            return self._collect(targets, graph, tags or {}, report, scratch)

    def _collect(
        self,
        targets: list[Target],
        graph: Graph,
        tags: Mapping[str, str],
        report: _Report,
        scratch: Scratch,
    ) -> tuple[Written, ...]:
        try:
            return tuple(
                collect(
                    target,
                    is_exact=self.plan.is_exact,
                    tags=tags,
                    threads=self.engine.surroundings.threads,
                    step=report.step,
                )
                for target in targets
            )
        except DataError as error:
            # gpt ends with 0 after some errors; its log may say why there is nothing.
            known = explain_log(log_of(scratch), graph, self.plan.names)
            if known is None:
                raise
            raise known from error


class _Report:
    """Progress of SNAP and of collecting as one count to 100."""

    def __init__(self, progress: Progress | None, blocks: int) -> None:
        self._progress = progress
        self._blocks = max(1, blocks)
        self._done = 0
        self._lock = threading.Lock()

    def snap(self, percent: int) -> None:
        self._tell(percent * SNAP_PERCENT // 100)

    def step(self) -> None:
        with self._lock:
            self._done += 1
            share = min(1.0, self._done / self._blocks)
            self._tell(SNAP_PERCENT + int(share * (100 - SNAP_PERCENT)))

    def _tell(self, percent: int) -> None:
        if self._progress is not None:
            self._progress(percent, 100)


def run_gpt(
    engine: SnapEngine, job: Job, arguments: list[str], limit: float, reader: ProgressReader | None = None
) -> int:
    """Run gpt in a scratch folder and return its exit code; all that it says is in the scratch folder's log.

    Raises:
        StalledError: It gave no sign of life for longer than the limit (seconds, 0: none) and was stopped.
        UsageError: It cannot be started.
    """
    command = engine.launcher.command(arguments, job)
    log.info("%s", shlex.join(command))
    return run_child(
        Child(
            command=command,
            environment=engine.launcher.environment(job),
            folder=job.scratch.path,
            log=job.scratch.log,
            stalled_after=limit,
            alive=job.scratch.size,
            on_output=reader.feed if reader else lambda text: None,
            on_stop=lambda: engine.launcher.stop(job),
        )
    )


def log_of(scratch: Scratch) -> str:
    """The end of what SNAP said."""
    with scratch.log.open("rb") as stream:
        stream.seek(0, 2)
        stream.seek(max(0, stream.tell() - LONGEST_LOG))
        return stream.read().decode("utf-8", "replace")


def require_room(plan: SnapPlan, scratch: Scratch) -> None:
    """Refuse to begin what the scratch folder's disk cannot hold.

    Raises:
        ResourceError: The outputs, as far as their size is known, are larger than the room that is left.
    """
    needed = sum(
        output.grid.rows * output.grid.cols * 4 * max(1, len(output.bands))
        for output in plan.outputs
        if output.grid is not None
    )
    free = shutil.disk_usage(scratch.path).free
    if needed > free:
        raise ResourceError(
            f"SNAP will write {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free",
            subject=str(scratch.path.parent),
            advice="Name a scratch folder with more room (S1CARD_SCRATCH)",
        )


def gpt_engine(surroundings: Surroundings, settings: SnapSettings) -> SnapEngine:
    """The engine ``gpt``.

    Raises:
        UsageError: There is no SNAP.
    """
    return SnapEngine(LocalGpt(find_gpt(settings)), surroundings, settings)


def container_engine(surroundings: Surroundings, settings: SnapSettings) -> SnapEngine:
    """The engine ``container``.

    Raises:
        UsageError: There is no container runtime.
    """
    return SnapEngine(find_container(settings), surroundings, settings)
