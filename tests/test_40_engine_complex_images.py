"""Complex images of a product: their virtual bands, and that they stay with the bands that show them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from engine_cases import apply, samples
from interferogram_cases import complex_samples
from memory_cases import complex_product, noise

from s1card.engine.native.complex_layers import layers_of, signal_of_layers
from s1card.engine.native.context import Context, Surroundings
from s1card.engine.native.product import Looks, Product
from s1card.engine.native.slc import with_signals
from s1card.engine.native.tile_cache import Tiling
from s1card.errors import GraphError
from s1card.window import Window

SHAPE = (20, 30)


@pytest.fixture
def valid() -> np.ndarray:
    mask = np.ones(SHAPE, bool)
    mask[:, :4] = False
    return mask


@pytest.fixture
def source(valid: np.ndarray) -> Product:
    return complex_product(noise(SHAPE), valid, interferogram=True)


class TestVirtualBands:
    def test_of_an_interferogram(self, source: Product, valid: np.ndarray) -> None:
        values = noise(SHAPE)
        assert [(b.name, b.unit, b.is_virtual) for b in source.bands] == [
            ("i_VV", "real", False),
            ("q_VV", "imaginary", False),
            ("Intensity_VV", "intensity", True),
            ("Phase_VV", "phase", True),
        ]
        phase, power = samples(source, "Phase_VV"), samples(source, "Intensity_VV")
        assert np.array_equal(np.isfinite(phase), valid)
        assert np.array_equal(np.isfinite(power), valid)
        np.testing.assert_allclose(phase[valid], np.angle(values)[valid], atol=1e-6)
        np.testing.assert_allclose(power[valid], np.abs(values[valid]) ** 2, rtol=1e-6)

    def test_other_names(self, source: Product) -> None:
        (signal,) = source.signals
        named = with_signals(source, [replace(signal, name="ifg_VV", virtual_name="ifg_srd_VV")])
        names = [band.name for band in named.bands]
        assert names == ["i_ifg_VV", "q_ifg_VV", "Intensity_ifg_srd_VV", "Phase_ifg_srd_VV"]

    def test_zero_has_the_phase_zero(self) -> None:
        zeros = complex_product(np.full((1, 1), complex(-0.0, 0.0)), interferogram=True)
        assert samples(zeros, "Phase_VV")[0, 0] == 0.0


class TestSubset:
    def test_region_cuts_them(self, source: Product, valid: np.ndarray) -> None:
        part = apply("Subset", source, region="2,3,15,10")
        there = slice(3, 13), slice(2, 17)
        expected = np.where(valid, noise(SHAPE), np.nan)[there]
        np.testing.assert_allclose(complex_samples(part), expected, rtol=1e-6)
        for name in ("i_VV", "Phase_VV"):
            np.testing.assert_array_equal(samples(part, name), samples(source, name)[there])

    def test_areas_move(self, source: Product) -> None:
        framed = replace(source, valid=Window(1, 4, 18, 20), shared=Window(5, 5, 5, 5))
        part = apply("Subset", framed, region="2,3,15,10")
        assert part.valid == Window(0, 2, 10, 13)
        assert part.shared == Window(2, 3, 5, 5)

    @pytest.mark.parametrize(
        ("names", "kept"), [("i_VV,q_VV", 1), ("i_VV", 0), ("Intensity_VV", 0), ("i_VV,q_VV,Phase_VV", 1)]
    )
    def test_named_bands(self, source: Product, names: str, kept: int) -> None:
        part = apply("Subset", source, sourceBands=names)
        assert len(part.signals) == kept
        assert [band.name for band in part.real_bands()] == names.split(",")

    def test_bursts_are_not_cut(self, source: Product) -> None:
        with pytest.raises(GraphError, match=r"a region needs one image.*Place TOPSAR-Deburst before it"):
            apply("Subset", replace(source, parts=(source,)), region="2,3,15,10")


def test_decibels_leave_no_complex_image(source: Product) -> None:
    result = apply("LinearToFromdB", source, sourceBands="Intensity_VV")
    assert result.signals == ()
    assert [band.name for band in result.bands] == ["Intensity_VV_db"]


def test_layers_of_tiles(valid: np.ndarray) -> None:
    values = noise(SHAPE)
    parts = np.stack([values.real, values.imag], axis=-1)
    context = Context(Surroundings())
    window = Window(3, 2, 9, 14)

    def make(tile: Window) -> np.ndarray:
        there = tile.slices_in(Window(0, 0, *SHAPE))
        layers = layers_of(parts[there], valid[there])
        return np.concatenate([np.zeros((1, *tile.shape), np.float32), layers])

    read = context.tiles.add(Tiling(SHAPE, SHAPE[0], 8, 8), make)
    signal = signal_of_layers(complex_product(values).signals[0], read, 1)
    there = window.slices_in(Window(0, 0, *SHAPE))
    assert np.array_equal(signal.valid(window), valid[there])
    expected = np.where(valid[..., None], parts, 0.0)[there]
    np.testing.assert_allclose(signal.read(window), expected, rtol=1e-7)
    assert signal.dtype == "float32"


def test_looks() -> None:
    assert Looks(2, 3).times(Looks(4, 5)) == Looks(8, 15)
    assert Looks(2, 3).under(Window(1, 2, 3, 4)) == Window(2, 6, 6, 12)
