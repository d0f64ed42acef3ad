"""A reader of SLC products of its own: what XML and TIFF say, and the textbook formulas, nothing of s1card."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from lxml import etree
from numpy.polynomial.polynomial import polyval
from scipy.interpolate import CubicHermiteSpline, RegularGridInterpolator

LIGHT = 299_792_458.0


@dataclass(frozen=True, eq=False)
class SlcImage:
    """One image of a product folder."""

    root: etree._Element
    calibration: etree._Element
    noise: etree._Element
    raster: Path

    @property
    def bursts(self) -> list[etree._Element]:
        return self.root.findall(".//burstList/burst")

    @property
    def lines(self) -> int:
        return int(self.text("linesPerBurst"))

    @property
    def pixels(self) -> int:
        return int(self.text("samplesPerBurst"))

    @property
    def interval(self) -> float:
        return float(self.text("azimuthTimeInterval"))

    @property
    def sampling(self) -> float:
        return float(self.text("rangeSamplingRate"))

    @property
    def wavelength(self) -> float:
        return LIGHT / float(self.text("radarFrequency"))

    def text(self, name: str) -> str:
        return self.root.findtext(f".//{name}") or ""

    def time(self, node: etree._Element, name: str) -> np.datetime64:
        return np.datetime64(node.findtext(name))

    def valid(self, burst: int) -> tuple[np.ndarray, np.ndarray]:
        """First and last valid sample of every line."""
        return tuple(
            np.array((self.bursts[burst].findtext(name) or "").split(), int)
            for name in ("firstValidSample", "lastValidSample")
        )

    def samples(self, burst: int) -> np.ndarray:
        with rasterio.open(self.raster) as raster:
            window = ((burst * self.lines, (burst + 1) * self.lines), (0, self.pixels))
            return raster.read(1, window=window)

    def nearest(self, path: str, polynomial: str, burst: int) -> tuple[float, np.ndarray]:
        """Origin and coefficients of the entry of a list that is nearest to the middle of a burst."""
        half = np.timedelta64(round(0.5e6 * self.lines * self.interval), "us")
        middle = self.time(self.bursts[burst], "azimuthTime") + half
        entries = self.root.findall(f".//{path}")
        entry = min(entries, key=lambda node: abs(self.time(node, "azimuthTime") - middle))
        return float(entry.findtext("t0")), np.array((entry.findtext(polynomial) or "").split(), float)

    def phase(self, burst: int, line: np.ndarray, pixel: np.ndarray) -> np.ndarray:
        """Deramping phase at lines and pixels of a burst (ESA, COPE-GSEG-EOPG-TN-14-0025)."""
        first_valid = max(int(self.valid(k)[0].max()) for k in range(len(self.bursts)))

        def rates(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            time = float(self.text("slantRangeTime")) + at / self.sampling
            origin, fm_rate = self.nearest("azimuthFmRate", "azimuthFmRatePolynomial", burst)
            start, doppler = self.nearest("dcEstimate", "dataDcPolynomial", burst)
            return polyval(time - origin, fm_rate), polyval(time - start, doppler)

        rate, centroid = rates(pixel)
        first_rate, first_centroid = rates(np.array(float(first_valid)))
        steering = 2.0 * self.speed() / self.wavelength * np.radians(float(self.text("azimuthSteeringRate")))
        total = rate * steering / (rate - steering)
        reference = 0.5 * self.lines * self.interval + first_centroid / first_rate - centroid / rate
        time = line * self.interval
        return -np.pi * total * (time - reference) ** 2 - 2.0 * np.pi * centroid * time

    def speed(self) -> float:
        """Speed of the satellite in the middle of the image."""
        first, last = (np.datetime64(self.text(f"product{which}LineUtcTime")) for which in ("First", "Last"))
        orbit = annotated_orbit(self.root, first)
        return float(np.linalg.norm(orbit(0.5 * seconds(last - first), 1)))

    def base_band(self, burst: int) -> np.ndarray:
        """Deramped samples."""
        line, pixel = np.meshgrid(np.arange(self.lines) * 1.0, np.arange(self.pixels) * 1.0, indexing="ij")
        return self.samples(burst) * np.exp(1j * self.phase(burst, line, pixel))

    def bandwidths(self) -> tuple[float, float]:
        """Processed bandwidths in azimuth and range, cycles per sample."""
        along, across = (
            float(self.text(f"{which}Processing/processingBandwidth")) for which in ("azimuth", "range")
        )
        return along * self.interval, across / self.sampling

    def lut(self, root: etree._Element, vector: str, values: str) -> RegularGridInterpolator:
        """A look-up table, bilinear in stacked line and pixel."""
        vectors = root.findall(f".//{vector}")
        line = np.array([float(node.findtext("line")) for node in vectors])
        pixel = np.array(vectors[0].findtext("pixel").split(), float)
        table = np.array([np.array(node.findtext(values).split(), float) for node in vectors])
        return RegularGridInterpolator((line, pixel), table)

    def noise_power(self, stacked: np.ndarray, pixel: np.ndarray) -> np.ndarray:
        """Annotated noise at stacked lines and pixels, DN**2."""
        power = self.lut(self.noise, "noiseRangeVector", "noiseRangeLut")((stacked, pixel))
        block = self.noise.find(".//noiseAzimuthVector")
        line, factor = (np.array(block.findtext(name).split(), float) for name in ("line", "noiseAzimuthLut"))
        return power * np.interp(stacked, line, factor)


def open_image(safe: Path, swath: str, polarization: str) -> SlcImage:
    pattern = f"*-{swath.lower()}-slc-{polarization.lower()}-*"
    annotation = next(safe.glob(f"annotation/s1{pattern}.xml"))
    calibration = next(safe.glob(f"annotation/calibration/calibration-{pattern}.xml"))
    noise = next(safe.glob(f"annotation/calibration/noise-{pattern}.xml"))
    roots = (etree.parse(path).getroot() for path in (annotation, calibration, noise))
    return SlcImage(*roots, next(safe.glob(f"measurement/{pattern}.tiff")))


def seconds(duration: np.timedelta64) -> float:
    return float(duration / np.timedelta64(1, "us")) * 1e-6


def numbers(root: etree._Element, path: str) -> np.ndarray:
    return np.array([float(node.text or "") for node in root.findall(path)])


def annotated_orbit(root: etree._Element, epoch: np.datetime64) -> CubicHermiteSpline:
    times = [np.datetime64(node.text) for node in root.findall(".//orbitList/orbit/time")]
    time = np.array([seconds(moment - epoch) for moment in times])
    position, velocity = (
        np.stack([numbers(root, f".//orbit/{which}/{axis}") for axis in "xyz"], axis=1)
        for which in ("position", "velocity")
    )
    return CubicHermiteSpline(time, position, velocity)


def precise_orbit(path: Path, epoch: np.datetime64) -> CubicHermiteSpline:
    """The orbit of a POEORB file around an epoch; between 10 s, a cubic Hermite spline is off by a few mm."""
    root = etree.parse(path).getroot()
    time = np.array([seconds(np.datetime64((node.text or "")[4:]) - epoch) for node in root.iter("UTC")])
    near = np.abs(time) < 100.0
    position, velocity = (
        np.stack([numbers(root, f".//OSV/{axis}") for axis in axes], axis=1)[near]
        for axes in (("X", "Y", "Z"), ("VX", "VY", "VZ"))
    )
    return CubicHermiteSpline(time[near], position, velocity)


def resample(image: np.ndarray, line: np.ndarray, pixel: np.ndarray, taps: int = 20) -> np.ndarray:
    """A band-limited image at fractional places (same shape) by sincs with a Hann window."""
    offsets = np.arange(1 - taps // 2, taps // 2 + 1)

    def weights(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        first = np.floor(place).astype(int)
        distance = offsets - (place - first)[..., None]
        weight = np.sinc(distance) * np.cos(np.pi * distance / (taps + 1)) ** 2
        return first, weight / weight.sum(axis=-1, keepdims=True)

    (row, along), (col, across) = weights(line), weights(pixel)
    out = np.zeros(line.shape, complex)
    for k, i in enumerate(offsets):
        part = np.zeros(line.shape, complex)
        for m, j in enumerate(offsets):
            part += across[..., m] * image[row + i, col + j]
        out += along[..., k] * part
    return out


def read_targets(truth: Path) -> list[dict[str, str]]:
    with (truth / "targets.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
