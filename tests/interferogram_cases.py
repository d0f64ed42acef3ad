"""A small simulated pair and products made of it, for the tests of interferometric operators."""

from __future__ import annotations

import csv
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from s1card.engine.native.context import Surroundings
from s1card.engine.native.engine import NativeEngine
from s1card.engine.native.product import Product
from s1card.geometry.coregistration import Placement
from s1card.graph.model import Graph, Node, Parameter, SourceRef
from s1card.simulate import SimulatedPair, SlcPairConfig, open_truth, simulate_slc_pair
from s1card.simulate.slc.truth import PairTruth

Step = tuple[str, dict[str, Any]]

CONFIG = SlcPairConfig(bursts=2, swaths=("IW1", "IW2"), samples=500, terrain="hills", targets=2)
DATES = "18Jun2021_12Jun2021"


@dataclass(frozen=True)
class Pair:
    """A simulated pair, and what graphs make of it."""

    files: SimulatedPair

    @property
    def folder(self) -> Path:
        return self.files.dem.parent

    @property
    def truth(self) -> PairTruth:
        with warnings.catch_warnings(action="ignore", category=PendingDeprecationWarning):  # of affine 3.1
            return open_truth(self.folder)

    def products(
        self, *steps: Step, swaths: tuple[str, ...] = ("IW1",), polarizations: str = "VV"
    ) -> list[Product]:
        """The product of every sub-swath after Back-Geocoding and further steps."""
        nodes = [_node(f"Read{k}", "Read", [], {"file": path}) for k, path in enumerate(self._safes)]
        lasts = [_add_swath(nodes, steps, swath, polarizations) for swath in swaths]
        built = NativeEngine(self.surroundings).build(Graph(tuple(nodes)))
        return [built[last] for last in lasts]

    def graph(self, *steps: Step, target: Path) -> Graph:
        """A graph that writes IW1 VV after Back-Geocoding and further steps as BEAM-DIMAP."""
        nodes = [_node(f"Read{k}", "Read", [], {"file": path}) for k, path in enumerate(self._safes)]
        last = _add_swath(nodes, steps, "IW1", "VV")
        nodes.append(_node("Write", "Write", [last], {"file": target, "formatName": "BEAM-DIMAP"}))
        return Graph(tuple(nodes))

    def product(self, *steps: Step, **choices: Any) -> Product:
        return self.products(*steps, **choices)[0]

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(orbit="none", dem=self.files.dem, dem_datum="ellipsoid")

    @property
    def _safes(self) -> list[Path]:
        return [self.files.reference[0], self.files.secondary[0]]

    def targets(self, swath: str) -> list[dict[str, float]]:
        """Point targets as the reference sees them."""
        with (self.files.truth / "targets.csv").open(encoding="utf-8") as stream:
            rows = [r for r in csv.DictReader(stream) if r["date"] == "reference" and r["swath"] == swath]
        keys = ("line", "pixel", "longitude", "latitude", "height")
        return [{key: float(row[key]) for key in keys} for row in rows]


def _add_swath(nodes: list[Node], steps: tuple[Step, ...], swath: str, polarizations: str) -> str:
    """Add the nodes of a sub-swath; returns the id of the last one."""
    for k in range(2):
        split = {"subswath": swath, "selectedPolarisations": polarizations}
        nodes.append(_node(f"Split{k}{swath}", "TOPSAR-Split", [f"Read{k}"], split))
    last = f"BG{swath}"
    nodes.append(_node(last, "Back-Geocoding", [f"Split0{swath}", f"Split1{swath}"], _DEM))
    for step, (operator, parameters) in enumerate(steps):
        nodes.append(_node(f"{step}{swath}", operator, [last], _DEM | parameters))
        last = f"{step}{swath}"
    return last


_DEM: dict[str, Any] = {"demName": "External DEM", "externalDEMFile": "given by the surroundings"}
_USED = {
    "Back-Geocoding": tuple(_DEM),
    "Interferogram": tuple(_DEM),
    "Coherence": tuple(_DEM),
    "TopoPhaseRemoval": tuple(_DEM),
    "Terrain-Correction": tuple(_DEM),
}


def _node(name: str, operator: str, sources: list[str], parameters: dict[str, Any]) -> Node:
    keys = ("sourceProduct", *(f"sourceProduct.{k}" for k in range(1, len(sources))))
    refs = tuple(SourceRef(key, source) for key, source in zip(keys, sources, strict=False))
    kept = {k: v for k, v in parameters.items() if k not in _DEM or k in _USED.get(operator, ())}
    return Node(name, operator, refs, tuple(Parameter(k, _text(v)) for k, v in kept.items()))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Two bursts of two sub-swaths over hills, made once for all modules."""
    folder = tmp_path_factory.getbasetemp() / "interferogram-pair"
    if folder not in _MADE:
        _MADE[folder] = simulate_slc_pair(CONFIG, folder)
    return Pair(_MADE[folder])


_MADE: dict[Path, SimulatedPair] = {}


def complex_samples(product: Product, number: int = 0) -> np.ndarray:
    """A complex image of a product; NaN where it is not valid."""
    signal, window = product.signals[number], product.grid.window
    parts = signal.read(window).astype(np.float64)
    values = parts[..., 0] + 1j * parts[..., 1]
    values[~signal.valid(window)] = np.nan
    return values


def sloping_placement(rows: int, cols: int) -> Placement:
    """Nodes whose layers grow with row and column of the node."""
    row, col = np.mgrid[0:rows, 0:cols].astype(np.float64)
    return Placement(-1, -1, 100 + row + 10 * col, 0 * row, 0 * row, row + col / 10, 0 * row)
