"""The samples of simulated SLC pairs: spectrum, carrier, targets, backscatter, coherence; and how the work is cut."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from scipy.ndimage import maximum_filter, minimum_filter
from simulate_slc_cases import SlcImage, open_image, read_targets, resample

from s1card.simulate import SimulatedPair, SlcPairConfig, open_truth, simulate_slc_pair
from s1card.simulate.ellipsoid import ecef_to_geodetic

CLEAN = SlcPairConfig(
    bursts=2, swaths=("IW1",), samples=640, baseline=150.0, missync=1.7, range_shift=3.4,
    thermal_noise=False, polarizations=("VV",), dem_spacing=2.0, targets=2,
)  # fmt: skip
NOISY = SlcPairConfig(
    bursts=1, swaths=("IW2",), samples=600, baseline=-90.0, missync=-2.6, terrain="hills",
    ascending=False, targets=0, dem_spacing=2.0, seed=4,
)  # fmt: skip


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> SimulatedPair:
    return simulate_slc_pair(CLEAN, tmp_path_factory.mktemp("clean"))


def dates(pair: SimulatedPair) -> dict[str, Path]:
    return {"reference": pair.reference[0], "secondary": pair.secondary[0]}


@pytest.mark.parametrize("date", ["reference", "secondary"])
@pytest.mark.parametrize("burst", [0, 1])
def test_deramped_bursts_are_in_the_processed_band(clean: SimulatedPair, date: str, burst: int) -> None:
    image = open_image(dates(clean)[date], "IW1", "VV")
    first, last = image.valid(burst)
    rows = np.flatnonzero(first >= 0)
    base = image.base_band(burst)[rows[0] : rows[-1] + 1, first.max() : last[rows].min() + 1]
    for axis, band in zip((0, 1), image.bandwidths(), strict=True):
        # A window without edges, so that the cut does not smear the spectrum.
        edgeless = np.expand_dims(np.hanning(base.shape[axis]), 1 - axis)
        power = (np.abs(np.fft.fft(base * edgeless, axis=axis)) ** 2).sum(axis=1 - axis)
        frequency = np.fft.fftfreq(base.shape[axis])
        inside = np.abs(frequency) <= 0.5 * band
        assert power[inside].sum() >= 0.999 * power.sum()
        # The Hamming window of the annotation: the middle tenth of the band over all of it.
        name = "azimuthProcessing" if axis == 0 else "rangeProcessing"
        c = float(image.text(f"{name}/windowCoefficient"))
        middle = power[np.abs(frequency) <= 0.05 * band].sum() / power[inside].sum()
        assert middle == pytest.approx(0.1 * 0.997 / (c**2 + 0.5 * (1.0 - c) ** 2), rel=0.06)
    outside = np.ones((image.lines, image.pixels), bool)
    for row in rows:
        outside[row, first[row] : last[row] + 1] = False
    assert not image.samples(burst)[outside].any()


def test_the_carrier_is_there(clean: SimulatedPair) -> None:
    """Without deramping, the azimuth spectrum of a few lines is centred where the beam was steered to."""
    image = open_image(clean.reference[0], "IW1", "VV")
    samples = image.samples(0)[:, 40:540]
    line, pixel = np.arange(image.lines) * 1.0, np.full(image.lines, 300.0)
    expected = -np.diff(image.phase(0, line, pixel)) / (2.0 * np.pi)
    for row in (100, 750, 1400):
        turned = samples[row + 1] * np.conj(samples[row])
        found = np.angle(turned.sum()) / (2.0 * np.pi)
        assert (found - expected[row] + 0.5) % 1.0 - 0.5 == pytest.approx(0.0, abs=0.02)


def peak(chip: np.ndarray, factor: int = 32) -> tuple[float, float]:
    """Place of the highest amplitude of a band-limited chip: zero-padded transform and a parabola."""
    size = chip.shape[0]
    start = (size * factor - size) // 2
    padded = np.zeros((size * factor, size * factor), complex)
    padded[start : start + size, start : start + size] = np.fft.fftshift(np.fft.fft2(chip))
    fine = np.abs(np.fft.ifft2(np.fft.ifftshift(padded)))
    row, col = np.unravel_index(int(fine.argmax()), fine.shape)

    def top(before: float, middle: float, after: float) -> float:
        return 0.5 * (before - after) / (before - 2.0 * middle + after)

    y = row + top(fine[row - 1, col], fine[row, col], fine[row + 1, col])
    x = col + top(fine[row, col - 1], fine[row, col], fine[row, col + 1])
    return y / factor, x / factor


def test_targets_are_focused_where_the_truth_says(clean: SimulatedPair) -> None:
    """Peaks after deramping, in both dates and all bursts that see them; their phase is -4 pi R / wavelength."""
    listed = read_targets(clean.truth)
    seen = [(t["date"], t["name"], t["burst"]) for t in listed]
    assert len(set(seen)) == len(seen) == 12
    bases = {
        (date, burst): open_image(safe, "IW1", "VV").base_band(burst)
        for date, safe in dates(clean).items()
        for burst in (0, 1)
    }
    for target in listed:
        burst, base = int(target["burst"]), bases[target["date"], int(target["burst"])]
        image = open_image(dates(clean)[target["date"]], "IW1", "VV")
        line, pixel = float(target["line_in_burst"]), float(target["pixel"])
        assert float(target["line"]) == pytest.approx(line + burst * image.lines, abs=1e-8)
        first, start = round(line) - 24, round(pixel) - 24
        y, x = peak(base[first : first + 48, start : start + 48])
        assert y + first == pytest.approx(line, abs=0.003)
        assert x + start == pytest.approx(pixel, abs=0.003)
        value = resample(base, np.array([line]), np.array([pixel]), 40)[0]
        value *= np.exp(-1j * image.phase(burst, np.array(line), np.array(pixel)))
        away = -4.0 * np.pi * float(target["slant_range"]) / image.wavelength
        assert np.angle(value * np.exp(-1j * away)) == pytest.approx(0.0, abs=0.02)
        assert np.angle(np.exp(1j * (float(target["phase"]) - away))) == pytest.approx(0.0, abs=2e-4)
        assert abs(value) == pytest.approx(float(target["amplitude_VV"]), rel=0.01)
    assert {"0", "1"} == {target["burst"] for target in listed if target["name"] == "T003"}


@dataclass(frozen=True, eq=False)
class Fields:
    """Truth of fields, and which one every pixel of a window looks at (-1: near an edge of a field)."""

    truth: dict[str, np.ndarray]
    index: np.ndarray
    line: np.ndarray
    pixel: np.ndarray


@dataclass(frozen=True, eq=False)
class Comparison:
    """A window of the reference and the secondary at the same places, its geometric phase removed."""

    fields: Fields
    reference: dict[str, np.ndarray]
    secondary: dict[str, np.ndarray]
    images: dict[str, SlcImage]


STEP = 8  # lines and pixels between places whose geometry is exact; linear in between


def between(coarse: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Values at every line and pixel from those at every eighth."""
    rows, cols = (np.arange(count) / STEP for count in shape)
    i, j = rows.astype(int), cols.astype(int)
    u, v = (rows - i)[:, None], (cols - j)[None]
    upper = coarse[np.ix_(i, j)] * (1.0 - v) + coarse[np.ix_(i, j + 1)] * v
    lower = coarse[np.ix_(i + 1, j)] * (1.0 - v) + coarse[np.ix_(i + 1, j + 1)] * v
    return upper * (1.0 - u) + lower * u


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("noisy")
    pair, truth = simulate_slc_pair(NOISY, folder), open_truth(folder)
    images = {p: open_image(pair.reference[0], "IW2", p) for p in ("VV", "VH")}
    first, last = images["VV"].valid(0)
    shape = 480, int(last.max() - first.max()) - 48
    corner = 420, int(first.max()) + 24
    coarse = np.meshgrid(
        *(c + STEP * np.arange(n // STEP + 2.0) for c, n in zip(corner, shape, strict=True)), indexing="ij"
    )
    there = truth.coregistration("IW2", 0, *coarse)
    view = truth.plan.reference.burst("IW2", 0).view
    longitude, latitude, _ = ecef_to_geodetic(view.ground(*coarse, there.height))
    line, pixel = (between(values, shape) for values in coarse)
    fields = fields_of(pair, between(longitude, shape), between(latitude, shape), line, pixel)
    other_line, other_pixel, phase = (between(v, shape) for v in (there.line, there.pixel, there.phase))
    part = tuple(slice(c, c + n) for c, n in zip(corner, shape, strict=True))
    reference, secondary = {}, {}
    for polarization, image in images.items():
        other = open_image(pair.secondary[0], "IW2", polarization)
        moved = resample(other.base_band(0), other_line, other_pixel, 12)
        moved *= np.exp(-1j * other.phase(0, other_line, other_pixel))
        reference[polarization] = image.samples(0)[part]
        secondary[polarization] = moved * np.exp(1j * phase)
    return Comparison(fields, reference, secondary, images)


def fields_of(
    pair: SimulatedPair, longitude: np.ndarray, latitude: np.ndarray, line: np.ndarray, pixel: np.ndarray
) -> Fields:
    read = pyogrio.raw.read(pair.truth / "fields.gpkg")
    truth = dict(zip(read[0]["fields"], read[3], strict=True))
    tree = shapely.STRtree(shapely.from_wkb(read[2]))
    found, field = tree.query(shapely.points(longitude.ravel(), latitude.ravel()), predicate="within")
    index = np.full(longitude.size, -1)
    index[found] = field
    index = index.reshape(longitude.shape)
    size = (11, 15)
    index[minimum_filter(index, size) != maximum_filter(index, size)] = -1
    return Fields(truth, index, line, pixel)


def sums(fields: Fields, values: np.ndarray) -> np.ndarray:
    """Sums of values over the fields."""
    inside, count = fields.index >= 0, fields.truth["id"].size
    parts = [
        np.bincount(fields.index[inside], part[inside], count) for part in (values.real, np.imag(values))
    ]
    return parts[0] + 1j * parts[1] if np.iscomplexobj(values) else parts[0]


# Samples of an image of these spectra count as so many independent ones.
INDEPENDENT = 0.45


@pytest.mark.parametrize("polarization", ["VV", "VH"])
def test_fields_have_their_coherence(noisy: Comparison, polarization: str) -> None:
    fields, truth = noisy.fields, noisy.fields.truth
    one, other = noisy.reference[polarization], noisy.secondary[polarization]
    looks = sums(fields, np.ones(one.shape)) * INDEPENDENT
    use = (looks > 150.0) & (truth["class"] > 0) & (truth[f"neighbour_{polarization}_db"] < 9.0)
    cross = sums(fields, one * np.conj(other))
    energy = sums(fields, np.abs(one) ** 2) * sums(fields, np.abs(other) ** 2)
    expected = truth[f"coherence_{polarization}_expected"]
    assert (expected <= truth["coherence"] + 1e-9).all()
    use &= expected > 0.15
    found, expected, looks = np.abs(cross[use]) / np.sqrt(energy[use]), expected[use], looks[use]
    spread = (1.0 - expected**2) / np.sqrt(2.0 * looks)
    bias = (1.0 - expected**2) ** 2 / (4.0 * expected * looks)
    score = (found - expected - bias) / spread
    assert score.size > 15
    assert abs(score.mean()) < 4.0 / np.sqrt(score.size)
    assert score.std() < 1.6
    if polarization == "VV":
        assert set(truth["coherence"][use]) >= {0.3, 0.5, 0.7, 0.9}
    turned = np.angle(cross[use]) * expected * np.sqrt(2.0 * looks / (1.0 - expected**2))
    assert turned.std() < 1.6
    assert np.abs(turned).max() < 5.0


@pytest.mark.parametrize("polarization", ["VV", "VH"])
def test_fields_have_their_backscatter(noisy: Comparison, polarization: str) -> None:
    fields, truth, image = noisy.fields, noisy.fields.truth, noisy.images[polarization]
    gamma = image.lut(image.calibration, "calibrationVector", "gamma")((fields.line, fields.pixel))
    noise = image.noise_power(fields.line, fields.pixel)
    power = np.abs(noisy.reference[polarization]) ** 2
    count = sums(fields, np.ones(power.shape))
    use = (count > 500.0) & (truth["class"] > 0) & (truth[f"neighbour_{polarization}_db"] < 9.0)
    field = np.maximum(fields.index, 0)
    expected = sums(fields, truth[f"gamma0_{polarization}"][field] * gamma**2 + noise)[use]
    score = (sums(fields, power)[use] / expected - 1.0) * np.sqrt(count[use] * INDEPENDENT)
    assert abs(score.mean()) < 4.0 / np.sqrt(score.size)
    assert score.std() < 1.6


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    energy = np.sqrt((np.abs(one) ** 2).sum() * (np.abs(other) ** 2).sum())
    return float(np.abs((one * np.conj(other)).sum()) / energy)


def test_polarizations_are_independent(noisy: Comparison) -> None:
    samples = noisy.reference
    assert correlation(samples["VV"], samples["VH"]) < 4.0 / np.sqrt(samples["VV"].size * INDEPENDENT)


def test_overlapping_bursts_are_independent(clean: SimulatedPair) -> None:
    """The same ground in two bursts has the same brightness and unrelated speckle."""
    image = open_image(clean.reference[0], "IW1", "VV")
    start = [image.time(burst, "azimuthTime") for burst in image.bursts]
    step = round(float((start[1] - start[0]) / np.timedelta64(1, "us")) * 1e-6 / image.interval)
    target = next(t for t in read_targets(clean.truth) if t["name"] == "T003")
    columns = np.abs(np.arange(image.pixels) - float(target["pixel"])) > 80.0
    columns[:30] = columns[560:] = False
    upper, lower = (
        part[:, columns] for part in (image.base_band(0)[step + 40 : step + 120], image.base_band(1)[40:120])
    )
    assert np.corrcoef(np.abs(upper).ravel(), np.abs(lower).ravel())[0, 1] > 0.2
    assert correlation(upper, lower) < 6.0 / np.sqrt(upper.size * INDEPENDENT)


def test_cutting_the_work_changes_no_byte(tmp_path: Path) -> None:
    config = replace(CLEAN, bursts=2, samples=400, targets=1, terrain="mountains")
    for name, threads in (("one", 1), ("other", 3)):
        simulate_slc_pair(replace(config, threads=threads), tmp_path / name)
    paths = sorted(path for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(paths) > 20
    for path in paths:
        twin = tmp_path / "other" / path.relative_to(tmp_path / "one")
        assert twin.read_bytes() == path.read_bytes(), path.name
