"""Samples that SNAP made of small products of known truth, and the native engine's product of the same graphs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from s1card.engine.native.context import Surroundings
from s1card.engine.native.engine import NativeEngine
from s1card.engine.native.product import Product
from s1card.graph.fill import fill, override_parameter
from s1card.graph.xml import read_graph
from s1card.window import Window


@dataclass(frozen=True, eq=False)
class Case:
    """Samples that SNAP made, and what they were made of."""

    name: str
    meta: dict[str, Any]
    data: dict[str, np.ndarray]
    folder: Path
    graph: Path

    def dem(self) -> Path:
        return self.folder / "truth/dem_ellipsoidal.tif"

    def band(self, name: str) -> str:
        return next(key for key, facts in self.meta["bands"].items() if facts["name"] == name)

    @property
    def window(self) -> Window:
        x, y, width, height = self.meta["windows"][0]
        return Window(y, x, height, width)

    def snap(self, name: str) -> np.ndarray:
        """SNAP's samples of the window, NaN where it has none."""
        key = self.band(name)
        values = self.data[f"{key}_w0"].astype(np.float64)
        nodata = self.meta["bands"][key]["nodata"]
        return np.where(values == np.float32(nodata), np.nan, values)

    def scattered(self, name: str, ours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """SNAP's samples all over the raster, and the same ones of ours."""
        step = self.meta["decimate"]
        theirs = self.data[f"{self.band(name)}_dec"].astype(np.float64)
        mine = ours[step // 2 :: step, step // 2 :: step][: theirs.shape[0], : theirs.shape[1]]
        return np.where(theirs == 0.0, np.nan, theirs), mine

    def product(self, dem: Path | None = None, **changes: dict[str, str]) -> Product:
        """The native engine's product before it is written.

        Args:
            dem: Elevation model; None for the true one.
            changes: Parameters to be set, by operator (with underscores in its name) and name.
        """
        scenes = sorted(self.folder.glob("*.SAFE.zip"))
        inputs = {name: str(scene) for name, scene in zip(("in", "in2"), scenes, strict=False)}
        graph = fill(read_graph(self.graph), {**inputs, "dem": str(dem or self.dem()), "out": "unused.dim"})
        for node in graph.nodes:
            for name, value in changes.get(node.operator.replace("-", "_"), {}).items():
                graph = override_parameter(graph, node.id, name, value)
        given = {"dem": self.dem(), "dem_datum": "ellipsoid"} if dem is None and len(inputs) > 1 else {}
        surroundings = Surroundings(orbit=str(self.folder), **given)
        return list(NativeEngine(surroundings).build(graph).values())[-1]


def case_of(shared: Path, name: str) -> Case:
    root = shared / "snap"
    cases = {c["name"]: c for c in json.loads((root / "cases.json").read_text(encoding="utf-8"))["cases"]}
    with np.load(root / "data" / f"{name}.npz") as file:
        data = {key: file[key] for key in file.files if key != "meta"}
        meta = json.loads(str(file["meta"]))
    return Case(name, meta, data, root / "inputs" / cases[name]["product"], root / cases[name]["graph"])


def moved(dem: Path, target: Path) -> Path:
    with rasterio.open(dem) as source:
        profile, height = source.profile, source.read(1)
    t = profile["transform"]
    profile["transform"] = rasterio.Affine(t.a, t.b, t.c - t.a / 2, t.d, t.e, t.f - t.e / 2)
    with rasterio.open(target, "w", **profile) as file:
        file.write(height, 1)
    return target
