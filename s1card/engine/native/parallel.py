"""Work on many parts in the threads of the memory plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import rasterio

from s1card.engine.native.context import MemoryPlan

Part = TypeVar("Part")
Found = TypeVar("Found")


def in_parallel(work: Callable[[Part], Found], parts: Sequence[Part], plan: MemoryPlan) -> list[Found]:
    """What ``work`` makes of every part, in their order; what is found cannot depend on who worked on what."""
    with rasterio.Env(GDAL_CACHEMAX=plan.gdal), ThreadPoolExecutor(plan.threads) as pool:
        return list(pool.map(work, parts))
