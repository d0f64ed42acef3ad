"""CreateStack: names as SNAP has them, whole samples of offset, extents, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from engine_cases import map_product, node, samples
from interferogram_cases import complex_samples
from memory_cases import complex_product, noise, product

from s1card.engine.native.context import Context, Surroundings
from s1card.engine.native.lattice_offset import Offset, offset_between
from s1card.engine.native.operators import OPERATORS
from s1card.engine.native.product import Band, Product
from s1card.engine.native.subset import crop
from s1card.errors import DataError, GraphError
from s1card.geometry.map_grid import MapGrid
from s1card.geometry.radar_grid import GroundRange, SlantRange
from s1card.graph.operators import resolve_parameters
from s1card.window import Window

GRID = MapGrid("EPSG:32632", 500_000.0, 5_000_000.0, 10.0, 10.0, 8, 9)
KERNEL = {"resamplingType": "BILINEAR_INTERPOLATION"}


def stack(*sources: Product, **parameters: object) -> Product:
    values = resolve_parameters(node("it", "CreateStack", "", **parameters))
    return OPERATORS["CreateStack"](list(sources), values, Context(Surroundings()))


def dated(source: Product, day: str, name: str = "") -> Product:
    """The same product of another day."""
    time = np.datetime64(f"{day}T05:26:22", "us")
    images = tuple(
        replace(image, annotation=replace(image.annotation, first_line_time=time))
        for image in source.scene.images
    )
    scene = replace(source.scene, name=f"S1A_{day}", images=images)
    return replace(source, scene=scene, name=name or f"P{day}")


def field(row: int = 0, col: int = 0, rows: int = 8, cols: int = 9) -> np.ndarray:
    """Numbers that tell the place on the lattice: row * 100 + column."""
    line, pixel = np.mgrid[row : row + rows, col : col + cols]
    return np.asarray(line * 100 + pixel, np.float32)


def scene(day: str, row: int = 0, col: int = 0, bands: tuple[str, ...] = ("Sigma0_VV",)) -> Product:
    grid = GRID.crop(Window(row, col, 8, 9))
    made = dated(map_product(field(row, col), grid), day)
    return replace(made, bands=tuple(replace(made.bands[0], name=name) for name in bands))


REFERENCE, SECOND, THIRD = scene("2021-06-12"), scene("2021-06-18", 2, -3), scene("2021-06-24", -1, 1)


class TestNames:
    def test_every_band_of_a_secondary_gets_a_number(self) -> None:
        both = ("Sigma0_VV", "Sigma0_VH")
        result = stack(*(scene(day, bands=both) for day in ("2021-06-12", "2021-06-18", "2021-07-06")))
        assert [b.name for b in result.bands] == [
            "Sigma0_VV_ref_12Jun2021", "Sigma0_VH_ref_12Jun2021",
            "Sigma0_VV_sec1_18Jun2021", "Sigma0_VH_sec2_18Jun2021",
            "Sigma0_VV_sec3_06Jul2021", "Sigma0_VH_sec4_06Jul2021",
        ]  # fmt: skip
        assert result.name == "P2021-06-12_Stack"
        assert dict(result.facts)["CreateStack"] == "12Jun2021, 18Jun2021, 06Jul2021"
        assert result.is_stack

    def test_bands_of_the_unit_of_the_reference_band(self) -> None:
        layer = replace(REFERENCE.bands[0], name="elevation", unit="meters")
        virtual = replace(REFERENCE.bands[0], name="Sigma0_dream", is_virtual=True)
        sources = [replace(source, bands=(*source.bands, layer, virtual)) for source in (REFERENCE, SECOND)]
        result = stack(*sources)
        assert [b.name for b in result.bands] == ["Sigma0_VV_ref_12Jun2021", "Sigma0_VV_sec1_18Jun2021"]
        result = stack(*sources, masterBands="elevation")
        assert [b.name for b in result.bands] == ["elevation_ref_12Jun2021", "elevation_sec1_18Jun2021"]

    def test_reference_is_that_of_the_named_band(self) -> None:
        result = stack(REFERENCE, SECOND, masterBands="Sigma0_VV::P2021-06-18")
        assert [b.name for b in result.bands] == ["Sigma0_VV_ref_18Jun2021", "Sigma0_VV_sec1_12Jun2021"]
        assert result.grid == SECOND.grid
        assert result.scene is SECOND.scene
        with pytest.raises(GraphError, match="names the product none; the sources are P2021-06-12, P2021"):
            stack(REFERENCE, SECOND, masterBands="Sigma0_VV::none")
        with pytest.raises(GraphError, match="masterBands names more than one real band"):
            stack(REFERENCE, SECOND, masterBands="a,b,c")

    def test_named_bands(self) -> None:
        both = ("Sigma0_VV", "Sigma0_VH")
        a, b = scene("2021-06-12", bands=both), scene("2021-06-18", bands=both)
        result = stack(a, b, masterBands="Sigma0_VV", sourceBands="Sigma0_VH::P2021-06-18")
        assert [band.name for band in result.bands] == ["Sigma0_VV_ref_12Jun2021", "Sigma0_VH_sec1_18Jun2021"]
        with pytest.raises(GraphError, match="no source has the band 'Gamma0'"):
            stack(a, b, sourceBands="Gamma0")

    def test_phases_are_refused(self) -> None:
        phase = Band("phase", "phase", REFERENCE.bands[0].read)
        source = replace(SECOND, bands=(*SECOND.bands, phase))
        assert len(stack(REFERENCE, source).bands) == 2
        with pytest.raises(GraphError, match="a stack has no phases, but phase is chosen"):
            stack(REFERENCE, source, sourceBands="phase")

    def test_stack_of_a_stack_goes_on(self) -> None:
        first = stack(REFERENCE, SECOND)
        result = stack(first, THIRD, extent="Minimum", **KERNEL)
        assert [b.name for b in result.bands] == [
            "Sigma0_VV_ref_12Jun2021", "Sigma0_VV_sec1_18Jun2021", "Sigma0_VV_sec2_24Jun2021",
        ]  # fmt: skip
        assert result.grid == REFERENCE.grid


class TestPlaces:
    def test_samples_lie_on_those_of_the_reference(self) -> None:
        result = stack(REFERENCE, SECOND, THIRD)
        assert result.grid == GRID
        expected = field()
        np.testing.assert_array_equal(samples(result, "Sigma0_VV_ref_12Jun2021"), expected)
        second = samples(result, "Sigma0_VV_sec1_18Jun2021")
        assert np.array_equal(second[2:, :6], expected[2:, :6])
        assert np.isnan(second[:2]).all() and np.isnan(second[:, 6:]).all()
        third = samples(result, "Sigma0_VV_sec2_24Jun2021")
        assert np.array_equal(third[:7, 1:], expected[:7, 1:])
        assert np.isnan(third[7:]).all() and np.isnan(third[:, :1]).all()

    @pytest.mark.parametrize(
        ("extent", "corner", "shape"),
        [("Master", (0, 0), (8, 9)), ("Minimum", (2, 1), (5, 5)), ("Maximum", (-1, -3), (11, 13))],
    )
    def test_extents(self, extent: str, corner: tuple[int, int], shape: tuple[int, int]) -> None:
        result = stack(REFERENCE, SECOND, THIRD, extent=extent, **KERNEL)
        assert isinstance(result.grid, MapGrid)
        assert result.shape == shape
        assert result.grid.left == GRID.left + corner[1] * 10.0
        assert result.grid.top == GRID.top - corner[0] * 10.0
        truth = field(*corner, *shape)
        for band in result.bands:
            values = samples(result, band.name)
            known = np.isfinite(values)
            assert np.array_equal(values[known], truth[known])
            assert known.all() == (extent == "Minimum" or (extent == "Master" and "_ref_" in band.name))
            assert known.sum() == 72 if extent == "Maximum" else known.any()

    def test_window_does_not_matter(self) -> None:
        result = stack(REFERENCE, SECOND, THIRD, extent="Maximum", **KERNEL)
        for band in result.bands:
            whole = samples(result, band.name)
            for window in (Window(0, 0, 3, 4), Window(5, 2, 6, 11), Window(0, 12, 1, 1)):
                part = samples(result, band.name, window)
                assert (
                    part.tobytes()
                    == np.ascontiguousarray(whole[window.slices_in(result.grid.window)]).tobytes()
                )

    def test_fill_of_amplitudes_is_their_nodata(self) -> None:
        values = np.full((8, 9), 7, np.uint16)
        sources = [
            dated(crop(product(np.pad(values, 4), "amplitude", 0), Window(4 + k, 4, 8, 9)), day)
            for k, day in ((0, "2021-06-12"), (-3, "2021-06-18"))
        ]
        result = stack(*sources)
        second = samples(result, "it_sec1_18Jun2021")
        assert second.dtype == np.uint16
        assert (second[:5] == 7).all() and not second[5:].any()

    def test_order_of_work_beyond_the_reference(self) -> None:
        ordered = replace(REFERENCE, order=lambda w: float(w.row * 100 + w.col))
        result = stack(ordered, SECOND, THIRD, extent="Maximum", **KERNEL)
        assert result.order is not None
        assert result.order(Window(0, 0, 1, 1)) == 0.0  # of row -1, column -3
        assert result.order(Window(3, 7, 2, 2)) == 204.0
        assert result.order(Window(10, 12, 1, 1)) == 708.0


class TestRadarGeometry:
    def test_subsets_of_one_image(self) -> None:
        image = product(field(rows=30, cols=40))
        parts = [
            dated(crop(image, Window(row, col, 20, 25)), day)
            for row, col, day in ((5, 5, "2021-06-12"), (8, 2, "2021-06-18"))
        ]
        assert offset_between(parts[1], parts[0]) == Offset(3, -3)
        result = stack(*parts)
        second = samples(result, "it_sec1_18Jun2021")
        assert np.array_equal(second[3:, :22], field(8, 5, 17, 22))
        assert result.radar_grid.shape == (20, 25)
        assert result.radar_grid.azimuth_time(0.0) == image.radar_grid.azimuth_time(5.0)
        wide = stack(*parts, extent="Maximum", **KERNEL)
        assert wide.radar_grid.azimuth_time(0.0) == image.radar_grid.azimuth_time(5.0)
        assert wide.radar_grid.slant_range(0.0, 0.0) == image.radar_grid.slant_range(0.0, 2.0)
        place = wide.tie_grid.position(np.zeros(1), np.zeros(1))
        np.testing.assert_allclose(place, image.tie_grid.position(np.array([5.0]), np.array([2.0])))

    def test_complex_images(self) -> None:
        values, valid = noise((10, 12)), np.ones((10, 12), bool)
        valid[:, 5] = False
        whole = complex_product(values, valid)
        a, b = (
            dated(crop(whole, Window(row, 0, 7, 12)), day)
            for row, day in ((0, "2021-06-12"), (2, "2021-06-18"))
        )
        result = stack(a, b)
        assert [band.name for band in result.real_bands()] == [
            "i_VV_ref_12Jun2021", "q_VV_ref_12Jun2021", "i_VV_sec1_18Jun2021", "q_VV_sec1_18Jun2021",
        ]  # fmt: skip
        second = complex_samples(result, 1)
        expected = np.where(valid, values, np.nan)[2:7]
        np.testing.assert_allclose(second[2:], expected, rtol=1e-6)
        assert np.isnan(second[:2]).all()
        assert not samples(result, "i_VV_sec1_18Jun2021")[:2].any()
        with pytest.raises(GraphError, match="i_VV is chosen without the other part of the complex image"):
            stack(a, b, sourceBands="i_VV::P2021-06-18")

    def test_axes(self) -> None:
        base = product(field())
        grid = base.radar_grid
        polynomials = np.array([-1.0, 1.0]), np.array([[8e5, 0.6], [8e5, 0.6]]), np.zeros(2)
        ground = [GroundRange(10.0, first, *polynomials) for first in (0.0, 30.0)]
        a, b = (replace(base, grid=replace(grid, range_axis=axis)) for axis in ground)
        assert offset_between(b, a) == Offset(0, 3)
        later = replace(grid, epoch=grid.epoch + np.timedelta64(4_000, "us"))  # two lines
        assert offset_between(replace(base, grid=later), base) == Offset(2, 0)
        bent = replace(ground[0], coefficients=polynomials[1] + 1e-3)
        others = (
            replace(grid, range_axis=replace(ground[0], spacing=10.1)),
            replace(grid, range_axis=bent),
            replace(grid, range_axis=SlantRange(8e5, 10.0)),
            replace(grid, range_axis=ground[0], line_interval=0.0021),
        )
        for other in others:
            with pytest.raises(GraphError, match="do not lie on one lattice"):
                offset_between(replace(base, grid=other), a)


class TestRefusals:
    @pytest.mark.parametrize(
        "changes", [{"left": 500_005.0}, {"top": 5_000_000.2}, {"spacing_x": 10.1}, {"crs": "EPSG:32633"}]
    )
    def test_between_the_samples(self, changes: dict[str, float | str]) -> None:
        other = replace(SECOND, grid=replace(GRID, **changes))
        with pytest.raises(
            GraphError, match=r"do not lie on one lattice.*alignToStandardGrid, or Back-Geocoding"
        ):
            stack(REFERENCE, other)

    def test_map_and_radar(self) -> None:
        with pytest.raises(GraphError, match="do not lie on one lattice"):
            stack(REFERENCE, product(field()))

    def test_no_overlap(self) -> None:
        with pytest.raises(DataError, match="do not overlap"):
            stack(REFERENCE, scene("2021-06-18", 100, 0))
        with pytest.raises(DataError, match="no area in common"):
            stack(
                REFERENCE,
                scene("2021-06-18", 5, 0),
                scene("2021-06-24", -5, 0),
                extent="Minimum",
                **KERNEL,
            )

    def test_extents_of_snap(self) -> None:
        for extent in ("Minimum", "Maximum"):
            with pytest.raises(GraphError, match=f"extent {extent} with resamplingType NONE"):
                stack(REFERENCE, SECOND, extent=extent)
        with pytest.raises(GraphError, match="extent 'All' of CreateStack is none of Master"):
            stack(REFERENCE, SECOND, extent="All")

    def test_one_product_and_bursts(self) -> None:
        with pytest.raises(GraphError, match="needs at least two products"):
            stack(REFERENCE)
        with pytest.raises(GraphError, match="CreateStack needs one image, its source is a stack of bursts"):
            stack(REFERENCE, replace(SECOND, parts=(SECOND,)))

    def test_no_band(self) -> None:
        with pytest.raises(GraphError, match="the reference of a stack has no band"):
            stack(replace(REFERENCE, bands=()), SECOND)
