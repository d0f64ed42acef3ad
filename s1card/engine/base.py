"""What an engine is: something that runs a filled graph and says what it wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from s1card.geometry.map_grid import MapGrid
from s1card.graph.model import Graph
from s1card.raster import BandSpec, WrittenFile
from s1card.scene.records import StateVectors
from s1card.scene.scene import Scene

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Output:
    """What a Write node will make, known before anything is computed.

    Attributes:
        node: Id of the Write node.
        path: File that the node names.
        format_name: Its format.
        scene: The scene that it is made of, or None where it is not made of one (an intermediate product).
        grid: Its map grid, or None in radar geometry, or where it is not known beforehand.
        bands: What it will hold; empty where that is not known beforehand.
        state_vectors: Orbit in use, or None without a scene.
        facts: What operators state of themselves: (operator, statement).
        measures: Numbers that operators state, by name.
    """

    node: str
    path: Path
    format_name: str
    scene: Scene | None
    grid: MapGrid | None
    bands: tuple[BandSpec, ...]
    state_vectors: StateVectors | None
    facts: tuple[tuple[str, str], ...]
    measures: Mapping[str, float] = field(default_factory=dict)

    def fact(self, operator: str) -> str:
        """The last statement of an operator, or ""."""
        return next((text for name, text in reversed(self.facts) if name == operator), "")


@dataclass(frozen=True, eq=False)
class Written:
    """What a Write node made.

    Attributes:
        output: What was announced; grid and bands as they came to be.
        paths: Its files.
        files: Size, checksum and statistics per file, where the format records them (COG).
    """

    output: Output
    paths: tuple[Path, ...]
    files: tuple[WrittenFile, ...]


class Prepared(Protocol):
    """A graph that was found runnable, its products known but not computed."""

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What the Write nodes will make."""

    def write(
        self,
        *,
        paths: Mapping[str, Path] | None = None,
        tags: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> tuple[Written, ...]:
        """Compute and write everything. Files carry their final names only when they are complete.

        Args:
            paths: Files to write instead of those that Write nodes name, by node id.
            tags: Statements for the files' metadata.
            progress: Called with blocks done and blocks in all.
        """


class Engine(Protocol):
    """Runs graphs."""

    @property
    def name(self) -> str:
        """``native``, ``gpt``, ``container`` or ``snappy``."""

    @property
    def software(self) -> Mapping[str, str]:
        """Versions of what computes, by name."""

    def prepare(self, graph: Graph) -> Prepared:
        """Check a filled graph and its inputs.

        Raises:
            GraphError: The graph is wrong or beyond this engine; nothing has run then.
            DataError: The inputs are.
        """
