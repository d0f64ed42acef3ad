"""Tie points and metadata of BEAM-DIMAP products in radar geometry, against annotation and simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gpt_cases import done
from lxml import etree

from s1card.engine.native.dimap_facts import utc
from s1card.scene.reader import open_scene
from s1card.scene.records import SPEED_OF_LIGHT
from s1card.simulate import GrdConfig, SimulatedScene, simulate_grd

REGION = (50, 40, 120, 80)  # column, row, width, height


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> SimulatedScene:
    return simulate_grd(GrdConfig(lines=200, pixels=240, targets=0), tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="module")
def whole(scene: SimulatedScene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("whole") / "whole.dim"
    done("Calibration", scene.safe, "-t", target)
    return target


def attributes(document: Path) -> dict[str, str]:
    """Attributes of Abstracted_Metadata by name, those of its branches with their path."""
    root = etree.parse(document).getroot()
    (abstract,) = root.iterfind("Dataset_Sources/MDElem/MDElem[@name='Abstracted_Metadata']")
    found = {}
    for element in abstract.iter("MDATTR"):
        names = [p.get("name") for p in element.iterancestors("MDElem")]
        path = names[: names.index("Abstracted_Metadata")][::-1]
        found["/".join([*path, element.get("name")])] = element.text or ""
    return found


def layer(document: Path, name: str) -> tuple[np.ndarray, tuple[float, float], tuple[float, float]]:
    """Values, offset (x, y) and step (x, y) of a tie point grid, as the document describes its file."""
    root = etree.parse(document).getroot()
    (info,) = root.xpath(f"Tie_Point_Grids/Tie_Point_Grid_Info[TIE_POINT_GRID_NAME='{name}']")
    index = info.findtext("TIE_POINT_GRID_INDEX")
    (path,) = root.xpath(
        f"Data_Access/Tie_Point_Grid_File[TIE_POINT_GRID_INDEX='{index}']/TIE_POINT_GRID_FILE_PATH"
    )
    file = (document.parent / path.get("href")).with_suffix(".img")
    shape = int(info.findtext("NROWS")), int(info.findtext("NCOLS"))
    values = np.frombuffer(file.read_bytes(), ">f4").reshape(shape)
    offset, step = (
        (float(info.findtext(f"{k}_X")), float(info.findtext(f"{k}_Y"))) for k in ("OFFSET", "STEP")
    )
    return values, offset, step


def at(document: Path, name: str, x: float, y: float) -> float:
    """A tie point grid at a place counted from the outer corner of the first sample, as SNAP evaluates it."""
    values, offset, step = layer(document, name)
    fx, fy = (x - offset[0]) / step[0], (y - offset[1]) / step[1]
    j, i = (int(np.clip(f, 0, n - 2)) for f, n in zip((fx, fy), values.shape[::-1], strict=True))
    wx, wy = fx - j, fy - i
    top, bottom = (values[k, j] * (1 - wx) + values[k, j + 1] * wx for k in (i, i + 1))
    return float(top * (1 - wy) + bottom * wy)


def test_utc_is_written_as_snap_does() -> None:
    assert utc(np.datetime64("2021-06-02T05:26:22.000123")) == "02-JUN-2021 05:26:22.000123"


def test_tie_points_are_those_of_the_annotation(scene: SimulatedScene, whole: Path) -> None:
    """Exactly at the first node; elsewhere within a sample: SNAP's even spacing stretches the last row and column."""
    grid = open_scene(scene.safe).images[0].annotation.geolocation_grid
    assert (grid.line[0], grid.pixel[0]) == (0, 0)
    for row, col, tolerance in ((0, 0, 2e-6), (grid.line.size // 2, grid.pixel.size // 2, 2e-4)):
        x, y = grid.pixel[col] + 0.5, grid.line[row] + 0.5
        node = row, col
        assert at(whole, "latitude", x, y) == pytest.approx(grid.latitude[node], abs=tolerance)
        assert at(whole, "longitude", x, y) == pytest.approx(grid.longitude[node], abs=2 * tolerance)
        assert at(whole, "incident_angle", x, y) == pytest.approx(grid.incidence_angle[node], abs=2e-3)
        time = grid.slant_range_time[node] * 1e9
        assert at(whole, "slant_range_time", x, y) == pytest.approx(time, rel=2e-6)


def test_metadata_are_those_of_the_annotation(scene: SimulatedScene, whole: Path) -> None:
    told, annotation = attributes(whole), open_scene(scene.safe).images[0].annotation
    assert told["MISSION"] == "SENTINEL-1A"
    assert told["PASS"] == annotation.pass_direction
    assert told["first_line_time"] == utc(annotation.first_line_time)
    assert told["last_line_time"] == utc(annotation.last_line_time)
    assert (told["num_output_lines"], told["num_samples_per_line"]) == ("200", "240")
    assert told["abs_calibration_flag"] == "1"
    vectors = annotation.state_vectors
    assert float(told["Orbit_State_Vectors/orbit_vector3/y_pos"]) == vectors.position[2, 1]
    assert float(told["Orbit_State_Vectors/orbit_vector3/z_vel"]) == vectors.velocity[2, 2]
    assert told["Orbit_State_Vectors/orbit_vector3/time"] == utc(vectors.time[2])
    assert sum(name.endswith("/x_pos") for name in told) == vectors.time.size
    conversion = annotation.coordinate_conversions[0]
    first = "SRGR_Coefficients/srgr_coef_list.1"
    assert float(told[f"{first}/coefficient.2/srgr_coef"]) == conversion.grsr[1]
    assert told[f"{first}/zero_doppler_time"] == utc(conversion.azimuth_time)
    slant = float(told["slant_range_to_first_pixel"])
    assert slant == pytest.approx(annotation.slant_range_time * SPEED_OF_LIGHT / 2, abs=0.5)


def test_a_subset_moves_times_and_tie_points(scene: SimulatedScene, whole: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.dim"
    done("Subset", whole, f"-Pregion={','.join(map(str, REGION))}", "-t", part)
    col, row, width, height = REGION
    for name in ("latitude", "longitude", "incident_angle", "slant_range_time"):
        assert at(part, name, 17.5, 33.5) == pytest.approx(at(whole, name, 17.5 + col, 33.5 + row), rel=3e-7)
    told, before = attributes(part), attributes(whole)
    assert (told["num_samples_per_line"], told["num_output_lines"]) == (str(width), str(height))
    assert (told["subset_offset_x"], told["subset_offset_y"]) == (str(col), str(row))
    assert told["first_line_time"] > before["first_line_time"]
    origin = "SRGR_Coefficients/srgr_coef_list.1/ground_range_origin"
    assert float(told[origin]) - float(before[origin]) == pytest.approx(col * 10.0)


def test_looks_change_steps_and_spacings(whole: Path, tmp_path: Path) -> None:
    looked = tmp_path / "looked.dim"
    done("Multilook", whole, "-PnRgLooks=4", "-PnAzLooks=2", "-PgrSquarePixel=false", "-t", looked)
    told, before = attributes(looked), attributes(whole)
    assert at(looked, "latitude", 10.0, 10.0) == pytest.approx(at(whole, "latitude", 40.0, 20.0), rel=3e-7)
    assert float(told["range_spacing"]) == pytest.approx(4 * float(before["range_spacing"]))
    assert float(told["azimuth_spacing"]) == pytest.approx(2 * float(before["azimuth_spacing"]))
    assert float(told["line_time_interval"]) == pytest.approx(2 * float(before["line_time_interval"]))
    assert told["multilook_flag"] == "1"


def test_products_on_a_map_have_no_tie_points(scene: SimulatedScene, whole: Path, tmp_path: Path) -> None:
    dem = f"-PexternalDEMFile={scene.dem}", "-PdemName=External DEM", "-PexternalDEMNoDataValue=-32768"
    target = tmp_path / "map.dim"
    done("Terrain-Correction", whole, *dem, "-PexternalDEMApplyEGM=false", "-t", target)
    root = etree.parse(target).getroot()
    assert root.find("Tie_Point_Grids") is None
    assert root.findtext("Geoposition/IMAGE_TO_MODEL_TRANSFORM")
    assert not (tmp_path / "map.data/tie_point_grids").exists()
