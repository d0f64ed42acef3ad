"""Working on many geometries piece by piece, in several threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from s1card.parcels.records import Geometries

Result = TypeVar("Result")

CHUNK = 20_000
"""Geometries of one piece: their coordinates fit into a few MB."""


def in_chunks(
    function: Callable[[NDArray[Any]], Result], geometries: NDArray[Any], *, threads: int | None = None
) -> list[Result]:
    """Results of a function on consecutive pieces of an array, in their order.

    GEOS and PROJ let go of Python's lock while they compute. The result does not depend on the number of threads.

    Args:
        function: Called with an array of at most `CHUNK` geometries; never with none.
        geometries: n; numbers of geometries will do.
        threads: None for one per core.
    """
    pieces = [geometries[first : first + CHUNK] for first in range(0, len(geometries), CHUNK)]
    workers = min(threads or len(os.sched_getaffinity(0)), len(pieces))
    if workers <= 1:
        return [function(piece) for piece in pieces]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, pieces))


def object_array(length: int) -> Geometries:
    """An array of so many None."""
    return np.full(length, None, dtype=object)
