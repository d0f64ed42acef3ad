"""Operators that the native engine has, by SNAP's names: one module each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from s1card.engine.native import (
    apply_orbit_file,
    calibration,
    linear_to_from_db,
    read,
    remove_grd_border_noise,
    subset,
    terrain_correction,
    thermal_noise_removal,
)
from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.product import Product

Operator = Callable[[Sequence[Product], Parameters, Context], Product]

OPERATORS: dict[str, Operator] = {
    "Apply-Orbit-File": apply_orbit_file.apply,
    "Calibration": calibration.apply,
    "LinearToFromdB": linear_to_from_db.apply,
    "Read": read.apply,
    "Remove-GRD-Border-Noise": remove_grd_border_noise.apply,
    "Subset": subset.apply,
    "Terrain-Correction": terrain_correction.apply,
    "ThermalNoiseRemoval": thermal_noise_removal.apply,
}

UNSUPPORTED: dict[str, dict[str, tuple[object, ...]]] = {
    "Terrain-Correction": {"outputComplex": (True,), "applyAPDCorrection": (True,)},
    "Calibration": {"outputImageInComplex": (True,)},
}
"""Parameter values of these operators that the native engine refuses."""
