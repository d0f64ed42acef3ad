"""The documents of simulated SLC pairs: ESA's schemas, checksums, names, slices, other readers, faults, command."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from lxml import etree
from simulate_slc_cases import open_image

from s1card.cli_simulate import simulate
from s1card.errors import DataError
from s1card.scene.integrity import check_measurements, verify_checksums
from s1card.scene.orbit import read_orbit_file
from s1card.scene.reader import open_scene
from s1card.simulate import SimulatedPair, SlcPairConfig, simulate_slc_pair
from s1card.simulate.faults import SLC_FAULTS, break_product
from s1card.simulate.slc.config import PAIR_FAULTS
from s1card.simulate.slc.passes import plan_pair

SMALL = SlcPairConfig(
    bursts=1, samples=400, swaths=("IW1", "IW2"), terrain="flat", dem_spacing=10.0, targets=0
)
PAIRS = {
    "new": replace(SMALL, ipf="3.71", platform="S1A", secondary_platform="S1B", swaths=("IW3",)),
    "middle": replace(SMALL, ipf="2.90", ascending=False, bursts=2, swaths=("IW1",), polarizations=("VV",)),
    "old": replace(
        SMALL, ipf="2.60", platform="S1A", secondary_platform="S1A", days=12, polarizations=("HH", "HV")
    ),
}


@pytest.fixture(scope="module", params=list(PAIRS))
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[SlcPairConfig, SimulatedPair]:
    config = PAIRS[request.param]
    return config, simulate_slc_pair(config, tmp_path_factory.mktemp("pair"))


def test_opens_in_the_scene_reader(case: tuple[SlcPairConfig, SimulatedPair]) -> None:
    config, pair = case
    scenes = [open_scene(found[0]) for found in (pair.reference, pair.secondary)]
    for scene, platform in zip(scenes, (config.platform, config.secondary_platform), strict=True):
        check_measurements(scene)
        verify_checksums(scene)
        assert scene.manifest.platform == platform
        assert scene.manifest.product_type == "SLC"
        assert scene.manifest.ipf_version == config.ipf_version
        images = {(image.swath, image.polarization) for image in scene.images}
        assert images == {(swath, p) for swath in config.swaths for p in config.polarizations}
        for image in scene.images:
            tops = image.annotation.tops
            assert tops is not None
            assert len(tops.bursts) == config.bursts
            assert image.annotation.lines == config.bursts * tops.lines_per_burst
            assert bool(image.noise.azimuth_vectors) == (config.ipf_version >= (2, 90))
            assert image.noise.range_vectors[0].line == -tops.lines_per_burst
            assert image.calibration.vectors[0].line <= 0
            assert image.calibration.vectors[-1].line >= image.annotation.lines - 1
            assert float(image.calibration.vectors[0].beta_nought[0]) == 237.0
    reference, secondary = (scene.manifest for scene in scenes)
    assert reference.relative_orbit == secondary.relative_orbit
    assert reference.orbit_direction == secondary.orbit_direction
    assert round(float((reference.start_time - secondary.start_time) / np.timedelta64(1, "D"))) == config.days
    ids = [[b.burst_id for b in scene.images[0].annotation.tops.bursts] for scene in scenes]
    assert ids[0] == ids[1]
    for orbit, scene in zip(pair.orbits, scenes, strict=True):
        first = scene.images[0].annotation.first_line_time
        assert read_orbit_file(orbit, first, first).source == "POEORB"


def test_names(case: tuple[SlcPairConfig, SimulatedPair]) -> None:
    """Names as ESA gives them; images are numbered by polarization, the cross-polarized ones first."""
    config, pair = case
    safe = pair.reference[0]
    letters = ("1SD" if len(config.polarizations) > 1 else "1SS") + config.polarizations[0][0]
    pattern = (
        rf"{config.platform}_IW_SLC__{letters}(_\d{{8}}T\d{{6}}){{2}}_\d{{6}}_[0-9A-F]{{6}}_[0-9A-F]{{4}}"
    )
    assert re.fullmatch(rf"{pattern}\.SAFE", safe.name)
    files = sorted(safe.glob("measurement/*"), key=lambda path: path.stem[-3:])
    order = [tuple(path.name.split("-")[1:4:2]) for path in files]
    assert order == [(s.lower(), p.lower()) for p in sorted(config.polarizations) for s in config.swaths]
    assert [path.stem[-3:] for path in files] == [f"{k + 1:03d}" for k in range(len(files))]


def test_layout_of_the_version(case: tuple[SlcPairConfig, SimulatedPair]) -> None:
    config, pair = case
    image = open_image(pair.reference[0], config.swaths[0], config.polarizations[0])
    has_ids = config.ipf_version >= (3, 40)
    assert bool(image.root.findall(".//burstId")) == has_ids
    assert pair.reference[0].joinpath("annotation/rfi").is_dir() == has_ids
    single = image.noise.findall(".//noiseVector")
    assert bool(single) == (config.ipf_version < (2, 90))
    assert image.root.find(".//azimuthFmRatePolynomial") is not None


def test_opens_in_gdal(case: tuple[SlcPairConfig, SimulatedPair]) -> None:
    """Complex integers in strips of one line; bytes are where the annotation says that bursts begin."""
    config, pair = case
    image = open_image(pair.reference[0], config.swaths[0], config.polarizations[0])
    with rasterio.open(image.raster) as raster:
        assert raster.dtypes == ("complex_int16",)
        assert raster.block_shapes == [(1, image.pixels)]
        assert (raster.height, raster.width) == (config.bursts * image.lines, image.pixels)
        assert raster.compression is None
        points, crs = raster.gcps
        samples = raster.read(1)
        assert raster.tags()["TIFFTAG_SOFTWARE"] == f"Sentinel-1 IPF {config.ipf.zfill(6)}"
    assert crs.to_epsg() == 4326
    for name, values in (("latitude", [p.y for p in points]), ("line", [p.row for p in points])):
        annotated = [
            float(node.text or "") for node in image.root.iter(name) if node.getparent().tag.endswith("Point")
        ]
        np.testing.assert_allclose(values, annotated, atol=1e-12)
    raw = image.raster.read_bytes()
    for k, burst in enumerate(image.bursts):
        start = int(burst.findtext("byteOffset"))
        size = image.lines * image.pixels * 4
        pairs = np.frombuffer(raw[start : start + size], "<i2").reshape(image.lines, image.pixels, 2)
        expected = samples[k * image.lines : (k + 1) * image.lines]
        np.testing.assert_array_equal(pairs[..., 0], expected.real)
        np.testing.assert_array_equal(pairs[..., 1], expected.imag)
    statistics = image.root.find(".//imageInformation/imageStatistics")
    assert float(statistics.findtext("outputDataStdDev/re")) == pytest.approx(samples.real.std(), rel=1e-5)
    assert float(statistics.findtext("outputDataMean/im")) == pytest.approx(samples.imag.mean(), abs=1e-3)


SCHEMAS = {
    (2, 36): "S1A_IW_GRDH_1SDV_20150222T170725*",
    (2, 90): "S1A_IW_GRDH_1SDV_20210119T031653*",
    (3, 71): "S1A_IW_SLC__1SDV_20230904T063730*",
}


def test_valid_against_the_schemas_of_esa(
    shared: Path, tmp_path: Path, case: tuple[SlcPairConfig, SimulatedPair]
) -> None:
    config, pair = case
    if config.ipf_version not in SCHEMAS:
        config = replace(SMALL, ipf="2.36", polarizations=("VV",), swaths=("IW2",))
        pair = simulate_slc_pair(config, tmp_path / "out")
    source = next((shared / "data" / "annotation").glob(SCHEMAS[config.ipf_version] + ".zip"))
    with zipfile.ZipFile(source) as archive:
        for name in archive.namelist():
            if name.endswith(".xsd"):
                (tmp_path / Path(name).name).write_bytes(archive.read(name))
    checked = 0
    for pattern, name in {
        "annotation/s1*.xml": "product",
        "annotation/calibration/calibration-*.xml": "calibration",
        "annotation/calibration/noise-*.xml": "noise",
        "annotation/rfi/rfi-*.xml": "rfi",
    }.items():
        for path in pair.reference[0].glob(pattern):
            etree.XMLSchema(etree.parse(tmp_path / f"s1-level-1-{name}.xsd")).assertValid(etree.parse(path))
            checked += 1
    documents = 4 if config.ipf_version >= (3, 40) else 3
    assert checked == documents * len(config.swaths) * len(config.polarizations)


def test_slices(tmp_path: Path) -> None:
    """Consecutive products of one data take, whose samples are those of one product."""
    config = replace(SMALL, bursts=2, swaths=("IW1",), polarizations=("VV",), thermal_noise=False)
    whole, cut = (
        simulate_slc_pair(replace(config, slices=n), tmp_path / name) for n, name in ((1, "a"), (2, "b"))
    )
    for date in ("reference", "secondary"):
        safes = getattr(cut, date)
        scenes = [open_scene(safe) for safe in safes]
        assert [scene.manifest.slice_number for scene in scenes] == [1, 2]
        assert len({scene.manifest.datatake_id for scene in scenes}) == 1
        images = [open_image(safe, "IW1", "VV") for safe in safes]
        one = open_image(getattr(whole, date)[0], "IW1", "VV")
        ids = [int(node.text) for image in images for node in image.root.iter("burstId")]
        assert ids == [int(node.text) for node in one.root.iter("burstId")]
        for k, image in enumerate(images):
            assert len(image.bursts) == 1
            # The carrier is that of the slice, with speed and margins of its own.
            off = np.abs(np.abs(image.base_band(0)) - np.abs(one.base_band(k)))
            assert off.max() < (1.5 if date == "reference" else 8.0)
            assert off.mean() < 0.6


def test_dates_are_cut_at_different_bursts() -> None:
    plan = plan_pair(replace(SMALL, bursts=5, slices=2))
    counts = [
        [len(images[0].bursts) for images in passed.slices] for passed in (plan.reference, plan.secondary)
    ]
    assert counts == [[3, 2], [2, 3]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = replace(SMALL, swaths=("IW1",), polarizations=("VV",))
    return simulate_slc_pair(config, tmp_path_factory.mktemp("whole")).secondary[0]


@pytest.mark.parametrize("fault", list(SLC_FAULTS))
def test_every_fault_of_a_product_is_noticed(whole: Path, tmp_path: Path, fault: str) -> None:
    verify_checksums(open_scene(whole))
    copy = tmp_path / whole.name
    shutil.copytree(whole, copy)
    broken = break_product(copy, fault)
    with pytest.raises(DataError) as caught:
        scene = open_scene(broken)
        check_measurements(scene)
        verify_checksums(scene)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("fault", [*PAIR_FAULTS, "truncated-measurement"])
def test_faults_of_pairs(tmp_path: Path, fault: str) -> None:
    """Each makes one thing wrong and leaves the rest right; the reference is always whole."""
    swaths = ("IW1", "IW2") if fault == "other-subswaths" else ("IW1",)
    polarizations = ("VV", "VH") if fault == "missing-polarization" else ("VV",)
    config = replace(SMALL, fault=fault, swaths=swaths, polarizations=polarizations)
    pair = simulate_slc_pair(config, tmp_path)
    reference = open_scene(pair.reference[0])
    check_measurements(reference)
    verify_checksums(reference)
    secondary = open_scene(pair.secondary[0])
    if fault == "truncated-measurement":
        with pytest.raises(DataError):
            check_measurements(secondary)
    else:
        check_measurements(secondary)
        verify_checksums(secondary)
    seen = [{image.swath for image in scene.images} for scene in (reference, secondary)]
    bursts = [
        {burst.burst_id for burst in scene.images[0].annotation.tops.bursts}
        for scene in (reference, secondary)
    ]
    same_track = reference.manifest.relative_orbit == secondary.manifest.relative_orbit
    assert same_track == (fault != "other-track")
    assert bool(seen[0] & seen[1]) == (fault != "other-subswaths")
    assert set(reference.polarizations) == set(polarizations)
    assert secondary.polarizations == ("VV",)
    assert bool(bursts[0] & bursts[1]) == (fault not in ("no-overlap", "other-track"))
    touches = reference.manifest.footprint.intersects(secondary.manifest.footprint)
    assert touches == (fault != "no-overlap")
    angles = [scene.images[0].annotation.incidence_angle_mid_swath for scene in (reference, secondary)]
    assert (abs(angles[0] - angles[1]) > 3.0) == (fault == "other-track")


def run(*words: str) -> str:
    small = ["--bursts", "1", "--samples", "400", "--terrain", "flat", "--swaths", "IW1", "--pol", "VV"]
    result = CliRunner().invoke(simulate, ["slc-pair", *small, *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_command(tmp_path: Path) -> None:
    printed = json.loads(run("--out", str(tmp_path), "--zip", "--json", "--missync", "1.5", "--no-noise"))
    assert set(printed) == {"reference", "secondary", "dem", "orbits", "truth", "archives"}
    for paths in printed.values():
        for path in paths if isinstance(paths, list) else [paths]:
            assert Path(path).exists()
    assert len(printed["archives"]) == 2
    assert open_scene(printed["archives"][0]).polarizations == ("VV",)
    facts = json.loads((Path(printed["truth"]) / "scene.json").read_text(encoding="utf-8"))
    assert facts["configuration"]["missync"] == 1.5


def test_command_with_fault(tmp_path: Path) -> None:
    output = run("--out", str(tmp_path), "--fault", "missing-noise", "--pass", "descending")
    safe = Path(re.search(r"^secondary\s+(.*)$", output, re.MULTILINE)[1])
    assert not list(safe.glob("annotation/calibration/noise-*.xml"))
    text = CliRunner().invoke(simulate, ["slc-pair", "--help"]).output
    assert all(fault in text for fault in (*PAIR_FAULTS, *SLC_FAULTS))
