"""Coherence cards of simulated pairs against their truth: places of point targets, coherence of fields, seams."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from end_to_end import band, make_pair_card
from pyogrio.raw import read as read_fields
from pyproj import Transformer
from rasterio.features import rasterize
from scipy.optimize import minimize

from s1card.accuracy import measure_coherence
from s1card.engine.looks import expected_coherence
from s1card.engine.native.context import Context, Surroundings
from s1card.engine.native.engine import NativeEngine
from s1card.engine.native.operators import OPERATORS
from s1card.engine.native.product import Band, Product
from s1card.engine.native.topsar_deburst import deburst
from s1card.engine.native.topsar_merge import merge
from s1card.geometry.burst_resampling import deramp_samples
from s1card.graph.model import Graph
from s1card.graph.operators import resolve_parameters
from s1card.graph.xml import read_graph
from s1card.simulate import SimulatedPair, SlcPairConfig, simulate_slc_pair
from s1card.window import Window

SWATHS = ("IW1", "IW2", "IW3")
BRIGHT = -15.5  # dB; darker fields hold the side lobes of brighter ones
LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)
HALF = 16  # samples around a target

CASES = {
    # 2,000 m of relief, slopes to 30 degrees
    "mountains, 200 m": SlcPairConfig(
        samples=1500, baseline=200.0, terrain="mountains", targets=3, thermal_noise=False, seed=5
    ),
    "hills, 0 m, across midnight": SlcPairConfig(
        samples=1500,
        baseline=0.0,
        targets=2,
        thermal_noise=False,
        ascending=False,
        seed=8,
        longitude=92.0,
        date="2021-06-18T00:00:01",
    ),
}


@dataclass(frozen=True, eq=False)
class Made:
    """A simulated pair and its card."""

    pair: SimulatedPair
    card: Path

    @property
    def truth(self) -> Path:
        return self.pair.truth / "fields.gpkg"

    @cached_property
    def facts(self) -> dict[str, Any]:
        item = json.loads((self.card / f"{self.card.name}.json").read_text(encoding="utf-8"))
        return dict(item["properties"])

    @property
    def looks(self) -> float:
        return float(np.mean(list(self.facts["s1card:coherence_looks"].values())))

    @property
    def graph(self) -> Graph:
        """The graph as it ran."""
        text = (self.card / f"{self.card.name}.xml").read_text(encoding="utf-8")
        path = self.card.parent / "as-run.xml"
        path.write_text(_with_inputs(text, self.pair), encoding="utf-8")
        return read_graph(path)

    @cached_property
    def products(self) -> dict[str, Product]:
        return NativeEngine(self.surroundings).build(self.graph)

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(orbit="auto", dem=self.pair.dem, dem_datum="ellipsoid")


def _with_inputs(graph: str, pair: SimulatedPair) -> str:
    """A card's graph names its inputs without their folders."""
    for path in (*pair.reference, *pair.secondary, pair.dem):
        graph = graph.replace(f">{path.name}<", f">{path}<")
    return graph


@pytest.fixture(scope="module", params=CASES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("pair")
    pair = simulate_slc_pair(CASES[request.param], folder / "scenes")
    return Made(pair, make_pair_card(pair, folder / "cards"))


def test_baselines(made: Made) -> None:
    truth = json.loads((made.pair.truth / "scene.json").read_text(encoding="utf-8"))
    found = made.facts["s1card:perpendicular_baseline"]
    assert set(found) == set(SWATHS)
    assert found["IW2"] == pytest.approx(truth["perpendicular_baseline"], abs=0.5)
    assert made.facts["s1card:temporal_baseline_days"] == 6


class TestTargets:
    """Both dates show a target at the same place: 0.01 samples in range, 0.005 lines in azimuth."""

    def test_places(self, made: Made) -> None:
        errors = np.array([error for swath in SWATHS for error in self.of(made, swath)])
        assert len(errors) >= 10
        assert np.abs(errors).max(axis=0) == pytest.approx([0.0, 0.0], abs=0.01)
        assert np.abs(errors[:, 0]).max() <= 0.005
        assert np.abs(errors.mean(axis=0)).max() <= 0.001

    def of(self, made: Made, swath: str) -> list[tuple[float, float]]:
        """Line and pixel of every target of a sub-swath in the secondary, minus where the reference has it."""
        product = made.products[f"Back-Geocoding-{swath}"]
        images = [signal for signal in product.signals if signal.polarization == "VV"]
        assert product.bursts is not None
        found = []
        for line, pixel in self.truth(made, swath):
            index = int(line) // product.bursts.lines_per_burst
            window = Window(round(line) - HALF, round(pixel) - HALF, 2 * HALF, 2 * HALF)
            inside = window.intersection(product.bursts.valid_window(index)) == window
            if inside and all(signal.valid(window).all() for signal in images):
                there = [self.peak(signal.read(window), product, index, window) for signal in images]
                found.append((there[1][0] - there[0][0], there[1][1] - there[0][1]))
                assert there[1] == pytest.approx((line - window.row, pixel - window.col), abs=0.01)
        return found

    def truth(self, made: Made, swath: str) -> list[tuple[float, float]]:
        with (made.pair.truth / "targets.csv").open(encoding="utf-8") as stream:
            rows = [r for r in csv.DictReader(stream) if (r["date"], r["swath"]) == ("reference", swath)]
        return [(float(row["line"]), float(row["pixel"])) for row in rows]

    def peak(self, samples: np.ndarray, product: Product, index: int, window: Window) -> tuple[float, float]:
        """Place of the highest modulus of the signal between its samples."""
        bursts = product.bursts
        assert bursts is not None
        local = window.moved(-index * bursts.lines_per_burst, 0)
        parts = deramp_samples(samples.astype(np.float32), bursts.carriers[index], local)
        spectrum = np.fft.fft2(parts[..., 0] + 1j * parts[..., 1])
        f = np.fft.fftfreq(2 * HALF)

        def modulus(place: np.ndarray) -> float:
            waves = [np.exp(2j * np.pi * f * x) for x in place]
            return float(np.abs(waves[0] @ spectrum @ waves[1]))

        first = np.array(
            np.unravel_index(np.argmax(np.hypot(*np.moveaxis(parts, 2, 0))), window.shape), float
        )
        scale = modulus(first)
        found = minimize(lambda x: -modulus(x) / scale, first, method="Nelder-Mead", options={"xatol": 1e-5})
        return float(found.x[0]), float(found.x[1])


def test_coherence_of_fields(made: Made) -> None:
    """Within 0.01 of its expectation for the truth and the number of looks, at every level."""
    fields = [
        field
        for field in measure_coherence(band(made.card, "VV"), made.truth, "VV")
        if field.backscatter_db > BRIGHT
    ]
    for level in LEVELS:
        here = [field for field in fields if field.coherence == pytest.approx(level)]
        weights = [field.samples for field in here]
        assert len(here) >= 30
        assert sum(weights) >= 5000
        difference = [field.mean - expected_coherence(field.truth, made.looks) for field in here]
        assert abs(np.average(difference, weights=weights)) <= 0.01, level


def test_no_seams(made: Made) -> None:
    """Inside fields that lie across a border of bursts or of sub-swaths, both sides show the same.

    The window holds fewer looks from sub-swath to sub-swath, so that at low coherence the expectation of the estimate
    has a small step there, which is not the processor's.
    """
    with rasterio.open(band(made.card, "VV")) as raster:
        coherence = raster.read(1)
        fields, truth = _labels(made, raster)
    source = source_of_pixels(made)
    assert source.shape == coherence.shape
    known = np.isfinite(coherence) & (fields > 0) & (source > 0)
    expected = np.zeros(coherence.shape)
    for number, swath in enumerate(SWATHS, 1):
        looks = made.facts["s1card:coherence_looks"][swath]
        table = np.array([0.0, *(expected_coherence(value, looks) for value in truth)])
        expected = np.where(source // 100 == number, table[fields], expected)
    for what, is_crossed in (("bursts", _neighbouring_bursts), ("sub-swaths", _neighbouring_swaths)):
        difference, error, count = differences(coherence - expected, fields, source, known, is_crossed)
        assert count >= 15, what
        assert error < 0.009, what
        assert abs(difference) < 0.01, what


def _neighbouring_bursts(a: int, b: int) -> bool:
    return a // 100 == b // 100


def _neighbouring_swaths(a: int, b: int) -> bool:
    return a // 100 != b // 100


def differences(
    coherence: np.ndarray, fields: np.ndarray, source: np.ndarray, known: np.ndarray, is_crossed: Any
) -> tuple[float, float, int]:
    """Mean difference across the seams in all fields, its standard error, and in how many fields there are some."""
    keys = fields[known].astype(np.int64) * 1000 + source[known]
    groups, index, counts = np.unique(keys, return_inverse=True, return_counts=True)
    means = np.bincount(index, coherence[known]) / counts
    found = []
    for k, other in zip(range(groups.size - 1), range(1, groups.size), strict=True):
        same_field = groups[k] // 1000 == groups[other] // 1000
        if (
            same_field
            and is_crossed(groups[k] % 1000, groups[other] % 1000)
            and min(counts[[k, other]]) >= 12
        ):
            weight = 1.0 / (1.0 / counts[k] + 1.0 / counts[other])
            found.append((means[other] - means[k], weight))
    if not found:
        return 0.0, np.inf, 0
    difference, weight = np.array(found).T
    mean = np.average(difference, weights=weight)
    spread = np.sqrt(np.average((difference - mean) ** 2, weights=weight) / len(found))
    return float(mean), float(spread), len(found)


def source_of_pixels(made: Made) -> np.ndarray:
    """For every pixel of the card the sub-swath (hundreds) and burst it comes from, through the same operators."""
    parts = []
    for number, swath in enumerate(SWATHS, 1):
        part = made.products[f"Coherence-{swath}"]
        assert part.bursts is not None
        read = partial(_source, number, part.bursts.lines_per_burst)
        parts.append(deburst(replace(part, bands=(Band(f"source_{swath}_VV", "1", read, "VV"),))))
    node = made.graph.node("Terrain-Correction")
    parameters = {**resolve_parameters(node), "imgResamplingMethod": "NEAREST_NEIGHBOUR"}
    product = OPERATORS["Terrain-Correction"]([merge(parts)], parameters, Context(made.surroundings))
    return np.nan_to_num(product.bands[0].read(product.grid.window)).astype(np.int64)


def _source(number: int, lines_per_burst: int, window: Window) -> np.ndarray:
    burst = 1 + np.arange(window.row, window.row_end) // lines_per_burst
    return np.repeat(100.0 * number + burst[:, None], window.cols, axis=1).astype(np.float32)


def _labels(made: Made, raster: rasterio.io.DatasetReader) -> tuple[np.ndarray, np.ndarray]:
    """Number (from 1) of the field that a pixel lies well inside of, and the coherence of every field."""
    meta, _, geometries, columns = read_fields(made.truth, columns=["coherence_VV_expected"])
    to_map = Transformer.from_crs(meta["crs"], raster.crs, always_xy=True)
    polygons = shapely.buffer(
        shapely.transform(
            shapely.from_wkb(geometries), lambda xy: np.column_stack(to_map.transform(xy[:, 0], xy[:, 1]))
        ),
        -30.0,
    )
    shapes = [(polygons[k], int(k) + 1) for k in np.flatnonzero(~shapely.is_empty(polygons))]
    return rasterize(shapes, raster.shape, transform=raster.transform, dtype="int32"), columns[0]
