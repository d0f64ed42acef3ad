"""Complex images kept as layers of a tile cache: real and imaginary part one after the other, NaN without data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.product import Pixels, Signal
from s1card.engine.native.tile_cache import Layers
from s1card.window import Window

ReadLayer = Callable[[Window, int], Layers]


def signal_of_layers(like: Signal, read: ReadLayer, layer: int) -> Signal:
    """A complex image of the layers ``layer`` and ``layer + 1``, float32.

    Args:
        like: Gives name, polarization and what else does not change.
        read: Gives a window of a layer as a new array.
        layer: Layer of the real part.
    """
    return replace(
        like, read=partial(_samples, read, layer), valid=partial(_is_valid, read, layer), dtype="float32"
    )


def layers_of(samples: Pixels, valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Complex samples (rows x cols x 2) as two layers, NaN where they are not valid."""
    layers = np.moveaxis(samples, -1, 0).astype(np.float32)
    layers[:, ~valid] = np.nan
    return layers


def _samples(read: ReadLayer, layer: int, window: Window) -> Pixels:
    parts = [np.nan_to_num(read(window, layer + k), copy=False) for k in (0, 1)]
    return np.stack(parts, axis=-1)


def _is_valid(read: ReadLayer, layer: int, window: Window) -> NDArray[np.bool_]:
    return np.asarray(~np.isnan(read(window, layer)))
