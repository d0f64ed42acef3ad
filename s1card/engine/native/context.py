"""What the surroundings give to operators: inputs, orbit, DEM, memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from s1card.engine.native.line_cache import LineCache

MEBIBYTE = 1024 * 1024
CACHE_SHARE = 0.25


@dataclass(frozen=True)
class Surroundings:
    """Settings of one run.

    Attributes:
        orbit: Orbit file, folder of orbit files, ``auto`` (folders of the configuration) or ``none``.
        dem: DEM that replaces the one a graph names, or None.
        dem_datum: Vertical datum of the DEM, or None: what the graph's EGM switch says.
        geoid: Geoid grid file, or None: searched in PROJ's folders.
        memory: Budget of the process, bytes.
        threads: Worker threads.
        block: Edge of the blocks in which the output is computed, pixels.
    """

    orbit: str = "auto"
    dem: Path | None = None
    dem_datum: str | None = None
    geoid: Path | None = None
    memory: int = 2048 * MEBIBYTE
    threads: int = 2
    block: int = 512


@dataclass(frozen=True, eq=False)
class Context:
    """Surroundings with the caches that the operators of one run share."""

    surroundings: Surroundings
    lines: LineCache = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", LineCache(int(self.surroundings.memory * CACHE_SHARE)))


Parameters = Mapping[str, Any]
