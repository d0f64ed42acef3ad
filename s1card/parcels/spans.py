"""Pixels of parcels as spans of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

WHOLE = -1
"""Instead of the place of its weights: all pixels of a span belong to the parcel as a whole."""


@dataclass(frozen=True, eq=False)
class Spans:
    """The pixels of many parcels on a lattice: runs of neighbours in a row, parcel by parcel, row by row.

    Attributes:
        start: First span of every parcel, and one past the last, int64.
        row, col: Where a span begins on the lattice, int32.
        length: Pixels of a span, int32.
        weight: Place of the first weight of a span in ``weights``, int64; `WHOLE` if all of them are 1.
        weights: Shares of pixels that lie in the parcel, float32.
    """

    start: NDArray[np.int64]
    row: NDArray[np.int32]
    col: NDArray[np.int32]
    length: NDArray[np.int32]
    weight: NDArray[np.int64]
    weights: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(getattr(self, f.name).nbytes for f in fields(self))


def joined(parts: Sequence[Spans]) -> Spans:
    """Spans of the parcels of all parts, one after the other."""
    if not parts:
        empty = np.zeros(0, np.int32)
        return Spans(
            np.zeros(1, np.int64), empty, empty, empty, np.zeros(0, np.int64), np.zeros(0, np.float32)
        )
    starts, weight, spans, weights = [np.zeros(1, np.int64)], [], 0, 0
    for part in parts:
        starts.append(part.start[1:] + spans)
        weight.append(np.where(part.weight == WHOLE, WHOLE, part.weight + weights))
        spans, weights = spans + len(part.row), weights + len(part.weights)
    return Spans(
        np.concatenate(starts),
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.col for part in parts]),
        np.concatenate([part.length for part in parts]),
        np.concatenate(weight),
        np.concatenate([part.weights for part in parts]),
    )
