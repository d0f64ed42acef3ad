"""Radiometric normalisation of Terrain-Correction: calibrated bands, related to a chosen incidence angle.

Look-up tables give sigma0 and gamma0 for the incidence angle on the ellipsoid. Related to the area or the direction
that a sloping ground has instead, sigma0 is ``sigma0 sin(local) / sin(ellipsoid)`` and gamma0, which is
``sigma0 / cos(angle)`` with both, ``gamma0 tan(local) / tan(ellipsoid)`` (Kellndorfer et al., 1998,
doi:10.1109/36.718647).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.calibration import calibrated_band
from s1card.engine.native.context import Parameters
from s1card.engine.native.product import Band, Product
from s1card.errors import GraphError
from s1card.graph.table_grd import INCIDENCE_ANGLES
from s1card.window import Window

Floats32 = NDArray[np.float32]
ReadAngle = Callable[[Window], Floats32]

PROJECTED, LOCAL, ELLIPSOID = INCIDENCE_ANGLES
_SUFFIXES = {
    PROJECTED: "_use_projected_local_inci_angle_from_dem",
    LOCAL: "_use_local_inci_angle_from_dem",
    ELLIPSOID: "_use_inci_angle_from_ellipsoid",
}


@dataclass(frozen=True, eq=False)
class Angles:
    """Incidence angles on the map, degrees: on the ellipsoid, local, and local in the range plane."""

    ellipsoid: ReadAngle
    local: ReadAngle
    projected: ReadAngle


def normalized_bands(
    source: Product,
    bands: Sequence[Band],
    parameters: Parameters,
    angles: Angles,
    geocoded: Callable[[Band], Band],
) -> list[Band]:
    """Bands of sigma0, gamma0 and beta0 on the map, as ``save*Nought`` ask, named as SNAP does.

    Args:
        source: An uncalibrated product.
        bands: Its bands to work on; those of the same polarization give the same result, once.
        parameters: Of the Terrain-Correction.
        angles: Incidence angles on the map.
        geocoded: Brings a band onto the map.

    Raises:
        GraphError: The source is calibrated already.
    """
    if source.is_calibrated:
        raise GraphError(
            "applyRadiometricNormalization needs an uncalibrated source",
            subject=source.scene.name,
            advice="Leave out the Calibration node, or switch the normalisation off",
        )
    made = [
        _related(geocoded(calibrated_band(source, band, quantity)), quantity, angle, angles)
        for band in bands
        if band.polarization
        for quantity, angle in _wanted(parameters)
    ]
    return list({band.name: band for band in made}.values())


def _wanted(parameters: Parameters) -> list[tuple[str, str]]:
    """Quantities and the angles that they relate to; sigma0 unless something else is asked for."""
    choices = {
        "saveSigmaNought": ("Sigma0", str(parameters["incidenceAngleForSigma0"])),
        "saveGammaNought": ("Gamma0", str(parameters["incidenceAngleForGamma0"])),
        "saveBetaNought": ("Beta0", ELLIPSOID),
    }
    wanted = [choice for switch, choice in choices.items() if parameters[switch]]
    return wanted or [choices["saveSigmaNought"]]


def _related(band: Band, quantity: str, angle: str, angles: Angles) -> Band:
    """A calibrated band on the map, related to the wanted angle."""
    plain = quantity == "Beta0" or (quantity == "Sigma0" and angle == PROJECTED)
    name = band.name if plain else band.name + _SUFFIXES[angle]
    if angle == ELLIPSOID:
        return replace(band, name=name)
    local = angles.local if angle == LOCAL else angles.projected
    return replace(band, name=name, read=partial(_read, band, quantity, angles.ellipsoid, local))


def _read(band: Band, quantity: str, ellipsoid: ReadAngle, local: ReadAngle, window: Window) -> Floats32:
    function = np.sin if quantity == "Sigma0" else np.tan
    slope, flat = np.radians(local(window)), np.radians(ellipsoid(window))
    factor = np.where(slope < np.pi / 2, function(slope) / function(flat), np.float32(np.nan))
    return np.asarray(band.read(window) * factor, np.float32)
