"""Opening hand-made products: every layout, every record, numbers known by construction."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import pytest
from safe_factory import LINES, PIXELS, START, SafeCase, edit, write_manifest, write_safe, zip_safe

from s1card.errors import SceneError
from s1card.scene import open_scene
from s1card.scene.manifest import expected_relative_orbit


def test_manifest_of_a_folder(tmp_path: Path) -> None:
    scene = open_scene(write_safe(tmp_path))
    manifest = scene.manifest
    assert scene.name == SafeCase().name
    assert manifest.platform == "S1A"
    assert manifest.platform_international_designator == "2014-016A"
    assert (manifest.mode, manifest.product_type, manifest.product_class) == ("IW", "GRD", "S")
    assert manifest.polarizations == ("VV", "VH")
    assert (manifest.absolute_orbit, manifest.relative_orbit, manifest.cycle) == (50747, 100, 304)
    assert manifest.orbit_direction == "ascending"
    assert manifest.ascending_node_time == np.datetime64("2023-10-13T11:40:00.250000")
    assert (manifest.datatake_id, manifest.slice_number) == (400511, 4)
    assert manifest.ipf_version == (3, 71)
    assert manifest.processing_facility == "Test facility"
    assert manifest.processing_stop == np.datetime64("2023-10-13T13:10:00.500000")
    assert manifest.start_time == START
    assert manifest.footprint.bounds == (10.0, 40.0, 10.06, 40.04)
    assert len(manifest.files) == 8
    assert all(len(file.md5) == 32 and file.size > 0 for file in manifest.files)


def test_annotation(tmp_path: Path) -> None:
    annotation = open_scene(write_safe(tmp_path)).image("VH").annotation
    assert (annotation.mission, annotation.swath, annotation.polarization) == ("S1A", "IW", "VH")
    assert annotation.pass_direction == "ASCENDING"
    assert annotation.is_detected
    assert annotation.is_ground_range
    assert (annotation.lines, annotation.pixels) == (LINES, PIXELS)
    assert annotation.first_line_time == START
    assert annotation.last_line_time == START + np.timedelta64(58_500, "us")
    assert annotation.line_interval == 0.0015
    assert annotation.radar_frequency == 5.405000454334350e9
    assert (annotation.looks_range, annotation.looks_azimuth) == (5, 1)
    assert not annotation.thermal_noise_corrected
    assert annotation.terrain_height.tolist() == [100.0, 140.0]
    assert (annotation.swath_bounds[0].swath, annotation.swath_bounds[0].last_pixel) == ("IW1", 29)


def test_orbit_of_the_annotation(tmp_path: Path) -> None:
    vectors = open_scene(write_safe(tmp_path)).image("VV").annotation.state_vectors
    assert vectors.source == "annotation"
    assert vectors.time.dtype == np.dtype("datetime64[us]")
    assert vectors.time[0] == START - np.timedelta64(30, "s")
    assert vectors.position.shape == vectors.velocity.shape == (7, 3)
    assert vectors.position[4].tolist() == [7.0e6 + 10, 100.0, 75_000.0]
    assert vectors.velocity[4].tolist() == [1.0, 10.0, 7500.0]


def test_coordinate_conversion_and_tie_points(tmp_path: Path) -> None:
    annotation = open_scene(write_safe(tmp_path)).image("VV").annotation
    (conversion,) = annotation.coordinate_conversions
    assert (conversion.sr0, conversion.gr0) == (800_000.0, 0.0)
    assert conversion.grsr.tolist() == [800_000.0, 0.5, 1e-7]
    assert conversion.srgr.tolist() == [0.0, 2.0, -1e-6]
    grid = annotation.geolocation_grid
    assert grid.line.tolist() == [0, 20, 39]
    assert grid.pixel.tolist() == [0, 30, 59]
    assert grid.latitude.shape == (3, 3)
    assert grid.latitude[1, 2] == pytest.approx(40.02)
    assert grid.longitude[1, 2] == pytest.approx(10.059)
    assert grid.incidence_angle[0, 1] == pytest.approx(33.0)
    assert grid.azimuth_time[1, 0] == START + np.timedelta64(30_000, "us")


def test_calibration_and_noise(tmp_path: Path) -> None:
    image = open_scene(write_safe(tmp_path)).image("VV")
    assert [vector.line for vector in image.calibration.vectors] == [0, 20, 39]
    vector = image.calibration.vectors[1]
    assert vector.pixel.tolist() == [0, 40, 59]
    assert vector.sigma_nought.dtype == np.float32
    assert vector.sigma_nought.tolist() == [500.5, 510.5, 520.5]
    assert vector.gamma.tolist() == [450.0, 460.0, 470.0]
    assert image.calibration.absolute_constant == 1.393
    assert [vector.line for vector in image.noise.range_vectors] == [-5, 20, 39]
    assert image.noise.range_vectors[0].value.tolist() == [100.5, 90.25, 80.0]
    (azimuth,) = image.noise.azimuth_vectors
    assert (azimuth.swath, azimuth.first_line, azimuth.last_line) == ("IW1", 0, 39)
    assert (azimuth.first_pixel, azimuth.last_pixel) == (0, 29)
    assert azimuth.value.tolist() == [1.25, 1.0, 0.75]


def test_old_single_noise_vectors(tmp_path: Path) -> None:
    noise = open_scene(write_safe(tmp_path, SafeCase(ipf="002.36", noise="single"))).image("VV").noise
    assert len(noise.range_vectors) == 3
    assert noise.range_vectors[2].value.tolist() == [100.5, 90.25, 80.0]
    assert noise.azimuth_vectors == ()


def test_azimuth_noise_without_block_is_for_the_whole_image(tmp_path: Path) -> None:
    safe = write_safe(tmp_path, SafeCase(polarizations=("VV",)))
    pattern = "annotation/calibration/noise-*.xml"
    edit(safe, pattern, "<swath>IW1</swath><firstAzimuthLine>0</firstAzimuthLine>", "")
    edit(safe, pattern, "<firstRangeSample>0</firstRangeSample>", "")
    edit(safe, pattern, "<lastAzimuthLine>39</lastAzimuthLine><lastRangeSample>29</lastRangeSample>", "")
    (azimuth,) = open_scene(safe).images[0].noise.azimuth_vectors
    assert (azimuth.swath, azimuth.first_line, azimuth.last_line) == ("IW", 0, LINES - 1)
    assert (azimuth.first_pixel, azimuth.last_pixel) == (0, PIXELS - 1)


def test_noise_quirks_repeated_positions_single_value_all_zero(tmp_path: Path) -> None:
    safe = write_safe(tmp_path, SafeCase(polarizations=("VV",)))
    pattern = "annotation/calibration/noise-*.xml"
    edit(safe, pattern, "0 40 59", "0 40 40")
    edit(safe, pattern, '"3">0 10 30', '"1">7')
    edit(safe, pattern, '"3">1.25 1.0 0.75', '"1">1.5')
    noise = open_scene(safe).images[0].noise
    assert noise.range_vectors[0].pixel.tolist() == [0, 40]
    assert noise.range_vectors[0].value.tolist() == [100.5, 90.25]
    assert noise.azimuth_vectors[0].line.tolist() == [7]
    edit(safe, pattern, "100.5 90.25 80.0", "0.0 0.0 0.0", count=3)
    assert not any(vector.value.any() for vector in open_scene(safe).images[0].noise.range_vectors)


@pytest.mark.parametrize("layout", ["folder", "manifest", "zip", "deep zip", "zip without name", "relative"])
def test_layouts_open_alike(tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = SafeCase()
    safe = write_safe(tmp_path, case)
    monkeypatch.chdir(safe)
    path = {
        "folder": lambda: str(safe) + "/",
        "manifest": lambda: safe / "manifest.safe",
        "zip": lambda: zip_safe(safe, tmp_path / "product.zip"),
        "deep zip": lambda: zip_safe(safe, tmp_path / "product.zip", below="a/b/"),
        "zip without name": lambda: zip_safe(safe, tmp_path / "product.bin"),
        "relative": lambda: ".",
    }[layout]()
    scene = open_scene(path)
    assert scene.name == case.name
    assert scene.path == str(path)
    assert scene.polarizations == ("VV", "VH")
    assert scene.image("VV").raster.endswith(f"{case.name}.SAFE/measurement/{case.stem('VV')}.tiff")
    assert scene.image("VV").raster.startswith("/vsizip/") == ("zip" in layout)
    assert os.path.isabs(scene.image("VV").raster)  # noqa: PTH117 - a GDAL path, not a file system path


@pytest.mark.parametrize(
    "case",
    [
        SafeCase(platform="S1B", absolute_orbit=30148, relative_orbit=22),
        SafeCase(platform="S1C", absolute_orbit=8000, relative_orbit=129),
        SafeCase(platform="S1C", absolute_orbit=8100, relative_orbit=127),
        SafeCase(platform="S1D", absolute_orbit=2000, relative_orbit=34),
        SafeCase(platform="S1E", absolute_orbit=10, relative_orbit=7),
        SafeCase(mode="EW", swath="EW", polarizations=("HH", "HV")),
        SafeCase(mode="SM", swath="S3", polarizations=("HH",), noise="single"),
        SafeCase(mode="SM", swath="S6"),
        SafeCase(cog=True),
        SafeCase(upper_case=True),
    ],
    ids=lambda case: f"{case.platform}-{case.swath}-{case.cog}-{case.upper_case}-{case.absolute_orbit}",
)
def test_platforms_modes_and_names(tmp_path: Path, case: SafeCase, caplog: pytest.LogCaptureFixture) -> None:
    scene = open_scene(write_safe(tmp_path, case))
    assert scene.manifest.platform == case.platform
    assert scene.manifest.relative_orbit == case.relative_orbit
    assert scene.polarizations == case.polarizations
    assert scene.images[0].swath == case.swath
    assert Path(scene.images[0].raster).is_file()
    assert not caplog.records


def test_relative_orbit_of_the_manifest_holds_against_the_formula(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        scene = open_scene(write_safe(tmp_path, SafeCase(relative_orbit=101)))
    assert scene.manifest.relative_orbit == 101
    assert "100 by the formula of S1A" in caplog.text


@pytest.mark.parametrize(
    ("platform", "absolute_orbit", "relative_orbit"),
    [
        ("S1A", 4454, 7),
        ("S1A", 36201, 79),
        ("S1B", 30148, 22),
        ("S1C", 8018, 147),
        ("S1C", 8019, 46),
        ("S1Z", 1, None),
    ],
)
def test_relative_orbit_formula(platform: str, absolute_orbit: int, relative_orbit: int | None) -> None:
    assert expected_relative_orbit(platform, absolute_orbit) == relative_orbit


def test_placeholder_designator_of_the_first_years(tmp_path: Path) -> None:
    safe = write_safe(tmp_path)
    edit(safe, "manifest.safe", "2014-016A", "0000-000A")
    assert open_scene(safe).manifest.platform_international_designator == "2014-016A"


def test_one_polarization_wanted(tmp_path: Path) -> None:
    safe = write_safe(tmp_path)
    assert open_scene(safe, polarizations=["vh"]).polarizations == ("VH",)
    with pytest.raises(SceneError, match=r"no image in HH\. The product has VV, VH"):
        open_scene(safe, polarizations=["VV", "HH"])
    with pytest.raises(SceneError, match="no image in no polarization"):
        open_scene(safe, polarizations=[])


def test_product_downloaded_with_one_polarization(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    safe = write_safe(tmp_path)
    for path in safe.rglob("*-vh-*"):
        path.unlink()
    scene = open_scene(safe)
    assert scene.polarizations == ("VV",)
    assert "no file of image s1a-iw-grd-vh" in caplog.text


def test_files_of_another_product_are_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    safe = write_safe(tmp_path)
    (safe / "measurement" / "s1a-iw-grd-vv-20200101t000000-20200101t000025-000001-00000a-001.tiff").touch()
    assert len(open_scene(safe).images) == 2
    assert "do not belong to the product" in caplog.text


def test_tie_points_in_any_order(tmp_path: Path) -> None:
    case = SafeCase(polarizations=("VV",))
    safe = write_safe(tmp_path, case)
    straight = open_scene(safe).images[0].annotation.geolocation_grid
    (path,) = safe.glob("annotation/*.xml")
    head, *points = path.read_text().split("<geolocationGridPoint>")
    last, tail = points[-1].split("</geolocationGridPointList>")
    shuffled = [*points[:-1], last][::-1]
    path.write_text("<geolocationGridPoint>".join([head, *shuffled]) + "</geolocationGridPointList>" + tail)
    write_manifest(safe, case)
    assert np.array_equal(
        open_scene(safe).images[0].annotation.geolocation_grid.longitude, straight.longitude
    )
