"""The documents of simulated products: ESA's schemas, checksums, names, other readers, faults, command."""

from __future__ import annotations

import binascii
import hashlib
import json
import re
import shutil
import zipfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from lxml import etree

from s1card.cli_simulate import simulate
from s1card.errors import DataError, UsageError
from s1card.scene.integrity import check_measurements, verify_checksums
from s1card.scene.orbit import read_orbit_file
from s1card.scene.reader import open_scene
from s1card.simulate import GrdConfig, SimulatedScene, simulate_grd
from s1card.simulate.faults import FAULTS, break_product

SMALL = GrdConfig(lines=100, pixels=160, terrain="flat", dem_spacing=5.0, speckle="table", targets=1)
PRODUCTS = {
    "IW": SMALL,
    "IW old": replace(SMALL, ipf="2.36", platform="S1B", ascending=False),
    "IW new": replace(SMALL, ipf="3.71", platform="S1D"),
    "EW": replace(SMALL, mode="EW", polarizations=("HH", "HV"), latitude=72.0),
    "SM": replace(SMALL, mode="SM", polarizations=("VV",), platform="S1C"),
    "COG": replace(SMALL, cog=True, zip=True),
}
SCHEMAS = {
    "annotation/s1*.xml": "product",
    "annotation/calibration/calibration-*.xml": "calibration",
    "annotation/calibration/noise-*.xml": "noise",
}


@pytest.fixture(scope="module", params=list(PRODUCTS))
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[GrdConfig, SimulatedScene]:
    config = PRODUCTS[request.param]
    return config, simulate_grd(config, tmp_path_factory.mktemp("product"))


def test_manifest_lists_every_file_with_its_checksum(case: tuple[GrdConfig, SimulatedScene]) -> None:
    _, scene = case
    manifest = etree.parse(scene.safe / "manifest.safe").getroot()
    listed = {}
    for stream in manifest.iter("byteStream"):
        name = stream.find("fileLocation").get("href").removeprefix("./")
        content = (scene.safe / name).read_bytes()
        assert int(stream.get("size")) == len(content)
        assert stream.findtext("checksum") == hashlib.md5(content).hexdigest()
        listed[name] = True
    present = {p.relative_to(scene.safe).as_posix() for p in scene.safe.rglob("*") if p.is_file()}
    assert set(listed) == present - {"manifest.safe"}
    identifiers = [node.get("ID") for node in manifest.iter("dataObject")]
    assert len(set(identifiers)) == len(identifiers)
    pointers = {node.get("dataObjectID") for node in manifest.iter("dataObjectPointer")}
    assert pointers == set(identifiers)


def test_name(case: tuple[GrdConfig, SimulatedScene]) -> None:
    """The name follows ESA's rule and ends with the checksum of the manifest."""
    config, scene = case
    crc = f"{binascii.crc_hqx((scene.safe / 'manifest.safe').read_bytes(), 0xFFFF):04X}"
    kind = {"IW": "IW_GRDH", "EW": "EW_GRDM", "SM": "S3_GRDH"}[config.mode]
    letters = ("1SD" if len(config.polarizations) > 1 else "1SS") + config.polarizations[0][0]
    pattern = rf"{config.platform}_{kind}_{letters}_(\d{{8}}T\d{{6}})_(\d{{8}}T\d{{6}})_\d{{6}}_[0-9A-F]{{6}}"
    suffix = "_COG" if config.cog else ""
    assert re.fullmatch(rf"{pattern}_{crc}{suffix}\.SAFE", scene.safe.name)


def test_opens_in_the_scene_reader(case: tuple[GrdConfig, SimulatedScene]) -> None:
    config, scene = case
    opened = open_scene(scene.archive or scene.safe)
    check_measurements(opened)
    verify_checksums(opened)
    assert set(opened.polarizations) == set(config.polarizations)
    manifest = opened.manifest
    assert (manifest.platform, manifest.mode) == (config.platform, config.mode)
    assert manifest.ipf_version == config.ipf_version
    assert manifest.orbit_direction.lower() == ("ascending" if config.ascending else "descending")
    offset = {"S1A": 73, "S1B": 27, "S1C": 99, "S1D": 42}[config.platform]
    assert manifest.relative_orbit == (manifest.absolute_orbit - offset) % 175 + 1
    for image in opened.images:
        annotation = image.annotation
        assert (annotation.lines, annotation.pixels) == (config.lines, config.pixels)
        assert len(annotation.state_vectors.time) >= 17
        assert bool(image.noise.azimuth_vectors) == (config.ipf_version >= (2, 90) and config.mode != "SM")
        cover = [(bounds.first_pixel, bounds.last_pixel) for bounds in annotation.swath_bounds]
        assert cover[0][0] == 0
        assert cover[-1][1] == config.pixels - 1
        assert all(left[1] + 1 == right[0] for left, right in pairwise(cover))


def test_orbit_file_opens(case: tuple[GrdConfig, SimulatedScene]) -> None:
    _, scene = case
    first = open_scene(scene.safe).images[0].annotation.first_line_time
    vectors = read_orbit_file(scene.orbit, first, first)
    assert vectors.source == "POEORB"
    assert vectors.time[0] < first < vectors.time[-1]


def test_opens_in_gdal(case: tuple[GrdConfig, SimulatedScene]) -> None:
    config, scene = case
    files = sorted(scene.safe.glob("measurement/*"))
    assert len(files) == len(config.polarizations)
    annotation = etree.parse(next(scene.safe.glob("annotation/*.xml"))).getroot()
    for path in files:
        with rasterio.open(path) as raster:
            assert (raster.height, raster.width, raster.dtypes) == (config.lines, config.pixels, ("uint16",))
            points, crs = raster.gcps
            assert raster.profile["tiled"] == config.cog
            assert config.cog or raster.block_shapes == [(1, config.pixels)]
            assert raster.compression is None or config.cog
        assert crs.to_epsg() == 4326
        latitude = [float(node.text or "") for node in annotation.iter("latitude")]
        np.testing.assert_allclose([point.y for point in points], latitude, atol=1e-12)
        assert path.name.endswith("-cog.tiff") == config.cog


def test_zip_holds_the_product(tmp_path: Path) -> None:
    scene = simulate_grd(replace(SMALL, zip=True), tmp_path)
    assert scene.archive is not None
    with zipfile.ZipFile(scene.archive) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            assert archive.read(name) == (tmp_path / name).read_bytes()
        assert len(archive.namelist()) == sum(path.is_file() for path in scene.safe.rglob("*"))


@pytest.mark.parametrize(
    ("ipf", "product"),
    [("2.36", "S1A_IW_GRDH_1SDV_20150222T170725*"), ("3.31", "S1A_IW_GRDH_1SDV_20210119T031653*")],
)
@pytest.mark.parametrize("mode", ["IW", "EW", "SM"])
def test_valid_against_the_schemas_of_esa(
    shared: Path, tmp_path: Path, ipf: str, product: str, mode: str
) -> None:
    source = next((shared / "data" / "annotation").glob(product + ".zip"))
    with zipfile.ZipFile(source) as archive:
        for name in archive.namelist():
            if name.endswith(".xsd"):
                (tmp_path / Path(name).name).write_bytes(archive.read(name))
    scene = simulate_grd(replace(SMALL, ipf=ipf, mode=mode), tmp_path / "out")
    checked = 0
    for pattern, name in SCHEMAS.items():
        schema = etree.XMLSchema(etree.parse(tmp_path / f"s1-level-1-{name}.xsd"))
        for path in scene.safe.glob(pattern):
            schema.assertValid(etree.parse(path))
            checked += 1
    assert checked == 6


def test_interference_from_3_40_on(tmp_path: Path) -> None:
    older = simulate_grd(replace(SMALL, ipf="3.39"), tmp_path / "older")
    newer = simulate_grd(replace(SMALL, ipf="3.40"), tmp_path / "newer")
    assert not list(older.safe.glob("annotation/rfi/*"))
    assert len(list(newer.safe.glob("annotation/rfi/rfi-*.xml"))) == 2
    text = next(newer.safe.glob("annotation/s1*.xml")).read_text(encoding="utf-8")
    assert "<rfiMitigationPerformed>Never<" in text


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate_grd(SMALL, tmp_path_factory.mktemp("whole")).safe


@pytest.mark.parametrize("fault", list(FAULTS))
def test_every_fault_is_noticed(whole: Path, tmp_path: Path, fault: str) -> None:
    """A fault changes the product, and the reader refuses what it opened before."""
    verify_checksums(open_scene(whole))
    copy = tmp_path / whole.name
    shutil.copytree(whole, copy)
    broken = break_product(copy, fault)
    assert broken.is_dir()
    before = {path.relative_to(whole): path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    after = {path.relative_to(broken): path.read_bytes() for path in broken.rglob("*") if path.is_file()}
    assert before != after
    with pytest.raises(DataError) as caught:
        scene = open_scene(broken)
        check_measurements(scene)
        verify_checksums(scene)
    assert caught.value.exit_code == 3


def test_unknown_fault(whole: Path) -> None:
    with pytest.raises(UsageError, match="unknown fault 'bad-mood'"):
        break_product(whole, "bad-mood")


def run(*words: str) -> str:
    result = CliRunner().invoke(
        simulate, ["grd", "--lines", "64", "--pixels", "64", "--terrain", "flat", *words]
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_command(tmp_path: Path) -> None:
    printed = json.loads(
        run("--out", str(tmp_path), "--pol", "VV", "--pass", "descending", "--zip", "--json")
    )
    assert set(printed) == {"safe", "dem", "orbit", "truth", "archive"}
    assert all(Path(path).exists() for path in printed.values())
    scene = open_scene(printed["archive"])
    assert scene.polarizations == ("VV",)
    assert scene.images[0].annotation.pass_direction == "DESCENDING"
    facts = json.loads((Path(printed["truth"]) / "scene.json").read_text(encoding="utf-8"))
    assert facts["configuration"]["lines"] == 64


def test_command_with_fault(tmp_path: Path) -> None:
    output = run("--out", str(tmp_path), "--fault", "missing-noise", "--speckle", "table")
    safe = Path(re.search(r"^safe\s+(.*)$", output, re.MULTILINE)[1])
    assert len(list(safe.glob("annotation/calibration/noise-*.xml"))) == 1
    text = CliRunner().invoke(simulate, ["grd", "--help"]).output
    assert all(fault in text for fault in FAULTS)
