"""Small products for the tests of layer 40: bands in memory with hand-made annotation, and a simulated scene."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import card_cases
import numpy as np
import pytest

from s1card.engine.native.context import Context, Surroundings
from s1card.engine.native.engine import NativeEngine
from s1card.engine.native.operators import OPERATORS
from s1card.engine.native.product import Band, Product
from s1card.geometry.map_grid import MapGrid
from s1card.geometry.radar_grid import RadarGrid, SlantRange
from s1card.graph.model import Graph, Node, Parameter, SourceRef
from s1card.graph.operators import resolve_parameters
from s1card.scene.records import (
    Calibration,
    CalibrationVector,
    Noise,
    NoiseAzimuthVector,
    NoiseRangeVector,
    SwathBounds,
)
from s1card.simulate.config import GrdConfig, SimulatedScene
from s1card.simulate.grd import simulate_grd
from s1card.window import Window

START = np.datetime64("2021-01-19T03:16:53.123456", "us")


def noise_vector(line: int, pixel: list[int], value: list[float]) -> NoiseRangeVector:
    return NoiseRangeVector(START, line, np.array(pixel), np.array(value, np.float32))


def azimuth_vector(
    area: tuple[int, int, int, int], line: list[int], value: list[float], swath: str = "IW1"
) -> NoiseAzimuthVector:
    """``area``: first line, last line, first pixel, last pixel."""
    return NoiseAzimuthVector(swath, *area, np.array(line), np.array(value, np.float32))


def noise_of(ranges: list[NoiseRangeVector], azimuths: list[NoiseAzimuthVector] | None = None) -> Noise:
    return Noise(START, START, tuple(ranges), tuple(azimuths or ()))


def calibration_of(
    lines: list[int], pixels: list[int], sigma: list[list[float]], dn: float = 1.0
) -> Calibration:
    """Vectors of sigma nought as given; beta nought is twice, gamma four times as much."""
    vectors = []
    for line, row in zip(lines, sigma, strict=True):
        table = np.array(row, np.float32)
        flat = np.full(table.size, dn, np.float32)
        vectors.append(CalibrationVector(START, line, np.array(pixels), table, 2 * table, 4 * table, flat))
    return Calibration(START, START, 1.0, tuple(vectors))


FLAT_CALIBRATION = calibration_of([0, 1000], [0, 1000], [[10.0, 10.0], [10.0, 10.0]])
NO_NOISE = noise_of([noise_vector(0, [0, 1000], [0.0, 0.0])])


def product_of(
    amplitude: dict[str, np.ndarray],
    *,
    noise: Noise = NO_NOISE,
    calibration: Calibration = FLAT_CALIBRATION,
    ipf: tuple[int, int] = (3, 31),
    bounds: tuple[SwathBounds, ...] = (),
    denoised: bool = False,
) -> Product:
    """A product as Read makes it, of uint16 amplitudes in memory by polarization."""
    rows, cols = next(iter(amplitude.values())).shape
    scene = card_cases.scene()
    images = tuple(
        replace(
            image,
            annotation=replace(
                image.annotation,
                lines=rows,
                pixels=cols,
                swath_bounds=bounds,
                thermal_noise_corrected=denoised,
            ),
            noise=noise,
            calibration=calibration,
        )
        for image in scene.images
    )
    scene = replace(scene, images=images, manifest=replace(scene.manifest, ipf_version=ipf))
    bands = tuple(
        Band(f"Amplitude_{p}", "amplitude", partial(_cut, a), p, "uint16", 0) for p, a in amplitude.items()
    )
    grid = RadarGrid(START, 0.0, 0.002, rows, cols, SlantRange(800_000.0, 10.0))
    return Product(scene.name, scene, grid, bands, images[0].annotation.state_vectors)


def map_product(
    values: np.ndarray, grid: MapGrid, name: str = "Sigma0_VV", unit: str = "intensity"
) -> Product:
    """A product on a map, of values in memory."""
    plain = product_of({"VV": np.ones((2, 2), np.uint16)})
    band = Band(name, unit, partial(_cut, values), "VV", str(values.dtype))
    return replace(plain, grid=grid, bands=(band,))


def _cut(values: np.ndarray, window: Window) -> np.ndarray:
    return values[window.slices_in(Window(0, 0, *values.shape))]


def apply(operator: str, source: Product, **parameters: object) -> Product:
    """One operator on a product, with SNAP's defaults for what is not given."""
    values = resolve_parameters(node("it", operator, "", **parameters))
    return OPERATORS[operator]([source], values, Context(Surroundings()))


def samples(product: Product, name: str, window: Window | None = None) -> np.ndarray:
    return product.band(name).read(window or product.grid.window)


def node(name: str, operator: str, source: str, **parameters: object) -> Node:
    sources = (SourceRef("sourceProduct", source),) if source else ()
    return Node(name, operator, sources, tuple(Parameter(k, _text(v)) for k, v in parameters.items()))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def chain(*steps: tuple[str, dict[str, Any]]) -> Graph:
    """A graph of operators one after the other; node ids are the operators' names."""
    nodes, previous = [], ""
    for operator, parameters in steps:
        nodes.append(node(operator, operator, previous, **parameters))
        previous = operator
    return Graph(tuple(nodes))


def build(*steps: tuple[str, dict[str, Any]], orbit: Path | str = "none", **surroundings: Any) -> Product:
    """The lazy product at the end of a chain."""
    graph = chain(*steps)
    engine = NativeEngine(Surroundings(orbit=str(orbit), **surroundings))
    return engine.build(graph)[graph.nodes[-1].id]


@dataclass(frozen=True)
class Small:
    """A simulated scene and what graphs need of it."""

    files: SimulatedScene

    @property
    def read(self) -> tuple[str, dict[str, Any]]:
        return "Read", {"file": self.files.safe}

    def terrain_correction(self, **parameters: Any) -> tuple[str, dict[str, Any]]:
        usual = {
            "demName": "External DEM",
            "externalDEMFile": self.files.dem,
            "externalDEMApplyEGM": False,
            "externalDEMNoDataValue": -32768,
            "nodataValueAtSea": True,
            "mapProjection": "AUTO:42001",
            "pixelSpacingInMeter": 10,
        }
        return "Terrain-Correction", {**usual, **parameters}


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """300 x 400 samples of hills without speckle, made once for all modules."""
    folder = tmp_path_factory.getbasetemp() / "engine-scene"
    if folder not in _MADE:
        _MADE[folder] = simulate_grd(GrdConfig(lines=300, pixels=400, targets=6, speckle="none"), folder)
    return Small(_MADE[folder])


_MADE: dict[Path, SimulatedScene] = {}
