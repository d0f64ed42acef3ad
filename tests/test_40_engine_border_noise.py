"""Remove-GRD-Border-Noise on small scenes whose rims are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from engine_cases import NO_NOISE, apply, calibration_of, noise_of, noise_vector, product_of, samples

from s1card.engine.native.product import Band, Product
from s1card.engine.native.remove_grd_border_noise import find_margins, noise_scale
from s1card.errors import GraphError
from s1card.window import Window

OLD = (2, 60)
ROWS, COLS, LIMIT = 60, 80, 20


def rimmed(left: int = 0, right: int = 0, top: int = 0, bottom: int = 0) -> np.ndarray:
    """Signal of 100 inside, noise of 5 in the rims, zeros in their outer halves."""
    amplitude = np.full((ROWS, COLS), 100, np.uint16)
    for width, value in ((1.0, 5), (0.5, 0)):
        amplitude[:, : int(left * width)] = value
        amplitude[:, COLS - int(right * width) :] = value
        amplitude[: int(top * width)] = value
        amplitude[ROWS - int(bottom * width) :] = value
    return amplitude


def old(amplitude: np.ndarray, **facts: object) -> Product:
    return product_of({"VH": amplitude // 2, "VV": amplitude}, ipf=OLD, **facts)  # type: ignore[arg-type]


def cleaned(source: Product, **parameters: object) -> Product:
    return apply("Remove-GRD-Border-Noise", source, borderLimit=LIMIT, **parameters)


def test_rims_are_found() -> None:
    band = old(rimmed(left=6, right=8, top=4, bottom=10)).band("Amplitude_VV")
    margins = find_margins(band, (ROWS, COLS), LIMIT)
    assert (margins.left, margins.top, margins.bottom) == (6, 4, 10)
    # The step lies behind column 11 of the right strip; SNAP goes on to 0.8 of that: column 8 of 0..19.
    assert margins.right == LIMIT - 1 - 8


def test_no_rim_without_a_clear_step() -> None:
    slope = (np.arange(COLS)[None, :] + np.full((ROWS, 1), 50)).astype(np.uint16)
    margins = find_margins(old(slope).band("Amplitude_VV"), (ROWS, COLS), LIMIT)
    assert (margins.left, margins.right, margins.top, margins.bottom) == (0, 0, 0, 0)


def test_noise_of_the_rims_goes_and_signal_stays() -> None:
    amplitude = rimmed(left=6, right=8, top=4, bottom=10)
    amplitude[30, 2] = 90  # a bright sample in the rim
    amplitude[30, 40] = 7  # a dark one inside
    product = cleaned(old(amplitude))
    got = samples(product, "Amplitude_VV")
    expected = np.where(amplitude == 5, 0, amplitude)
    assert np.array_equal(got, expected)
    assert got.dtype == np.uint16
    # The co-polarized band decides for the other one.
    assert np.array_equal(samples(product, "Amplitude_VH") == 0, expected == 0)


def test_zeros_count_in_the_mean() -> None:
    """Half of each column is empty: with zeros left out of the mean the step would vanish."""
    amplitude = np.full((ROWS, COLS), 100, np.uint16)
    amplitude[::2, :6] = 0
    assert find_margins(old(amplitude).band("Amplitude_VV"), (ROWS, COLS), LIMIT).left == 6


def test_threshold_after_the_noise() -> None:
    noise = noise_of([noise_vector(0, [0, COLS - 1], [49.0**2, 49.0**2])])
    amplitude = rimmed()
    amplitude[:, :6] = 0
    amplitude[20:23, 5] = (49, 50, 60)  # after the noise 0, 9.9 and 34.6
    got = samples(cleaned(old(amplitude, noise=noise), trimThreshold=10.0), "Amplitude_VV")
    assert got[20:23, 5].tolist() == [0, 0, 60]
    without = samples(cleaned(old(amplitude, noise=NO_NOISE), trimThreshold=10.0), "Amplitude_VV")
    assert without[20:23, 5].tolist() == [49, 50, 60]


def test_middle_vector_decides() -> None:
    vectors = [
        noise_vector(line, [0, COLS], [value, value]) for line, value in ((0, 1e6), (9, 0.0), (18, 1e6))
    ]
    amplitude = rimmed(left=6)
    amplitude[20, 2] = 60
    assert samples(cleaned(old(amplitude, noise=noise_of(vectors))), "Amplitude_VV")[20, 2] == 60


@pytest.mark.parametrize(
    ("ipf", "mode", "scale"),
    [
        ((2, 33), "IW", 75088.7 * 3),
        ((2, 36), "IW", 75088.7 * 9),
        ((2, 36), "EW", 56065.87 * 9),
        ((2, 53), "IW", 1.0),
    ],
)
def test_scale_of_ancient_noise(ipf: tuple[int, int], mode: str, scale: float) -> None:
    calibration = calibration_of([0, 10], [0, 9], [[1.0, 1.0], [1.0, 1.0]], dn=3.0)
    scene = product_of({"VV": np.ones((2, 2), np.uint16)}, ipf=ipf, calibration=calibration).scene
    manifest = replace(scene.manifest, mode=mode)
    assert noise_scale(scene.images[0], manifest) == pytest.approx(scale, rel=1e-6)


def test_after_thermal_noise_removal() -> None:
    amplitude = rimmed(left=6, right=8, top=4, bottom=10)
    product = cleaned(apply("ThermalNoiseRemoval", old(amplitude)))
    got = samples(product, "Intensity_VV")
    assert np.array_equal(np.isnan(got), amplitude < 100)
    assert (got[amplitude == 100] == 1e4).all()


def test_any_cut_gives_the_same() -> None:
    product = cleaned(old(rimmed(left=6, right=8, top=4, bottom=10)))
    whole = Window(0, 0, ROWS, COLS)
    expected = samples(product, "Amplitude_VV")
    for part in whole.tiles(17, 23):
        assert np.array_equal(samples(product, "Amplitude_VV", part), expected[part.slices_in(whole)])


def test_new_scenes_pass_unchanged() -> None:
    amplitude = rimmed(left=6)
    source = product_of({"VH": amplitude, "VV": amplitude}, ipf=(2, 90))
    product = cleaned(source)
    assert np.array_equal(samples(product, "Amplitude_VV"), amplitude)
    assert product.name == source.name
    assert [b.name for b in cleaned(source, selectedPolarisations="VH").bands] == ["Amplitude_VH"]


def test_calibrated_sources_are_refused() -> None:
    with pytest.raises(GraphError, match=r"digital numbers.*before Calibration"):
        cleaned(apply("Calibration", old(rimmed(left=6))))


@pytest.mark.parametrize("shape", [(3000, 200), (200, 3000), (730, 510)])
def test_rims_of_small_images(shape: tuple[int, int]) -> None:
    rows, cols = shape
    amplitude = np.full(shape, 100.0, np.float32)
    amplitude[:, :40] = 1.0
    band = Band(
        "Intensity_VV",
        "intensity",
        lambda window: amplitude[window.slices_in(Window(0, 0, rows, cols))] ** 2,
        polarization="VV",
    )
    assert find_margins(band, shape, 500).left == 40
