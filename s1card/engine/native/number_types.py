"""Numbers in the types of rasters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def limits(dtype: str) -> tuple[float, float]:
    """Least and greatest number of a type."""
    if dtype.startswith("float"):
        found = np.finfo(dtype)
        return float(found.min), float(found.max)
    held = np.iinfo(dtype)
    return float(held.min), float(held.max)


def fit(values: NDArray[np.float64], dtype: str) -> NDArray[Any]:
    """Values in another type; what is beyond its ends comes to lie on them."""
    return np.clip(values, *limits(dtype)).astype(dtype)
