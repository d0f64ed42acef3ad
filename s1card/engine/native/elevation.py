"""The DEM that a node asks for."""

from __future__ import annotations

import logging
from pathlib import Path

from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.map_extent import Extent
from s1card.errors import DemError, GraphError
from s1card.geometry.dem import Dem, VerticalDatum

log = logging.getLogger(__name__)

EXTERNAL = "External DEM"
COMPLETE = 0.999  # share of a bounding box that counts as all of it


def open_dem(parameters: Parameters, context: Context, extent: Extent) -> Dem:
    """The DEM of the surroundings, or the external one that the graph names.

    The heights of an external DEM are ellipsoidal, or above EGM96 if ``externalDEMApplyEGM`` says so; the
    surroundings can name the datum instead.

    Raises:
        GraphError: The graph names a DEM that SNAP would download, and the surroundings give none.
        DemError: The DEM cannot be used, or does not touch the scene.
    """
    here = context.surroundings
    path = here.dem or _named(parameters)
    datum = here.dem_datum or _snap_datum(parameters)
    nodata = parameters["externalDEMNoDataValue"] if here.dem is None else None
    dem = context.dem(path, datum, nodata, "nodata" if parameters["nodataValueAtSea"] else "geoid")
    bounds = (extent.west, extent.south, extent.east, extent.north)
    dem.require_overlap(bounds)
    covered = dem.coverage(bounds)
    if covered < COMPLETE and context.is_first(f"coverage of {path}"):
        log.warning("%s covers %.0f %% of the scene's bounding box", dem.name, 100 * covered)
    return dem


def _named(parameters: Parameters) -> Path:
    name, file = parameters["demName"], parameters["externalDEMFile"]
    if name != EXTERNAL:
        raise GraphError(
            f"the graph asks for {name!r}, which SNAP downloads; the native engine does not",
            advice="Name an elevation model on disk with --dem, or in the variable S1CARD_DEM",
        )
    if not file:
        raise DemError("no elevation model is given", advice="Name one with --dem")
    return Path(file)


def _snap_datum(parameters: Parameters) -> VerticalDatum:
    return VerticalDatum.EGM96 if parameters["externalDEMApplyEGM"] else VerticalDatum.ELLIPSOID
