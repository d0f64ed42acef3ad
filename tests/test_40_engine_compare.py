"""Comparisons of finished outputs: numbers that are known beforehand, whatever the format."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import rasterio
from engine_cases import Small, chain, small
from matplotlib.image import imread
from pyproj import CRS

from s1card.engine.compare import (
    BandReport,
    Limit,
    Options,
    compare_outputs,
    compare_runs,
    run_on,
    violations,
)
from s1card.engine.compare import difference as difference_module
from s1card.engine.compare.difference import difference_pass
from s1card.engine.compare.lattice import overlap_of
from s1card.engine.compare.names import match, meaning_of, scale_of
from s1card.engine.compare.picture import draw
from s1card.engine.compare.rasters import Raster, open_output
from s1card.engine.compare.shift import block_shift
from s1card.engine.compare.text import markdown
from s1card.engine.native.context import Surroundings
from s1card.engine.native.engine import NativeEngine
from s1card.errors import DataError, UsageError
from s1card.geometry.map_grid import MapGrid
from s1card.raster import BandSpec, Extent, open_sink
from s1card.window import Window

__all__ = ["small"]

GRID = MapGrid("EPSG:32633", 500_000.0, 5_000_000.0, 10.0, 10.0, 300, 400)
RNG = np.random.default_rng(5)


def write(
    path: Path, extent: Extent, bands: dict[str, np.ndarray], format_name: str = "GeoTIFF", **spec: object
) -> Path:
    """A raster by the engine's own writers; returns its path."""
    specs = [BandSpec(name, **({"dtype": str(v.dtype)} | spec)) for name, v in bands.items()]  # type: ignore[arg-type]
    sink = open_sink(format_name, path, extent, specs, {})
    for at, values in enumerate(bands.values()):
        for tile in Window(0, 0, *values.shape).tiles(*sink.tile):
            sink.write(at, tile, values[tile.slices_in(Window(0, 0, *values.shape))])
    return sink.close()[0]


def power(shape: tuple[int, int] = GRID.shape, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).gamma(4.0, 0.02, shape).astype(np.float32)


def only(first: Path, second: Path, **options: object) -> BandReport:
    (product,) = compare_outputs(first, second, Options(**options))  # type: ignore[arg-type]
    (band,) = product.bands
    return band


def speckle(
    shape: tuple[int, int], *shifts: tuple[float, float], bandwidth: float = 0.25, looks: int = 2
) -> list[np.ndarray]:
    """Intensities of the same band-limited complex speckle, moved by exact shifts (rows, columns)."""
    rng = np.random.default_rng(9)
    down, right = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None, :]
    band = (abs(down) < bandwidth) & (abs(right) < bandwidth)
    spectra = [np.fft.fft2(rng.normal(size=shape) + 1j * rng.normal(size=shape)) * band for _ in range(looks)]
    return [
        sum(
            np.abs(np.fft.ifft2(s * np.exp(-2j * np.pi * (down * rows + right * cols)))) ** 2 for s in spectra
        ).astype(np.float32)
        for rows, cols in shifts
    ]


class TestNames:
    @pytest.mark.parametrize(
        ("name", "quantity", "polarization", "decibels"),
        [
            ("Gamma0_VV", "gamma0", "VV", False),
            ("Sigma0_IW2_VH", "sigma0", "VH", False),
            ("Sigma0_VV_dB", "sigma0", "VV", True),
            ("Intensity_VH", "intensity", "VH", False),
            ("Amplitude_HH", "amplitude", "HH", False),
            ("coh_VV_31Aug2023_12Sep2023", "coherence", "VV", False),
            ("coh_IW1_VH_31Aug2023_12Sep2023", "coherence", "VH", False),
            ("Phase_ifg_VV_31Aug2023_12Sep2023", "phase", "VV", False),
            ("i_IW1_VV_mst_31Aug2023", "real part", "VV", False),
            ("localIncidenceAngle", "local incidence angle", "", False),
            ("projectedLocalIncidenceAngle", "projected local incidence angle", "", False),
            ("incidenceAngleFromEllipsoid", "incidence angle", "", False),
            ("elevation", "height", "", False),
            ("layover_shadow_mask", "mask", "", False),
            ("lia", "local incidence angle", "", False),
            ("VV", "", "VV", False),
            ("inconsistent", "", "", False),
        ],
    )
    def test_what_names_tell(self, name: str, quantity: str, polarization: str, decibels: bool) -> None:
        meaning = meaning_of(name)
        assert (meaning.quantity, meaning.polarization, meaning.in_decibels) == (
            quantity,
            polarization,
            decibels,
        )

    def test_cards_tell_by_their_names(self) -> None:
        assert meaning_of("VV", "", "S1A_X_CARD_BS_VV.tif").quantity == "gamma0"
        coherence = meaning_of("VV", "", "S1_IW_CARD_COH6_1SDV_VV.tif")
        assert coherence.quantity == "coherence"
        assert scale_of(coherence) == ("linear", 0.0)
        assert scale_of(meaning_of("VV")) == ("dB", 10.0)
        assert scale_of(meaning_of("Amplitude_VV")) == ("dB", 20.0)
        assert scale_of(meaning_of("Sigma0_VV_db")) == ("linear", 0.0)

    @pytest.mark.parametrize(
        ("first", "second", "pairs"),
        [
            (
                ["VV", "VH", "lia"],
                ["Gamma0_VH", "Gamma0_VV", "localIncidenceAngle"],
                [(0, 1), (1, 0), (2, 2)],
            ),
            (["Gamma0_VV"], ["Sigma0_VV"], []),
            (["Sigma0_VV"], ["Sigma0_VV_db"], []),
            (["coh_VV_a"], ["coh_VV_b"], [(0, 0)]),
            (["coh_VV_a", "coh_VV_b"], ["coh_VV_c"], []),
            (["coh_VV_a", "coh_VV_b"], ["coh_VV_b", "coh_VV_d"], [(0, 1), (1, 0)]),
            (["elevation", "VV"], ["VV"], [(1, 0)]),
            (["mask"], ["VV"], []),
        ],
    )
    def test_what_belongs_together(
        self, first: list[str], second: list[str], pairs: list[tuple[int, int]]
    ) -> None:
        sides = [[(name, meaning_of(name)) for name in names] for names in (first, second)]
        assert match(*sides) == pairs


class TestNumbers:
    def test_the_same_is_the_same(self, tmp_path: Path) -> None:
        a = power()
        band = only(*(write(tmp_path / f"{n}.tif", GRID, {"Gamma0_VV": a}) for n in "ab"))
        assert (band.bias, band.rmse, band.largest, band.median_absolute) == (0.0, 0.0, 0.0, 0.0)
        assert (band.identical, band.mask_agreement, band.relative_bias) == (1.0, 1.0, 0.0)
        assert set(band.percentiles.values()) == {0.0}
        assert band.correlation == pytest.approx(1.0)
        assert band.same_grid
        assert band.shift is not None
        assert band.shift.length < 1e-6

    def test_power_differs_in_decibels(self, tmp_path: Path) -> None:
        a = power()
        noise = RNG.normal(0.05, 0.2, a.shape)
        b = (a * 10 ** (noise / 10)).astype(np.float32)
        band = only(
            write(tmp_path / "a.tif", GRID, {"VV": a}), write(tmp_path / "b.tif", GRID, {"Gamma0_VV": b})
        )
        true = 10 * np.log10(b.astype(float) / a)
        assert (band.unit, band.scale, band.both) == ("dB", "dB", a.size)
        assert band.bias == pytest.approx(true.mean(), abs=1e-6)
        assert band.rmse == pytest.approx(math.sqrt((true**2).mean()), abs=1e-6)
        assert band.largest == pytest.approx(abs(true).max(), rel=1e-6)
        assert band.median_absolute == pytest.approx(np.median(abs(true)), rel=0.004)
        assert band.p95_absolute == pytest.approx(np.percentile(abs(true), 95), rel=0.004)
        for share, value in band.percentiles.items():
            assert value == pytest.approx(np.percentile(true, share), rel=0.006, abs=2e-4)
        assert band.relative_bias == pytest.approx(b.mean(dtype=float) / a.mean(dtype=float) - 1, abs=1e-6)
        assert band.correlation == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1], abs=1e-6)

    def test_coherence_differs_as_it_is(self, tmp_path: Path) -> None:
        a = RNG.uniform(0.1, 0.9, GRID.shape).astype(np.float32)
        b = a + np.float32(0.01)
        name = "coh_VV_01Jan2021_07Jan2021"
        band = only(write(tmp_path / "a.tif", GRID, {name: a}), write(tmp_path / "b.tif", GRID, {name: b}))
        assert (band.scale, band.unit, band.quantity) == ("linear", "", "coherence")
        assert band.bias == pytest.approx(0.01, abs=1e-6)

    def test_phases_differ_round_the_circle(self, tmp_path: Path) -> None:
        a = np.full(GRID.shape, 3.1, np.float32)
        b = np.full(GRID.shape, -3.1, np.float32)
        band = only(
            write(tmp_path / "a.tif", GRID, {"Phase_VV": a}), write(tmp_path / "b.tif", GRID, {"Phase_VV": b})
        )
        assert (band.unit, band.bias) == ("rad", pytest.approx(2 * math.pi - 6.2, abs=1e-6))

    def test_masks_and_samples_without_decibels(self, tmp_path: Path) -> None:
        a, b = power(), power()
        a[:10] = np.nan
        b[5:20] = np.nan
        a[50, :7] = -0.01
        band = only(write(tmp_path / "a.tif", GRID, {"VV": a}), write(tmp_path / "b.tif", GRID, {"VV": b}))
        cols = GRID.cols
        assert (band.only_first, band.only_second) == (10 * cols, 5 * cols)
        assert band.mask_agreement == pytest.approx(1 - 15 / GRID.rows)
        assert band.not_positive == 7
        assert band.both == (GRID.rows - 20) * cols
        assert band.identical == pytest.approx(1 - 7 / band.both)

    def test_zeros_of_snap_are_no_data(self, tmp_path: Path) -> None:
        """SNAP's terrain correction has 0 where the native engine has NaN."""
        a, b = power(), power()
        a[:40] = np.nan
        b[:40] = 0.0
        one = write(tmp_path / "a.tif", GRID, {"VV": a})
        other = write(tmp_path / "b.dim", GRID, {"Gamma0_VV": b}, "BEAM-DIMAP", nodata=0.0)
        assert only(one, other).mask_agreement == 1.0
        unsaid = write(tmp_path / "c.dim", GRID, {"Gamma0_VV": b}, "BEAM-DIMAP", nodata=None)
        assert only(one, unsaid).mask_agreement < 0.9
        assert only(one, unsaid, nodata=0.0).mask_agreement == 1.0

    def test_a_scale_can_be_chosen(self, tmp_path: Path) -> None:
        a = power()
        paths = [
            write(tmp_path / f"{n}.tif", GRID, {"VV": a * f}) for n, f in (("a", 1), ("b", np.float32(2)))
        ]
        assert only(*paths, scales=(("VV", "linear"),)).bias == pytest.approx(a.mean(), rel=1e-6)
        assert only(*paths, scales=(("VH", "linear"),)).bias == pytest.approx(10 * math.log10(2), rel=1e-6)

    def test_nothing_in_common(self, tmp_path: Path) -> None:
        a = np.full(GRID.shape, np.nan, np.float32)
        paths = [write(tmp_path / f"{n}.tif", GRID, {"VV": v}) for n, v in (("a", a), ("b", power()))]
        band = only(*paths)
        assert math.isnan(band.bias)
        assert band.both == 0
        assert json.loads(json.dumps(band.as_dict(), allow_nan=False))["bias"] is None

    @pytest.mark.parametrize("threads", [1, 3])
    def test_neither_strips_nor_threads_matter(
        self, threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        a, b = power(), power(seed=2)
        paths = [write(tmp_path / f"{n}.tif", GRID, {"VV": v}) for n, v in (("a", a), ("b", b))]
        whole = only(*paths)
        monkeypatch.setattr(difference_module, "STRIP_SAMPLES", 7 * GRID.cols)
        monkeypatch.setattr(difference_module, "PICTURE", 110)
        cut = only(*paths, threads=threads)
        assert cut.percentiles == whole.percentiles
        assert cut.bias == pytest.approx(whole.bias, abs=1e-12)
        assert cut.found.cell == 4
        cells = a.reshape(75, 4, 100, 4).mean(axis=(1, 3))
        np.testing.assert_allclose(cut.found.small[1] / cut.found.small[0], cells, rtol=1e-5)


class TestFormats:
    @pytest.mark.parametrize("format_name", ["COG", "GeoTIFF-BigTIFF", "BEAM-DIMAP", "ENVI"])
    def test_all_formats_are_read(self, format_name: str, tmp_path: Path) -> None:
        bands = {"Gamma0_VV": power(), "Gamma0_VH": power(seed=2)}
        one = write(tmp_path / "one.tif", GRID, bands)
        other = write(tmp_path / "other" / "it", GRID, dict(reversed(bands.items())), format_name)
        (product,) = compare_outputs(one, other.parent)
        assert [band.name for band in product.bands] == ["Gamma0_VV", "Gamma0_VH"]
        assert all(band.identical == 1.0 and band.same_grid and band.on_map for band in product.bands)

    def test_names_from_the_private_tag_of_snap(self, tmp_path: Path) -> None:
        """SNAP's GeoTIFF keeps names and no-data values where no other software looks."""
        a, b = power(), power(seed=2)
        b[:30] = 0.0
        document = write(tmp_path / "d.dim", GRID, {"Gamma0_VH": b, "Gamma0_VV": a}, "BEAM-DIMAP", nodata=0.0)
        plain = tmp_path / "plain.tif"
        with rasterio.open(
            plain, "w", "GTiff", 400, 300, 2, GRID.crs, rasterio.Affine(*GRID.transform), "float32"
        ) as file:
            file.write(np.stack([b, a]))
        add_tag(plain, document.read_bytes())
        (product,) = compare_outputs(write(tmp_path / "us.tif", GRID, {"VV": a, "VH": b}), plain)
        assert [(x.name, x.other_name) for x in product.bands] == [("VV", "Gamma0_VV"), ("VH", "Gamma0_VH")]
        assert product.bands[0].identical == 1.0
        assert product.bands[1].only_first == 30 * 400

    def test_snaps_names_of_projections(self, tmp_path: Path) -> None:
        """GeoTools writes WKT of its own; the parameters count."""
        document = write(tmp_path / "d.dim", GRID, {"VV": power()}, "BEAM-DIMAP")
        wkt = (
            'PROJCS["UTM Zone 33 / World Geodetic System 1984", GEOGCS["World Geodetic System 1984", '
            'DATUM["World Geodetic System 1984", SPHEROID["WGS 84", 6378137.0, 298.257223563], '
            "TOWGS84[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]], "
            'PRIMEM["Greenwich", 0.0], UNIT["degree", 0.017453292519943295]], '
            'PROJECTION["Transverse_Mercator"], PARAMETER["central_meridian", 15.0], '
            'PARAMETER["latitude_of_origin", 0.0], PARAMETER["scale_factor", 0.9996], '
            'PARAMETER["false_easting", 500000.0], PARAMETER["false_northing", 0.0], UNIT["m", 1.0]]'
        )
        band = open_output(document).bands[0]
        assert overlap_of(band, replace(band, wkt=wkt)).is_same
        with pytest.raises(DataError, match="another projection"):
            overlap_of(band, replace(band, wkt=wkt.replace("15.0", "9.0")))
        with pytest.raises(DataError, match="another projection"):
            overlap_of(band, replace(band, wkt=CRS.from_epsg(4326).to_wkt()))

    def test_folders_of_products(self, tmp_path: Path) -> None:
        for folder in "ab":
            for card in ("one", "two"):
                write(tmp_path / folder / card / f"{card}_CARD_BS_VV.tif", GRID, {"VV": power()}, "COG")
        found = compare_outputs(tmp_path / "a", tmp_path / "b")
        assert [product.name for product in found] == ["one", "two"]
        assert all(product.bands[0].quantity == "gamma0" for product in found)

    def test_what_cannot_be_read(self, tmp_path: Path) -> None:
        good = write(tmp_path / "a.tif", GRID, {"VV": power()})
        (tmp_path / "broken.tif").write_bytes(b"no raster")
        (tmp_path / "broken.dim").write_bytes(b"<Dimap_Document>")
        (tmp_path / "empty").mkdir()
        for name, text in (
            ("broken.tif", "cannot be read as a raster"),
            ("broken.dim", "document is damaged"),
            ("empty", "holds no raster"),
            ("missing.tif", "does not exist"),
        ):
            with pytest.raises(DataError, match=text):
                compare_outputs(good, tmp_path / name)
        other = write(tmp_path / "m.tif", GRID, {"elevation": power(), "localIncidenceAngle": power()})
        with pytest.raises(
            DataError, match=r"no band is in both: VV in a\.tif, elevation, localIncidenceAngle"
        ):
            compare_outputs(good, other)

    def test_complex_samples_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "c.tif"
        with rasterio.open(
            path, "w", "GTiff", 4, 4, 1, "EPSG:32633", rasterio.Affine(*GRID.transform), "complex64"
        ) as file:
            file.write(np.ones((1, 4, 4), np.complex64))
        with pytest.raises(DataError, match="complex"):
            compare_outputs(path, path)


class TestLattices:
    def test_different_extents_on_one_lattice(self, tmp_path: Path) -> None:
        a = power()
        part = GRID.crop(Window(20, 30, 100, 150))
        one = write(tmp_path / "a.tif", GRID, {"VV": a})
        other = write(tmp_path / "b.tif", part, {"VV": a[20:120, 30:180]})
        band = only(one, other)
        assert (band.offset, band.pixels, band.identical, band.same_grid) == ((20, 30), 15_000, 1.0, False)
        back = only(other, one)
        assert (back.offset, back.identical) == ((-20, -30), 1.0)
        assert "the second begins +20 rows and +30 columns away" in markdown(compare_outputs(one, other))

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            ({"left": 500_004.0}, r"pixel edges \+0.000 rows and \+0.400 columns apart.*alignToStandardGrid"),
            ({"spacing_x": 20.0, "spacing_y": 20.0}, "pixels of 10 x 10 against 20 x 20"),
            ({"left": 900_000.0}, "do not overlap"),
            ({"crs": "EPSG:32632"}, "another projection"),
        ],
    )
    def test_other_lattices_are_refused(self, change: dict[str, object], text: str, tmp_path: Path) -> None:
        one = write(tmp_path / "a.tif", GRID, {"VV": power()})
        other = write(tmp_path / "b.tif", replace(GRID, **change), {"VV": power()})
        with pytest.raises(DataError, match=text) as caught:
            compare_outputs(one, other)
        assert caught.value.exit_code == 3

    def test_radar_geometry(self, tmp_path: Path) -> None:
        a = power()
        one = write(tmp_path / "a.dim", a.shape, {"Sigma0_VV": a}, "BEAM-DIMAP")
        other = write(tmp_path / "b.dim", (299, 400), {"Sigma0_VV": a[:299]}, "BEAM-DIMAP")
        band = only(one, other)
        assert (band.on_map, band.same_grid, band.identical) == (False, False, 1.0)
        assert "upper left corners" in markdown(compare_outputs(one, other))
        with pytest.raises(DataError, match=r"has a place on a map and .* has none"):
            compare_outputs(one, write(tmp_path / "c.tif", GRID, {"Sigma0_VV": a}))


class TestShift:
    @pytest.mark.parametrize("true", [(0.1, -0.1), (0.02, 0.03), (0.45, 0.5), (-1.3, 2.2)])
    def test_speckle_shows_shifts(self, true: tuple[float, float], tmp_path: Path) -> None:
        a, b = speckle((512, 512), (0.0, 0.0), true)
        noisy = b * RNG.gamma(40.0, 1 / 40.0, b.shape).astype(np.float32)
        grid = replace(GRID, rows=512, cols=512)
        band = only(
            write(tmp_path / "a.tif", grid, {"VV": a}), write(tmp_path / "b.tif", grid, {"VV": noisy})
        )
        assert band.shift is not None
        assert band.shift.rows == pytest.approx(true[0], abs=0.02)
        assert band.shift.cols == pytest.approx(true[1], abs=0.02)
        assert max(band.shift.spread_rows, band.shift.spread_cols) < 0.03
        assert (band.shift.blocks, band.shift.tried) == (4, 4)

    def test_bilinear_resampling_shows_its_shift(self) -> None:
        (a,) = speckle((256, 256), (0.0, 0.0))
        b = 0.9 * a + 0.1 * np.roll(a, 1, axis=1)
        found = block_shift(a**0.25, b**0.25)
        assert found == pytest.approx((0.0, 0.1), abs=0.02)

    def test_unrelated_images_show_none(self, tmp_path: Path) -> None:
        paths = [write(tmp_path / f"{s}.tif", GRID, {"VV": power(seed=s)}) for s in (1, 2)]
        assert only(*paths).shift is None
        assert "no shift can be seen" in markdown(compare_outputs(*paths))

    def test_the_offset_of_grids_is_no_shift(self, tmp_path: Path) -> None:
        (a,) = speckle((512, 512), (0.0, 0.0))
        grid = replace(GRID, rows=512, cols=512)
        window = Window(31, 57, 400, 400)
        one = write(tmp_path / "a.tif", grid, {"VV": a})
        other = write(tmp_path / "b.tif", grid.crop(window), {"VV": a[31:431, 57:457]})
        shift = only(one, other).shift
        assert shift is not None
        assert shift.length < 1e-3

    def test_heights_have_no_texture(self, tmp_path: Path) -> None:
        paths = [write(tmp_path / f"{n}.tif", GRID, {"elevation": power()}) for n in "ab"]
        band = only(*paths)
        assert band.shift is None
        assert not band.has_texture


class TestTolerances:
    @pytest.fixture
    def band(self, tmp_path: Path) -> BandReport:
        a = power()
        b = a * np.float32(10**0.01)  # 0.1 dB
        b[:3] = np.nan
        return only(
            write(tmp_path / "a.tif", GRID, {"VV": a}), write(tmp_path / "b.tif", GRID, {"Gamma0_VV": b})
        )

    @pytest.mark.parametrize(
        ("limit", "text"),
        [
            (Limit("bias", 0.09), r"bias of 0\.1 dB exceeds 0\.09"),
            (Limit("rmse", 0.09), "rmse"),
            (Limit("median", 0.09), "median"),
            (Limit("p95", 0.09), "p95"),
            (Limit("mask", 0.995), r"agrees in 0\.99.* less than 0\.995"),
            (Limit("shift", 0.1), None),
            (Limit("bias", 0.11), None),
            (Limit("mask", 0.9), None),
            (Limit("bias", 0.09, "VH"), None),
            (Limit("bias", 0.09, "gamma*"), "bias"),
        ],
    )
    def test_limits(self, band: BandReport, limit: Limit, text: str | None) -> None:
        import re

        told = violations([_product(band)], (limit,))
        assert bool(told) == bool(text)
        assert text is None or re.search(text, told[0])

    def test_the_last_limit_that_fits_holds(self, band: BandReport) -> None:
        assert not violations([_product(band)], (Limit("bias", 0.01), Limit("bias", 0.2, "VV")))

    def test_nothing_to_judge_is_not_held(self, band: BandReport) -> None:
        empty = replace(band, bias=math.nan, shift=None)
        told = violations([_product(empty)], (Limit("bias", 1.0), Limit("shift", 1.0)))
        assert len(told) == 2

    def test_strict(self, band: BandReport) -> None:
        product = replace(_product(replace(band, same_grid=False)), only_first=("lia",), only_second=("dem",))
        assert len(violations([product], (), strict=True)) == 3
        assert violations([product], ()) == []


def _product(band: BandReport):  # type: ignore[no-untyped-def]
    from s1card.engine.compare import ProductReport

    return ProductReport("", "a", "b", (band,), (), ())


def test_engines_run_one_graph(small: Small, tmp_path: Path) -> None:
    """Two settings of the native engine in place of two engines: SNAP is not everywhere."""

    class Other(NativeEngine):
        name = "other"  # type: ignore[assignment]

    steps = (small.read, ("Calibration", {"outputGammaBand": True, "outputSigmaBand": False}))
    write_node = ("Write", {"file": "unused.dim"})
    graph = chain(*steps, small.terrain_correction(saveDEM=True), write_node)
    engines = [NativeEngine(Surroundings(orbit="none")), Other(Surroundings(orbit="none", block=128))]
    runs = run_on(graph, engines, tmp_path)
    (report,) = compare_runs(*runs, Options())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["native", "other"]
    assert {band.name for band in report.bands} == {"Gamma0_VV", "Gamma0_VH", "elevation"}
    assert all(band.identical == 1.0 for band in report.bands)
    assert (report.first, report.second) == ("native: Write", "other: Write")
    with pytest.raises(UsageError, match="two different engines"):
        run_on(graph, engines[:1] * 2, tmp_path)


def test_a_picture_shows_the_difference(tmp_path: Path) -> None:
    a, b = power(), power()
    b[100:200, 100:300] *= np.float32(2.0)
    paths = [write(tmp_path / f"{n}.tif", GRID, {"VV": v, "VH": v}) for n, v in (("a", a), ("b", b))]
    assert draw(compare_outputs(*paths), tmp_path / "it.png") == []
    assert sorted(p.name for p in tmp_path.glob("*it*")) == ["it.png"]
    image = imread(tmp_path / "it.png")
    assert image.shape[:2] == (720, 1600)
    red = (image[..., 0] > 0.4) & (image[..., 1] < 0.35) & (image[..., 2] < 0.35)
    assert red.sum() > 2000  # the patch in the difference


def test_strips_cover_every_row_once() -> None:
    from s1card.engine.compare.difference import _strips

    for window in (Window(0, 0, 5000, 20_000), Window(513, 7, 1200, 9000), Window(3, 0, 2, 2)):
        strips = _strips(window)
        assert strips[0].row == window.row
        assert strips[-1].row_end == window.row_end
        assert all(a.row_end == b.row for a, b in pairwise(strips))


def test_quantiles_hold_over_many_orders(tmp_path: Path) -> None:
    values = np.concatenate([-np.logspace(-9, 3, 60_000), np.logspace(-6, 5, 60_000)]).astype(np.float32)
    b = RNG.permutation(values).reshape(GRID.shape)
    a = np.zeros_like(b)
    paths = [write(tmp_path / f"{n}.tif", GRID, {"elevation": v}) for n, v in (("a", a), ("b", b))]
    bands = [open_output(path).bands[0] for path in paths]
    found = difference_pass(*bands, overlap_of(*bands), ("linear", 0.0))
    for share in (0.001, 0.05, 0.3, 0.51, 0.7, 0.999):
        assert found.quantile(share) == pytest.approx(np.quantile(values, share), rel=0.006, abs=1e-8)
    counts = found.counts(np.array([-1e9, 0.0, 1e9]))
    np.testing.assert_allclose(counts, [60_000, 60_000])
    assert isinstance(open_output(paths[0]), Raster)


def add_tag(path: Path, text: bytes) -> None:
    """Add SNAP's tag to a classic TIFF of one directory, by appending a longer directory."""
    data = path.read_bytes()
    (offset,) = struct.unpack("<I", data[4:8])
    (count,) = struct.unpack("<H", data[offset : offset + 2])
    entries = data[offset + 2 : offset + 2 + 12 * count]
    data += b"\0" * (len(data) % 2)
    place = len(data)
    data += text + b"\0" * (2 - len(text) % 2)
    entries += struct.pack("<HHII", 65000, 2, len(text) + 1, place)
    directory = struct.pack("<H", count + 1) + entries + struct.pack("<I", 0)
    path.write_bytes(data[:4] + struct.pack("<I", len(data)) + data[8:] + directory)
