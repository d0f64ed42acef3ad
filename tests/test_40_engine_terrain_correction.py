"""Terrain-Correction: SNAP's grids, layers, kernels of image and heights, nodata, normalisation, truth."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from engine_cases import Small, build, samples, small
from pyproj import CRS, Transformer
from scipy.interpolate import CubicSpline
from scipy.ndimage import map_coordinates

from s1card.engine.native.map_extent import image_extent, map_projection, pixel_spacing
from s1card.engine.native.product import Product
from s1card.errors import GraphError
from s1card.geometry.map_grid import MapGrid
from s1card.window import Window

__all__ = ["small"]

CALIBRATION: tuple[str, dict[str, Any]] = ("Calibration", {})
WGS84_DD = 'GEOGCS["WGS84(DD)", DATUM["WGS84", SPHEROID["WGS84", 6378137.0, 298.257223563]]]'


def on_map(small: Small, **parameters: Any) -> Product:
    return build(small.read, CALIBRATION, small.terrain_correction(**parameters))


def grid_of(product: Product) -> MapGrid:
    assert isinstance(product.grid, MapGrid)
    return product.grid


class TestSpacing:
    """SNAP's degrees are not the inverse of its metres."""

    @pytest.mark.parametrize(
        ("metres", "degrees", "geographic", "expected"),
        [
            (10.0, 0.0, True, 8.983152841195215e-5),
            (10.0, 0.0, False, 10.0),
            (0.0, 8.983152841195215e-4, False, 99.6647),
            (0.0, 0.0, False, 10.0),
            (20.0, 1e-4, True, 1e-4),
            (20.0, 1e-4, False, 20.0),
        ],
    )
    def test_of_metres_and_degrees(
        self, small: Small, metres: float, degrees: float, geographic: bool, expected: float
    ) -> None:
        parameters = {"pixelSpacingInMeter": metres, "pixelSpacingInDegree": degrees}
        assert pixel_spacing(build(small.read), parameters, geographic) == pytest.approx(expected, rel=2e-7)


class TestProjection:
    @pytest.mark.parametrize(
        ("text", "epsg"),
        [
            ("", 4326), (None, 4326), ("WGS84(DD)", 4326), (WGS84_DD, 4326), ("EPSG:32633", 32633),
            ("32632", 32632), ("AUTO:42001", 32632), ("auto:42001,10,45", 32632),
            (CRS.from_epsg(25833).to_wkt("WKT1_GDAL"), 25833), ("EPSG:28992", 28992),
        ],
    )  # fmt: skip
    def test_spellings(self, small: Small, text: str | None, epsg: int) -> None:
        assert map_projection(text, build(small.read)).to_epsg() == epsg

    def test_nonsense(self, small: Small) -> None:
        with pytest.raises(GraphError, match=r"'EPSG:abc' is not understood.*AUTO:42001"):
            map_projection("EPSG:abc", build(small.read))


class TestGrid:
    def test_first_centre_is_the_corner_of_the_extent(self, small: Small) -> None:
        source = build(small.read)
        extent = image_extent(source)
        grid = grid_of(on_map(small, mapProjection="EPSG:4326", pixelSpacingInMeter=20))
        spacing = 20.0 / 6378137.0 * 180.0 / math.pi
        assert grid.spacing_x == grid.spacing_y == pytest.approx(spacing, rel=1e-12)
        assert grid.x(0.0) == pytest.approx(extent.west, abs=1e-12)
        assert grid.y(0.0) == pytest.approx(extent.north, abs=1e-12)
        assert grid.cols == math.floor((extent.east - extent.west) / spacing)
        assert grid.rows == math.floor((extent.north - extent.south) / spacing)

    def test_extent_is_that_of_the_tie_points(self, small: Small) -> None:
        source = build(small.read)
        ties = source.scene.images[0].annotation.geolocation_grid
        extent = image_extent(source)
        # SNAP's tie points are stretched by one sample of 10 m in 4 km.
        assert extent.west == pytest.approx(ties.longitude.min(), abs=1.5e-4)
        assert extent.north == pytest.approx(ties.latitude.max(), abs=1.5e-4)

    @pytest.mark.parametrize("height", [1500.0, -450.0])
    def test_grows_to_terrain_of_another_height_than_tie_points_have(
        self, small: Small, height: float, tmp_path: Path
    ) -> None:
        """No line and no pixel of the scene is cut off; the grid stays in step with that of SNAP's rule."""
        with rasterio.open(small.files.dem) as dataset:
            profile, shape = dataset.profile, dataset.shape
        with rasterio.open(tmp_path / "dem.tif", "w", **profile) as dataset:
            dataset.write(np.full(shape, height, np.float32), 1)
        ours = on_map(small, externalDEMFile=tmp_path / "dem.tif")
        by_ties, grown = grid_of(on_map(small)), grid_of(ours)
        valid = np.isfinite(samples(ours, "Sigma0_VV"))
        area = float(valid.sum()) * 100.0
        assert area == pytest.approx(300 * 400 * 100.0, rel=0.02)
        assert grown.cols > by_ties.cols + 10

    def test_stays_where_the_elevation_model_does_not_reach_the_corners(
        self, small: Small, tmp_path: Path
    ) -> None:
        with rasterio.open(small.files.dem) as dataset:
            profile, (rows, cols) = dataset.profile, dataset.shape
        part = {"height": rows // 8, "width": cols // 8}
        transform = profile["transform"] @ rasterio.Affine.translation(cols * 7 // 16, rows * 7 // 16)
        with rasterio.open(tmp_path / "dem.tif", "w", **profile | part | {"transform": transform}) as dataset:
            dataset.write(np.full(tuple(part.values()), 3000.0, np.float32), 1)
        assert grid_of(on_map(small, externalDEMFile=tmp_path / "dem.tif")) == grid_of(on_map(small))

    @pytest.mark.parametrize(("origin", "phase"), [(0.0, 5.0), (5.0, 0.0), (3.0, 8.0)])
    def test_standard_grid_names_centres(self, small: Small, origin: float, phase: float) -> None:
        parameters = {"standardGridOriginX": origin, "standardGridOriginY": origin}
        free = grid_of(on_map(small))
        grid = grid_of(on_map(small, alignToStandardGrid=True, **parameters))
        assert grid.left % 10.0 == pytest.approx(phase)
        assert grid.top % 10.0 == pytest.approx(phase)
        assert 0 <= free.left - grid.left < 10.0
        assert 0 <= grid.top - free.top < 10.0
        assert grid.cols - free.cols in (0, 1, 2)

    def test_neighbours_lie_on_one_grid(self, small: Small) -> None:
        whole = grid_of(on_map(small, alignToStandardGrid=True))
        part = build(
            small.read,
            ("Subset", {"region": "31,17,200,200"}),
            CALIBRATION,
            small.terrain_correction(alignToStandardGrid=True),
        )
        assert (grid_of(part).left - whole.left) % 10.0 == 0.0


class TestTruth:
    @pytest.mark.parametrize("method", ["BILINEAR_INTERPOLATION", "BISINC_21_POINT_INTERPOLATION"])
    def test_point_targets(self, small: Small, method: str) -> None:
        product = on_map(small, pixelSpacingInMeter=5, imgResamplingMethod=method, alignToStandardGrid=True)
        errors = [_peak_error(product, target) for target in _targets(small)]
        assert len(errors) == 6
        assert np.abs(errors).max() < 0.05  # of a 10 m pixel

    def test_orbit_file_and_annotation_agree(self, small: Small) -> None:
        """The annotated orbit of the simulation is the true one."""
        step = "Apply-Orbit-File", {}
        precise = build(small.read, step, CALIBRATION, small.terrain_correction(), orbit=small.files.orbit)
        a, b = (samples(p, "Sigma0_VV") for p in (precise, on_map(small)))
        both = np.isfinite(a) & np.isfinite(b)
        assert np.quantile(np.abs(a[both] / b[both] - 1.0), 0.99) < 5e-3

    def test_heights_are_those_of_the_dem(self, small: Small) -> None:
        product = on_map(small, saveDEM=True, saveLatLon=True)
        height, latitude, longitude = (samples(product, n) for n in ("elevation", "latitude", "longitude"))
        lon, lat = _lon_lat(grid_of(product))
        np.testing.assert_allclose(latitude, lat, atol=2e-6)
        np.testing.assert_allclose(longitude, lon, atol=2e-6)
        inside = np.isfinite(height)
        expected = _dem(small, lon, lat, order=1)
        np.testing.assert_allclose(height[inside], expected[inside], atol=2e-3)
        assert np.array_equal(inside, np.isfinite(samples(product, "Sigma0_VV")))

    def test_incidence_on_the_ellipsoid(self, small: Small) -> None:
        product = on_map(small, saveIncidenceAngleFromEllipsoid=True)
        angle = samples(product, "incidenceAngleFromEllipsoid")
        ties = product.scene.images[0].annotation.geolocation_grid.incidence_angle
        assert ties.min() - 0.01 < np.nanmin(angle) < ties.min() + 0.02
        assert ties.max() - 0.02 < np.nanmax(angle) < ties.max() + 0.01

    def test_local_incidence_of_a_plane(self, small: Small, tmp_path: Any) -> None:
        """A plane that rises by 0.2 to the east: the angle between its normal and the look vector."""
        dem = tmp_path / "plane.tif"
        with rasterio.open(small.files.dem) as source:
            lon = source.transform.c + (np.arange(source.width) + 0.5) * source.transform.a
            radius = 6378137.0 / math.sqrt(1 - 0.00669438 * math.sin(math.radians(45.25)) ** 2)
            east = np.radians(lon - 10.8) * radius * math.cos(math.radians(45.25))
            height = np.tile((200.0 + 0.2 * east).astype(np.float32), (source.height, 1))
            with rasterio.open(dem, "w", **source.profile) as target:
                target.write(height, 1)
        switches = (
            "saveLocalIncidenceAngle",
            "saveProjectedLocalIncidenceAngle",
            "saveIncidenceAngleFromEllipsoid",
        )
        product = on_map(
            small, externalDEMFile=dem, mapProjection="EPSG:32632", **dict.fromkeys(switches, True)
        )
        names = "localIncidenceAngle", "projectedLocalIncidenceAngle", "incidenceAngleFromEllipsoid"
        local, projected, flat = (float(np.nanmedian(samples(product, n))) for n in names)
        look = _look_at_centre(product)
        theta, slope = math.acos(look[2]), np.array([-0.2, 0.0, 1.0])
        assert flat == pytest.approx(math.degrees(theta), abs=0.05)
        expected = math.degrees(math.acos(float(look @ slope) / math.hypot(0.2, 1.0)))
        assert local == pytest.approx(expected, abs=0.05)
        in_plane = theta - math.atan(float(look[:2] @ slope[:2]) / math.sin(theta))
        assert projected == pytest.approx(math.degrees(in_plane), abs=0.05)


def _look_at_centre(product: Product) -> np.ndarray:
    """East, north and up of the unit vector from the scene centre to the sensor, from the annotated orbit."""
    annotation = product.scene.images[0].annotation
    vectors, ties = annotation.state_vectors, annotation.geolocation_grid
    start = annotation.first_line_time
    middle = (annotation.last_line_time - start) / np.timedelta64(2, "s")
    seconds = (vectors.time - start) / np.timedelta64(1, "s")
    sensor = CubicSpline(seconds, vectors.position)(middle)
    lon, lat = float(np.median(ties.longitude)), float(np.mean(ties.latitude))
    place = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True).transform(lon, lat, 200.0)
    (sl, cl), (sp, cp) = ((math.sin(math.radians(v)), math.cos(math.radians(v))) for v in (lon, lat))
    frame = np.array([[-sl, cl, 0.0], [-sp * cl, -sp * sl, cp], [cp * cl, cp * sl, sp]])
    ray = frame @ (sensor - np.array(place))
    return np.asarray(ray / np.linalg.norm(ray))


class TestHeights:
    @pytest.mark.parametrize(("method", "order"), [("NEAREST_NEIGHBOUR", 0), ("CUBIC_CONVOLUTION", None)])
    def test_kernels(self, small: Small, method: str, order: int | None) -> None:
        product = on_map(small, saveDEM=True, demResamplingMethod=method)
        height = samples(product, "elevation")
        lon, lat = _lon_lat(grid_of(product))
        inside = np.isfinite(height)
        if order == 0:
            expected = _dem(small, lon, lat, order=0)
            assert np.mean(height[inside] == expected[inside]) > 0.999  # halves may round to either side
            return
        bilinear = _dem(small, lon, lat, order=1)
        spline = _dem(small, lon, lat, order=3)
        error = np.abs(height - spline)[inside].max()
        assert error < 0.3 * np.abs(bilinear - spline)[inside].max()

    @pytest.mark.parametrize(
        "method", ["BICUBIC_INTERPOLATION", "BISINC_5_POINT_INTERPOLATION", "NEAREST_NEIGHBOUR"]
    )
    def test_do_not_depend_on_the_cut(self, small: Small, method: str) -> None:
        product = on_map(small, saveDEM=True, demResamplingMethod=method)
        whole = grid_of(product).window
        expected = samples(product, "elevation")
        for part in whole.tiles(97, 131):
            np.testing.assert_array_equal(
                samples(product, "elevation", part), expected[part.slices_in(whole)]
            )

    def test_sea(self, small: Small, tmp_path: Any) -> None:
        """Voids of the DEM: no data, or water at the height of the geoid."""
        dem = tmp_path / "sea.tif"
        with rasterio.open(small.files.dem) as source:
            height = source.read(1)
            height[:, : source.width // 2] = -32768
            with rasterio.open(dem, "w", **source.profile) as target:
                target.write(height, 1)
        blank = samples(on_map(small, externalDEMFile=dem), "Sigma0_VV")
        full = samples(on_map(small), "Sigma0_VV")
        share = np.isfinite(blank).sum() / np.isfinite(full).sum()
        assert 0.35 < share < 0.65
        common = np.isfinite(blank)
        assert np.array_equal(blank[common], full[common])


class TestImage:
    def test_nearest_takes_samples_as_they_are(self, small: Small) -> None:
        source = samples(build(small.read, CALIBRATION), "Sigma0_VV")
        values = samples(on_map(small, imgResamplingMethod="NEAREST_NEIGHBOUR"), "Sigma0_VV")
        assert np.isin(values[np.isfinite(values)], source).all()

    @pytest.mark.parametrize("method", ["CUBIC_CONVOLUTION", "BISINC_11_POINT_INTERPOLATION"])
    def test_kernels_cover_the_same_ground(self, small: Small, method: str) -> None:
        a = samples(on_map(small, imgResamplingMethod=method), "Sigma0_VV")
        b = samples(on_map(small), "Sigma0_VV")
        assert np.array_equal(np.isfinite(a), np.isfinite(b))
        assert np.nanmedian(np.abs(a / b - 1.0)) < 0.02
        assert not np.array_equal(a, b, equal_nan=True)

    def test_amplitude_bands_leave_zeros_out(self, small: Small) -> None:
        product = build(small.read, small.terrain_correction())
        assert [b.name for b in product.bands] == ["Amplitude_VH", "Amplitude_VV"]
        values = samples(product, "Amplitude_VV")
        assert values.dtype == np.float32
        assert np.nanmin(values) > 0
        named = build(small.read, small.terrain_correction(sourceBands="Intensity_VV"))
        assert [b.name for b in named.real_bands()] == ["Intensity_VV"]

    def test_bands_without_polarization(self, small: Small) -> None:
        noise = "ThermalNoiseRemoval", {"outputNoise": True}
        product = build(small.read, noise, small.terrain_correction(sourceBands="NEP_VV"))
        values = samples(product, "NEP_VV")
        assert [b.name for b in product.bands] == ["NEP_VV"]
        assert np.isfinite(values).mean() > 0.5
        assert np.nanmin(values) > 0.0

    def test_order_and_names_of_layers(self, small: Small) -> None:
        switches = (
            "saveDEM", "saveLatLon", "saveIncidenceAngleFromEllipsoid", "saveLocalIncidenceAngle",
            "saveProjectedLocalIncidenceAngle", "saveLayoverShadowMask",
        )  # fmt: skip
        product = on_map(small, sourceBands="Sigma0_VV", **dict.fromkeys(switches, True))
        assert [band.name for band in product.bands] == [
            "Sigma0_VV", "elevation", "latitude", "longitude", "localIncidenceAngle",
            "projectedLocalIncidenceAngle", "incidenceAngleFromEllipsoid", "layover_shadow_mask",
        ]  # fmt: skip
        assert product.name.endswith("_Cal_TC")
        only = on_map(small, saveSelectedSourceBand=False, saveDEM=True)
        assert [band.name for band in only.bands] == ["elevation"]

    def test_outside_the_scene(self, small: Small) -> None:
        product = on_map(small)
        corner = Window(0, 0, 8, 8)
        assert np.isnan(samples(product, "Sigma0_VV", corner)).all()


class TestNormalization:
    SWITCHES = dict.fromkeys(("applyRadiometricNormalization", "saveSigmaNought", "saveGammaNought"), True)

    def product(self, small: Small, angle: str) -> Product:
        layers = (
            "saveLocalIncidenceAngle",
            "saveProjectedLocalIncidenceAngle",
            "saveIncidenceAngleFromEllipsoid",
        )
        return build(
            small.read,
            small.terrain_correction(
                sourceBands="Amplitude_VV",
                saveBetaNought=True,
                saveSelectedSourceBand=False,
                incidenceAngleForSigma0=angle,
                incidenceAngleForGamma0=angle,
                **self.SWITCHES,
                **dict.fromkeys(layers, True),
            ),
        )

    def test_ellipsoid_is_plain_calibration(self, small: Small) -> None:
        product = self.product(small, "Use incidence angle from Ellipsoid")
        suffix = "_use_inci_angle_from_ellipsoid"
        assert [b.name for b in product.bands][:3] == [f"Sigma0_VV{suffix}", f"Gamma0_VV{suffix}", "Beta0_VV"]
        calibration = {"outputGammaBand": True, "outputBetaBand": True}
        plain = build(small.read, ("Calibration", calibration), small.terrain_correction())
        for name in ("Sigma0_VV", "Gamma0_VV"):
            np.testing.assert_array_equal(samples(product, name + suffix), samples(plain, name))
        np.testing.assert_array_equal(samples(product, "Beta0_VV"), samples(plain, "Beta0_VV"))

    @pytest.mark.parametrize(
        ("angle", "layer", "names"),
        [
            (
                "Use projected local incidence angle from DEM",
                "projectedLocalIncidenceAngle",
                ("Sigma0_VV", "Gamma0_VV_use_projected_local_inci_angle_from_dem"),
            ),
            (
                "Use local incidence angle from DEM",
                "localIncidenceAngle",
                ("Sigma0_VV_use_local_inci_angle_from_dem", "Gamma0_VV_use_local_inci_angle_from_dem"),
            ),
        ],
    )
    def test_slopes(self, small: Small, angle: str, layer: str, names: tuple[str, str]) -> None:
        """On any slope sigma0 / sin(angle) is beta0, by the tables' own sigma0; gamma0 is sigma0 / cos(angle)."""
        product = self.product(small, angle)
        sigma, gamma = (samples(product, name) for name in names)
        slope = np.radians(samples(product, layer))
        assert np.ptp(slope[np.isfinite(slope)]) > math.radians(10.0)
        np.testing.assert_allclose(sigma / np.sin(slope), samples(product, "Beta0_VV"), rtol=2e-3)
        flat = np.radians(samples(product, "incidenceAngleFromEllipsoid"))
        table = samples(on_map(small), "Sigma0_VV")
        np.testing.assert_allclose(sigma, table * np.sin(slope) / np.sin(flat), rtol=1e-5)
        np.testing.assert_allclose(gamma, sigma / np.cos(slope), rtol=2e-3)

    def test_calibrated_source(self, small: Small) -> None:
        with pytest.raises(GraphError, match="needs an uncalibrated source"):
            on_map(small, **self.SWITCHES)


def _targets(small: Small) -> list[dict[str, str]]:
    with (small.files.truth / "targets.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _peak_error(product: Product, target: dict[str, str]) -> tuple[float, float]:
    """Measured minus true place (col, row) of a point target in pixels of 10 m, by its centre of gravity."""
    grid = grid_of(product)
    x, y = Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True).transform(
        float(target["longitude"]), float(target["latitude"])
    )
    col, row = (x - grid.left) / grid.spacing_x - 0.5, (grid.top - y) / grid.spacing_y - 0.5
    window = Window(round(row) - 8, round(col) - 8, 17, 17)
    power = samples(product, "Sigma0_VV", window).astype(np.float64)
    power = np.maximum(power - np.median(power), 0.0)
    rows, cols = np.mgrid[window.row : window.row_end, window.col : window.col_end]
    scale = grid.spacing_x / 10.0
    return (
        float((power * cols).sum() / power.sum() - col) * scale,
        float((power * rows).sum() / power.sum() - row) * scale,
    )


def _lon_lat(grid: MapGrid) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(grid.x(np.arange(grid.cols, dtype=float)), grid.y(np.arange(grid.rows, dtype=float)))
    lon, lat = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)
    return lon, lat


def _dem(small: Small, lon: np.ndarray, lat: np.ndarray, order: int) -> np.ndarray:
    with rasterio.open(small.files.dem) as source:
        t, height = source.transform, source.read(1).astype(np.float64)
    row, col = (lat - t.f) / t.e - 0.5, (lon - t.c) / t.a - 0.5
    result: np.ndarray = map_coordinates(height, [row, col], order=order, mode="nearest")
    return result
