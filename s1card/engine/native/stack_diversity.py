"""Offsets of the images of a stack in azimuth, by spectral diversity in the overlaps of bursts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.burst_overlaps import CELL_LINES, CELL_PIXELS, Overlap, burst_overlaps
from s1card.engine.native.context import MemoryPlan
from s1card.engine.native.offset import Offset
from s1card.engine.native.parallel import in_parallel
from s1card.engine.native.shift_network import Arc
from s1card.engine.native.spectral_diversity import BlockEstimator, BlockOffset, Cells, cells_of, combined
from s1card.engine.native.stack_images import Image, ImageStack
from s1card.geometry.burst_resampling import places
from s1card.geometry.coregistration import Placement
from s1card.window import Window

Floats = NDArray[np.float64]

PIECE_PIXELS = 2000
"""Width of what is read at a time of two images; of more images it is narrower."""


def diverse(
    stack: ImageStack, arcs: Sequence[Arc], estimator: BlockEstimator, blocks: int, plan: MemoryPlan
) -> list[Offset | None]:
    """Offsets in azimuth of all arcs by the overlaps of bursts, each cut into so many blocks."""
    parts = [block for overlap in burst_overlaps(stack.bursts) for block in overlap.blocks(blocks)]
    by_block = in_parallel(partial(_block_offsets, stack, arcs, estimator), parts, plan)
    return [
        combined([one for offsets in by_block if (one := offsets[k]) is not None]) for k in range(len(arcs))
    ]


def _block_offsets(
    stack: ImageStack, arcs: Sequence[Arc], estimator: BlockEstimator, block: Overlap
) -> list[BlockOffset | None]:
    """What a block says of every arc; wide blocks are read in pieces, the narrower the more images there are."""
    pieces = [
        _cells(stack, arcs, piece) for piece in block.pieces(4 * PIECE_PIXELS // (3 + len(stack.pairs)))
    ]
    return [estimator.estimate(Cells.joined(parts)) for parts in zip(*pieces, strict=True)]


def _cells(stack: ImageStack, arcs: Sequence[Arc], piece: Overlap) -> list[Cells]:
    first, second = stack.read(piece.window), stack.read(piece.second)
    separations = [_separation(stack, piece, k, first[k], second[k]) for k in range(len(first))]
    found = []
    for arc in arcs:
        of_both = [s for s in (separations[arc.first], separations[arc.second]) if s is not None]
        shape = piece.window.rows // CELL_LINES, piece.window.cols // CELL_PIXELS
        separation = np.mean(of_both, axis=0) if of_both else np.zeros(shape)
        found.append(
            cells_of(
                (first[arc.first], first[arc.second]), (second[arc.first], second[arc.second]), separation
            )
        )
    return found


def _separation(stack: ImageStack, piece: Overlap, number: int, first: Image, second: Image) -> Floats | None:
    """Doppler frequency of a secondary in the first minus in the second burst, cycles per line, of every cell."""
    if number == 0 or first.placement is None or second.placement is None:
        return None
    frequencies = [
        _frequency(stack, number, burst, window, placement)
        for burst, window, placement in (
            (piece.burst, piece.window, first.placement),
            (piece.burst + 1, piece.second, second.placement),
        )
    ]
    return (frequencies[0] - frequencies[1]) * stack.bursts.line_interval


def _frequency(stack: ImageStack, number: int, burst: int, window: Window, placement: Placement) -> Floats:
    """Doppler frequency (Hz) of a secondary in the middle of every cell of a window in a burst."""
    carrier = stack.pairs[number - 1].carriers[burst]
    assert carrier is not None
    line, pixel = places(placement, window.moved(-burst * stack.bursts.lines_per_burst, 0))
    middles = np.s_[CELL_LINES // 2 :: CELL_LINES, CELL_PIXELS // 2 :: CELL_PIXELS]
    return carrier.frequency(line[middles], pixel[middles])
