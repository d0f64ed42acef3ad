"""SNAP inside this Python process, through ESA's ``esa_snappy``.

Not tried on a real SNAP: what is known of it is its documentation and the Java interface of SNAP's graphs. Compared
with ``gpt`` it has two faults that lie in the matter: SNAP shares the memory of this process, and cannot be stopped
without it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import s1card
from s1card.engine.native.context import Surroundings
from s1card.engine.snap.engine import SnapPrepared
from s1card.engine.snap.launcher import Job, java_options
from s1card.engine.snap.log import explain_failure
from s1card.engine.snap.plan import make_plan
from s1card.engine.snap.settings import SnapSettings
from s1card.errors import UsageError
from s1card.graph.model import Graph

_PROPERTY = "-J-D"


@dataclass(frozen=True, eq=False)
class SnappyEngine:
    """Runs graphs by SNAP's classes, in process.

    Attributes:
        snappy: The module ``esa_snappy``.
        surroundings: Orbit and elevation model.
        settings: How SNAP is run; memory is set by esa_snappy's own configuration.
    """

    snappy: Any
    surroundings: Surroundings = field(default_factory=Surroundings)
    settings: SnapSettings = field(default_factory=SnapSettings)

    @property
    def name(self) -> str:
        """Name of the engine."""
        return "snappy"

    @property
    def software(self) -> Mapping[str, str]:
        """Versions of what computes."""
        system = self._java("org.esa.snap.core.util.SystemUtils")
        java = self._java("java.lang.System")
        return {
            "s1card": s1card.__version__,
            "snap": str(system.getReleaseVersion()),
            "java": str(java.getProperty("java.version")),
        }

    @property
    def displaces_dem(self) -> bool:
        """Whether elevation models are read half a pixel off."""
        return self.settings.place_dem

    def prepare(self, graph: Graph) -> SnapPrepared:
        """Check a filled graph and its inputs; see `s1card.engine.base.Engine`."""
        return SnapPrepared(self, make_plan(graph, self.surroundings))

    def execute(self, job: Job, graph: Graph, names: str, report: Callable[[int], None]) -> None:
        """Run the graph of a scratch folder; see `s1card.engine.snap.engine.GraphRunner.execute`.

        SNAP tells no progress here. What it fails of goes to the log of the scratch folder.
        """
        system = self._java("java.lang.System")
        for option in java_options(job):
            if option.startswith(_PROPERTY):
                name, _, value = option.removeprefix(_PROPERTY).partition("=")
                system.setProperty(name, value)
        try:
            reader = self._java("java.io.FileReader")(str(job.scratch.graph))
            read = self._java("org.esa.snap.core.gpf.graph.GraphIO").read(reader)
            processor = self._java("org.esa.snap.core.gpf.graph.GraphProcessor")()
            monitor = self._java("com.bc.ceres.core.PrintWriterProgressMonitor")(system.err)
            processor.executeGraph(read, monitor)
        except RuntimeError as error:  # jpy's clothes for exceptions of Java
            job.scratch.log.write_text(f"{error}\n", "utf-8")
            raise explain_failure(1, f"Error: {error}", graph, names) from error
        job.scratch.log.touch()
        report(100)

    def _java(self, name: str) -> Any:
        return self.snappy.jpy.get_type(name)


def snappy_engine(surroundings: Surroundings, settings: SnapSettings) -> SnappyEngine:
    """The engine ``snappy``.

    Raises:
        UsageError: ``esa_snappy`` is not installed, or finds no SNAP.
    """
    try:
        snappy = importlib.import_module("esa_snappy")
    except ImportError as error:
        raise UsageError(
            f"esa_snappy cannot be imported: {error}",
            subject="engine snappy",
            advice="Run 'pip install esa-snappy jpy', or use --engine gpt, which needs no Python binding",
        ) from error
    except Exception as error:  # it raises plain exceptions of many kinds where SNAP or Java is not found
        raise UsageError(
            f"esa_snappy does not start: {error}",
            subject="engine snappy",
            advice="Run SNAP's bin/snappy-conf for this Python and set JAVA_HOME, or use --engine gpt",
        ) from error
    return SnappyEngine(snappy, surroundings, settings)
