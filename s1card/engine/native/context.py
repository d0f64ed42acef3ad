"""What the surroundings give to operators: inputs, orbit, DEM, memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from s1card.engine.native.line_cache import LineCache
from s1card.engine.native.tile_cache import TileCache
from s1card.geometry.dem import Dem, Sea
from s1card.raster.sink import TILE

MEBIBYTE = 1 << 20

LINES_SHARE = 0.25
TILES_SHARE = 0.20
DEM_SHARE = 0.10
GDAL_SHARE = 0.03
BLOCKS_SHARE = 0.30
MINIMUM_DEM = 32 * MEBIBYTE
BYTES_PER_PIXEL = 64


@dataclass(frozen=True)
class MemoryPlan:
    """How the budget of the process is divided.

    A third of it stays free for what cannot be counted: the interpreter, compiled kernels, look-up tables,
    compressed tiles on their way to disk, and the allocator's waste.

    Attributes:
        lines: Bytes of the cache of scene lines. Blocks are worked on in the order of the lines they need, so
            it must hold the lines under one row of blocks: 800 of them in two polarizations take 80 MiB.
        tiles: Bytes of the cache of radar tiles that are dear to compute (SLC pairs).
        dem: Bytes of the cache of heights: a chunk of 1024 x 1024 takes 4 MiB.
        gdal: Bytes of GDAL's own block cache, which would else take 5 % of the machine's memory.
        threads: Worker threads.
        block: Edge of the blocks of work, pixels. A thread holds about 64 bytes per pixel of its block: radar
            coordinates (16), height, the result, and the samples, noise and calibration of the part of the
            scene under it, which is up to 1.5 times as large.
    """

    lines: int
    tiles: int
    dem: int
    gdal: int
    threads: int
    block: int

    @classmethod
    def divide(cls, memory: int, threads: int, block: int) -> MemoryPlan:
        """Divide a budget (bytes); as many threads and as large blocks as wanted, or as fit into their share."""
        share = int(memory * BLOCKS_SHARE)
        threads = max(1, min(threads, share // (TILE * TILE * BYTES_PER_PIXEL)))
        edge = math.isqrt(share // (threads * BYTES_PER_PIXEL)) // TILE * TILE
        return cls(
            lines=int(memory * LINES_SHARE),
            tiles=int(memory * TILES_SHARE),
            dem=max(MINIMUM_DEM, int(memory * DEM_SHARE)),
            gdal=int(memory * GDAL_SHARE),
            threads=threads,
            block=min(block, max(TILE, edge)),
        )


@dataclass(frozen=True)
class Surroundings:
    """Settings of one run.

    Attributes:
        orbit: Orbit file, folder of orbit files, ``auto`` (the folder that holds the scene) or ``none``.
        orbit_folder: Where ``auto`` looks as well, if the folder of the scene has no fitting file.
        dem: DEM that replaces the one a graph names, or None.
        dem_datum: Vertical datum of the DEM, or None: what the graph's EGM switch says.
        geoid: Geoid grid file, or None: searched in PROJ's folders.
        memory: Budget of the process, bytes.
        threads: Worker threads, at most.
        block: Edge of the blocks in which the output is computed, pixels, at most.
    """

    orbit: str = "auto"
    orbit_folder: Path | None = None
    dem: Path | None = None
    dem_datum: str | None = None
    geoid: Path | None = None
    memory: int = 2048 * MEBIBYTE
    threads: int = 2
    block: int = 512

    @property
    def plan(self) -> MemoryPlan:
        """How the memory is divided."""
        return MemoryPlan.divide(self.memory, self.threads, self.block)


@dataclass(frozen=True, eq=False)
class Context:
    """Surroundings with the caches that the operators of one run share."""

    surroundings: Surroundings

    @cached_property
    def lines(self) -> LineCache:
        """Lines of the scenes."""
        return LineCache(self.surroundings.plan.lines)

    @cached_property
    def tiles(self) -> TileCache:
        """Radar tiles that are dear to compute."""
        return TileCache(self.surroundings.plan.tiles)

    def dem(self, path: Path, datum: str, nodata: float | None, sea: Sea) -> Dem:
        """An elevation model, opened once for all operators that want the same.

        Raises:
            DemError: It cannot be used.
        """
        key = path, datum, nodata, sea
        if key not in self._dems:
            here = self.surroundings
            self._dems[key] = Dem.open(
                path, datum, nodata=nodata, geoid=here.geoid, sea=sea, cache_bytes=here.plan.dem
            )
        return self._dems[key]

    def is_first(self, event: str) -> bool:
        """Whether something happens for the first time in a run, so that it is told once."""
        is_first = event not in self._happened
        self._happened.add(event)
        return is_first

    @cached_property
    def _happened(self) -> set[str]:
        return set()

    @cached_property
    def _dems(self) -> dict[tuple[Path, str, float | None, Sea], Dem]:
        return {}


Parameters = Mapping[str, Any]
