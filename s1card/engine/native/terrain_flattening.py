"""Terrain-Flattening: beta nought over the area of terrain that every sample sees.

``gamma nought = beta nought * area of the sample / illuminated area`` (Small, 2011), the area of the sample in the
slant plane, the illuminated area on the plane perpendicular to the look direction. Where almost nothing is lit
(radar shadow) there is no data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native import elevation
from s1card.engine.native.calibration import calibrated_band
from s1card.engine.native.complex_layers import ReadLayer
from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.map_extent import image_extent
from s1card.engine.native.product import Band, Product, Reader
from s1card.engine.native.selection import selected_bands
from s1card.engine.native.slc import require_image
from s1card.engine.native.tile_cache import Tiling
from s1card.errors import GraphError
from s1card.geometry.ellipsoid import ecef_points
from s1card.geometry.illuminated_area import IlluminatedArea
from s1card.geometry.orbit import tabulate_orbit
from s1card.geometry.radar_cell import cell_nodes, relative_area
from s1card.geometry.resampling import METHODS
from s1card.geometry.tie_points import TiePoints
from s1card.window import Window

Floats32 = NDArray[np.float32]

TILE_ROWS, TILE_COLS = 512, 2048
FACET_SAMPLES = 1.6  # side of facets over the larger spacing of the samples, before oversamplingMultiple
UNLIT = 0.05  # share of the area of flat ground below which a sample counts as not lit (Small, 2011)
BETA, GAMMA, SIGMA = "Beta0", "Gamma0", "Sigma0"
SIMULATED = "simulatedImage"


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """Bands ``Gamma0_VV`` ..., and as asked for ``Sigma0_VV`` ... and ``simulatedImage``.

    The simulated image is the illuminated area over that of the sample: 1 over the tangent of the incidence angle on
    flat ground. It is the number that beta nought was divided by.
    """
    source = sources[0]
    require_image(source, "Terrain-Flattening")
    betas = beta_bands(source, parameters)
    dem = elevation.open_dem(parameters, context, image_extent(source))
    orbit = tabulate_orbit(source.orbit, source.radar_grid.epoch)
    facet = FACET_SAMPLES * max(source.ground_spacing) / float(parameters["oversamplingMultiple"])
    taps = METHODS[parameters["demResamplingMethod"]]
    area = IlluminatedArea(source.radar_grid, orbit, dem, facet, _middle(source), taps)
    with_sigma = bool(parameters["outputSigma0"])
    layers = AreaLayers(area, source.incidence_ties, with_sigma)
    read = context.tiles.add(layers.tiling, layers.make)
    gamma, sigma = partial(_layer, read, 0), partial(_layer, read, 1)
    bands = [_flattened(band, gamma, GAMMA) for band in betas]
    if with_sigma:
        bands += [_flattened(band, sigma, SIGMA) for band in betas]
    if parameters["outputSimulatedImage"]:
        bands.append(Band(SIMULATED, "Ratio", gamma, description="illuminated area over that of the sample"))
    product = replace(source, name=f"{source.name}_RTC", bands=tuple(bands), signals=(), is_calibrated=True)
    product = product.with_fact("DEM", f"{dem.name} ({dem.datum})")
    return product.with_fact("Terrain-Flattening", "gamma nought, illuminated area of facets")


def beta_bands(source: Product, parameters: Parameters) -> list[Band]:
    """The bands of beta nought to work on; amplitudes and intensities of a detected image are calibrated to it.

    Raises:
        GraphError: The source has none, and cannot be calibrated here.
    """
    named = tuple(parameters["sourceBands"] or ())
    if source.is_calibrated or source.signals:
        bands = [band for band in source.real_bands(named) if band.name.startswith(BETA)]
        if not bands or len(bands) < len(named):
            present = ", ".join(band.name for band in source.real_bands(named))
            raise GraphError(
                f"Terrain-Flattening takes beta nought, its source has {present or 'no bands'}",
                subject=source.scene.name,
                advice="Set outputBetaBand of Calibration to true",
            )
        return bands
    return [calibrated_band(source, band, BETA) for band in selected_bands(source, parameters)]


def _middle(source: Product) -> NDArray[np.float64]:
    """An earth-centred point (m) in the middle of the image."""
    rows, cols = source.shape
    latitude, longitude = source.tie_grid.position(np.array([rows / 2.0]), np.array([cols / 2.0]))
    return np.asarray(ecef_points(longitude, latitude, np.zeros(1))[0])


@dataclass(frozen=True, eq=False)
class AreaLayers:
    """Ratios of areas, tile by tile: illuminated over that of the sample.

    Attributes:
        area: Areas of terrain.
        incidence: Angle on the ellipsoid, degrees.
        with_surface: Whether there is a second layer, of the area of the surface itself.
    """

    area: IlluminatedArea
    incidence: TiePoints
    with_surface: bool

    @cached_property
    def tiling(self) -> Tiling:
        """Large tiles: the facets at their rims are computed for both neighbours."""
        shape = self.area.radar.shape
        return Tiling(shape, shape[0], TILE_ROWS, TILE_COLS)

    def make(self, window: Window) -> Floats32:
        """Layers x rows x cols; NaN where almost nothing is lit."""
        seen = self.area.over(window, surface=self.with_surface)
        cells = cell_nodes(self.area.radar, self.area.orbit, self.area.start, window)
        incidence = np.radians(self.incidence.evaluate(*np.meshgrid(cells.line, cells.pixel, indexing="ij")))
        flat = (1.0 / np.tan(incidence), 1.0 / np.sin(incidence))
        out = [relative_area(seen[k], cells, flat[k].astype(np.float64), UNLIT) for k in range(len(seen))]
        return np.stack(out)


def _layer(read: ReadLayer, layer: int, window: Window) -> Floats32:
    return np.asarray(read(window, layer), np.float32)


def _flattened(beta: Band, ratio: Reader, quantity: str) -> Band:
    return replace(
        beta,
        name=beta.name.replace(BETA, quantity, 1),
        read=partial(_divide, beta, ratio),
        dtype="float32",
        nodata=np.nan,
        description=f"terrain-flattened {quantity[:-1].lower()} nought {beta.polarization or ''}, linear power".strip(),
    )


def _divide(beta: Band, ratio: Reader, window: Window) -> Floats32:
    samples = np.asarray(beta.read(window), np.float32)
    return np.asarray(samples / ratio(window), np.float32)
