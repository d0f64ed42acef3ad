"""Stacks with known misregistration: a simulated pair whose secondary is annotated with a wrong time and range."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from interferogram_cases import Pair

from s1card.engine.native.context import Context
from s1card.engine.native.operators import OPERATORS
from s1card.engine.native.product import Product
from s1card.geometry.burst_resampling import deramp_samples
from s1card.graph.model import Node, Parameter
from s1card.graph.operators import resolve_parameters
from s1card.window import Window

ESD = "Enhanced-Spectral-Diversity"
HALF = 16  # samples around a target


@dataclass(frozen=True)
class Error:
    """Lines and pixels by which the annotation places the secondary too far down and right."""

    lines: float = 0.0
    pixels: float = 0.0

    @property
    def microseconds(self) -> int:
        """Times are annotated in these."""
        return round(self.lines * INTERVAL * 1e6)

    def of(self, product: Product) -> Product:
        """The product of a secondary, its orbit later and its range gate earlier than in truth."""
        bursts = product.bursts
        assert bursts is not None
        orbit = replace(product.orbit, time=product.orbit.time + np.timedelta64(self.microseconds, "us"))
        axis = bursts.range_axis
        axis = replace(axis, near=axis.near - self.pixels * axis.spacing)
        return replace(product, orbit=orbit, bursts=replace(bursts, range_axis=axis))

    @property
    def shifts(self) -> tuple[float, float]:
        """What the image is to be moved by, lines and pixels."""
        return self.microseconds * 1e-6 / INTERVAL, self.pixels


INTERVAL = 2.055556299999998e-03
NONE = Error()


def apply(operator: str, sources: list[Product], context: Context, **parameters: Any) -> Product:
    """What an operator makes of products."""
    texts = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in parameters.items()}
    node = Node("node", operator, (), tuple(Parameter(k, v) for k, v in texts.items()))
    return OPERATORS[operator](sources, resolve_parameters(node), context)


def stack(pair: Pair, *errors: Error, split: dict[str, Any] | None = None, **options: Any) -> Product:
    """The reference, and the secondary as often as there are errors, each time with another one; IW1 VV."""
    context = Context(pair.surroundings)
    chosen = {"subswath": "IW1", "selectedPolarisations": "VV"} | (split or {})

    def bursts(path: object) -> Product:
        scene = apply("Read", [], context, file=path)
        return apply("TOPSAR-Split", [scene], context, **chosen)

    reference, secondary = (bursts(files[0]) for files in (pair.files.reference, pair.files.secondary))
    sources = [reference, *(error.of(secondary) for error in errors)]
    dem = {"demName": "External DEM", "externalDEMFile": "given by the surroundings"}
    return apply("Back-Geocoding", sources, context, **dem | options)


def refined(pair: Pair, source: Product, **parameters: Any) -> Product:
    """A stack after Enhanced-Spectral-Diversity."""
    return apply(ESD, [source], Context(pair.surroundings), **parameters)


@dataclass(frozen=True)
class Found:
    """What the record says of a secondary: of lines and of pixels."""

    shift: tuple[float, float]
    deviation: tuple[float, float]
    count: tuple[float, float]

    @classmethod
    def of(cls, product: Product, number: int = 0) -> Found:
        """The measures of a secondary, from 0."""
        measures, tag = dict(product.measures), f"{product.swath}_{product.pairs[number].tag}"
        return cls(
            (measures[f"azimuth_shift_{tag}"], measures[f"range_shift_{tag}"]),
            (measures[f"azimuth_deviation_{tag}"], measures[f"range_deviation_{tag}"]),
            (measures[f"azimuth_cells_{tag}"], measures[f"range_patches_{tag}"]),
        )


def phase_jump(product: Product) -> float:
    """Phase (rad) by which the second burst's interferogram differs from the first one's on the ground of both."""
    bursts = product.bursts
    assert bursts is not None
    interferogram = product.signals[0]
    step = round((bursts.burst_time[1] - bursts.burst_time[0]) / bursts.line_interval)
    first = bursts.valid_window(0).intersection(bursts.valid[1].moved(step, 0))
    second = first.moved(bursts.lines_per_burst - step, 0)
    parts = [interferogram.read(window).astype(np.float64) for window in (first, second)]
    values = [part[..., 0] + 1j * part[..., 1] for part in parts]
    means = [_means(value, 4, 16) for value in values]
    return float(np.angle(np.sum(means[1] * np.conj(means[0]))))


def _means(values: np.ndarray, lines: int, pixels: int) -> np.ndarray:
    rows, cols = values.shape[0] // lines * lines, values.shape[1] // pixels * pixels
    blocks = values[:rows, :cols].reshape(rows // lines, lines, cols // pixels, pixels)
    return np.asarray(blocks.mean(axis=(1, 3)))


def target_errors(pair: Pair, product: Product) -> np.ndarray:
    """Line and pixel of every target in the secondary, minus where the reference has it: targets x 2."""
    bursts = product.bursts
    assert bursts is not None
    found = []
    for target in pair.targets(product.swath):
        index = int(target["line"]) // bursts.lines_per_burst
        window = Window(round(target["line"]) - HALF, round(target["pixel"]) - HALF, 2 * HALF, 2 * HALF)
        if window.intersection(bursts.valid_window(index)) != window:
            continue
        if all(signal.valid(window).all() for signal in product.signals):
            local = window.moved(-index * bursts.lines_per_burst, 0)
            peaks = [
                peak(deramp_samples(signal.read(window).astype(np.float32), bursts.carriers[index], local))
                for signal in product.signals
            ]
            found.append(np.subtract(peaks[1], peaks[0]))
    return np.array(found)


def peak(samples: np.ndarray) -> tuple[float, float]:
    """Place of the highest modulus between the samples (rows x cols x 2), by ever finer lattices of the spectrum."""
    values = samples[..., 0].astype(np.float64) + 1j * samples[..., 1]
    spectrum = np.fft.fft2(values)
    frequencies = [np.fft.fftfreq(size) for size in values.shape]
    place = np.array(np.unravel_index(np.argmax(np.abs(values)), values.shape), np.float64)
    for step in (0.1, 0.01, 0.001, 0.0001):
        offsets = np.arange(-10, 11) * step
        waves = [
            np.exp(2j * np.pi * np.outer(at + offsets, f)) for at, f in zip(place, frequencies, strict=True)
        ]
        modulus = np.abs(waves[0] @ spectrum @ waves[1].T)
        best = np.unravel_index(np.argmax(modulus), modulus.shape)
        place += [offsets[best[0]], offsets[best[1]]]
    return float(place[0]), float(place[1])
