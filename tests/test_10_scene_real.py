"""Real products: facts read by eye from their XML."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from lxml import etree

from s1card.scene import PixelReader, Scene, check_measurements, choose_orbit, open_scene, verify_checksums
from s1card.scene.annotation import parse_annotation
from s1card.scene.calibration import parse_calibration
from s1card.scene.noise import parse_noise
from s1card.scene.xml import Node


@dataclass(frozen=True)
class Facts:
    """What a product's files say."""

    name: str
    ipf: tuple[int, int]
    relative_orbit: int
    slice_number: int
    lines: int
    pixels: int
    range_vectors: int
    azimuth_vectors: int
    conversions: int
    swath_bounds: int
    state_vectors: int


GRD = [
    Facts("S1A_IW_GRDH_1SDV_20150203T043109_20150203T043134_004454_00574F_FEC3",
          (2, 36), 7, 7, 16711, 25562, 27, 0, 26, 190, 28),
    Facts("S1A_IW_GRDH_1SDV_20150222T170725_20150222T170750_004739_005DD8_CEAB",
          (2, 36), 117, 2, 16685, 25357, 27, 0, 26, 102, 28),
    Facts("S1A_IW_GRDH_1SDV_20150222T170750_20150222T170815_004739_005DD8_3768",
          (2, 36), 117, 3, 16685, 25368, 27, 0, 26, 124, 28),
    Facts("S1A_IW_GRDH_1SDV_20210119T031653_20210119T031718_036201_043ED0_8255",
          (3, 31), 79, 5, 16854, 25931, 27, 3, 28, 3, 17),
    Facts("S1B_IW_GRDH_1SDV_20211223T051122_20211223T051147_030148_039993_5371",
          (3, 40), 22, 9, 16705, 26102, 27, 3, 28, 3, 16),
]  # fmt: skip

SLC = [
    Facts("S1A_IW_SLC__1SDV_20200511T135117_20200511T135144_032518_03C421_7768",
          (3, 20), 71, 5, 13473, 21444, 10, 1, 0, 0, 17),
    Facts("S1A_IW_SLC__1SDV_20230904T063730_20230904T063757_050174_0609E3_DAA1",
          (3, 61), 52, 28, 13563, 23055, 10, 1, 0, 0, 16),
    Facts("S1A_IW_SLC__1SDV_20230916T063730_20230916T063757_050349_060FCD_6814",
          (3, 61), 52, 28, 13563, 23055, 10, 1, 0, 0, 16),
]  # fmt: skip


@pytest.fixture(scope="module")
def annotations(shared: Path) -> Path:
    return shared / "data/annotation"


@pytest.mark.parametrize("facts", GRD + SLC, ids=lambda facts: facts.name[:32])
def test_facts(annotations: Path, facts: Facts) -> None:
    scene = open_scene(annotations / f"{facts.name}.zip")
    manifest, image = scene.manifest, scene.images[0]
    annotation = image.annotation
    assert scene.name == facts.name
    assert manifest.platform == facts.name[:3]
    assert (manifest.ipf_version, manifest.relative_orbit) == (facts.ipf, facts.relative_orbit)
    assert manifest.slice_number == annotation.slice_number == facts.slice_number
    assert f"{manifest.absolute_orbit:06d}_{manifest.datatake_id:06X}" == facts.name[49:62]
    assert (annotation.lines, annotation.pixels) == (facts.lines, facts.pixels)
    assert len(image.noise.range_vectors) == facts.range_vectors
    assert len(image.noise.azimuth_vectors) == facts.azimuth_vectors
    assert len(annotation.coordinate_conversions) == facts.conversions
    assert len(annotation.swath_bounds) == facts.swath_bounds
    assert annotation.state_vectors.time.size == facts.state_vectors
    assert np.linalg.norm(annotation.state_vectors.position, axis=1) == pytest.approx(7.07e6, rel=0.004)
    assert len(scene.images) == (6 if "SLC" in facts.name else len(scene.polarizations))


@pytest.mark.parametrize("facts", GRD, ids=lambda facts: facts.name[:32])
def test_footprint_agrees_with_the_tie_points(annotations: Path, facts: Facts) -> None:
    scene = open_scene(annotations / f"{facts.name}.zip", polarizations=["VV"])
    grid = scene.images[0].annotation.geolocation_grid
    corners = scene.manifest.footprint.exterior.coords[:-1]
    # Up to IPF 2.x corners and tie points share one mean height; later the tie points lie on the terrain.
    limit = 1e-5 if facts.ipf < (3, 0) else 0.02
    for line in (0, -1):
        for pixel in (0, -1):
            longitude, latitude = grid.longitude[line, pixel], grid.latitude[line, pixel]
            distance = min(np.hypot(longitude - x, latitude - y) for x, y in corners)
            assert distance < limit


def test_values_of_the_s1b_scene(annotations: Path) -> None:
    image = open_scene(annotations / f"{GRD[4].name}.zip").image("VV")
    annotation = image.annotation
    assert annotation.first_line_time == np.datetime64("2021-12-23T05:11:22.594441")
    assert annotation.line_interval == 1.496569996245720e-3
    assert annotation.slant_range_time == 5.332632114118834e-3
    assert annotation.state_vectors.position[0].tolist() == [
        4.657064978530e6,
        1.776448316703e6,
        5.013314106183e6,
    ]
    assert annotation.coordinate_conversions[0].gr0 == 0.0
    assert annotation.coordinate_conversions[0].grsr[1] == 5.051650875593184e-1
    assert annotation.geolocation_grid.latitude[0, 0] == 4.237675280764677e1
    assert [bounds.last_pixel for bounds in annotation.swath_bounds] == [8889, 17700, 26101]
    assert image.noise.range_vectors[0].value[:2].tolist() == [np.float32(2375.788), np.float32(2330.880)]
    azimuth = image.noise.azimuth_vectors[0]
    assert (azimuth.swath, azimuth.last_line, azimuth.last_pixel) == ("IW1", 16704, 8889)
    # The seam of two bursts: lines 158, 159, 160 stand between the multiples of ten.
    assert azimuth.line[15:19].tolist() == [150, 158, 159, 160]
    assert azimuth.value[16:18].tolist() == [np.float32(1.135365), np.float32(1.124603)]
    assert image.calibration.absolute_constant == 1.393


def test_old_noise_is_an_all_zero_placeholder_at_first(annotations: Path) -> None:
    image = open_scene(annotations / f"{GRD[0].name}.zip").image("VV")
    assert not any(vector.value.any() for vector in image.noise.range_vectors)
    assert [vector.line for vector in image.noise.range_vectors][-2:] == [16700, 16710]


def test_slc_noise_starts_before_the_image(annotations: Path) -> None:
    scene = open_scene(annotations / f"{SLC[1].name}.zip", polarizations=["VV"])
    assert [image.swath for image in scene.images] == ["IW1", "IW2", "IW3"]
    assert [vector.line for vector in scene.image("VV", "IW1").noise.range_vectors[:2]] == [-1507, 0]
    assert scene.image("VV", "IW2").annotation.pixels == 26818


@pytest.mark.parametrize(
    ("name", "azimuth_vectors"),
    [
        ("20150105T170524", 0),
        ("20160112T170510", 0),
        ("20180501T170533", 1),
        ("20211217T170502", 1),
        ("20240902T170606", 1),
    ],
)
def test_every_generation_of_noise(annotations: Path, name: str, azimuth_vectors: int) -> None:
    (path,) = annotations.glob(f"*{name}*.combined-xml.zip")
    with zipfile.ZipFile(path) as archive:
        root = etree.fromstring(archive.read(archive.namelist()[0]))

    def content(kind: str, swath: str) -> Node:
        (found,) = (part for part in root.iterfind(f"metadata/{kind}") if part.findtext("swath") == swath)
        return Node(found.find("content"), path.name)

    for swath in ("IW1", "IW2", "IW3"):
        annotation = parse_annotation(content("product", swath), 117)
        noise = parse_noise(content("noise", swath), annotation)
        calibration = parse_calibration(content("calibration", swath))
        assert annotation.swath == swath
        assert len(noise.azimuth_vectors) == azimuth_vectors
        assert all(vector.swath == swath for vector in noise.azimuth_vectors)
        assert noise.range_vectors[-1].value.size > 500
        assert calibration.vectors[0].pixel[-1] >= annotation.pixels - 41


@pytest.fixture(scope="module")
def simulated(shared: Path) -> Scene:
    (path,) = (shared / "snap/inputs/grd").glob("*.SAFE.zip")
    return open_scene(path)


def test_whole_product_passes_the_checks(simulated: Scene) -> None:
    check_measurements(simulated)
    verify_checksums(simulated)
    with PixelReader(simulated.image("VH")) as reader:
        lines = reader.read_lines(700, 100)
    assert lines.shape == (100, 1000)
    assert lines.any()


def test_constant_pixels_of_a_sample_product_are_accepted(annotations: Path) -> None:
    scene = open_scene(annotations / f"{GRD[4].name}.zip")
    check_measurements(scene)
    with PixelReader(scene.image("VV")) as reader:
        assert reader.read_lines(16_600, 105).shape == (105, 26_102)


def test_slc_pixels(shared: Path) -> None:
    (path,) = (shared / "snap/inputs/slc_pair").glob("S1A*.SAFE.zip")
    with PixelReader(open_scene(path, polarizations=["VV"]).image("VV", "IW2")) as reader:
        lines = reader.read_lines(800, 20)
    assert lines.dtype == reader.dtype == np.complex64
    assert lines.imag.any()


def test_precise_and_annotated_orbit_agree(shared: Path, simulated: Scene) -> None:
    annotation = simulated.image("VV").annotation
    precise = choose_orbit(annotation, shared / "snap/inputs/grd")
    assert precise.source == "POEORB"
    assert precise.time[0] <= annotation.first_line_time
    # Both interpolate one orbit; at the middle of the acquisition a cubic is good to centimetres.
    middle = annotation.first_line_time + np.timedelta64(600, "ms")
    assert _position(precise, middle) == pytest.approx(_position(annotation.state_vectors, middle), abs=0.1)


def _position(vectors: object, time: np.datetime64) -> np.ndarray:
    """Cubic Hermite between the two vectors around a time."""
    index = int(np.searchsorted(vectors.time, time)) - 1
    step = (vectors.time[index + 1] - vectors.time[index]) / np.timedelta64(1, "s")
    u = (time - vectors.time[index]) / np.timedelta64(1, "s") / step
    p, v = vectors.position[index : index + 2], vectors.velocity[index : index + 2] * step
    value = (1 + 2 * u) * (1 - u) ** 2 * p[0] + u * (1 - u) ** 2 * v[0]
    return value + u**2 * (3 - 2 * u) * p[1] + u**2 * (u - 1) * v[1]
