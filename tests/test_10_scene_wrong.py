"""Wrong products: each ends in one SceneError (exit code 3) that names scene, file and advice."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from safe_factory import SafeCase, edit, write_safe, zip_safe

from s1card.errors import SceneError
from s1card.scene import open_scene

ANNOTATION = "annotation/*.xml"
CALIBRATION = "annotation/calibration/calibration-*.xml"
NOISE = "annotation/calibration/noise-*.xml"


@pytest.fixture
def safe(tmp_path: Path) -> Path:
    return write_safe(tmp_path, SafeCase(polarizations=("VV",)))


@pytest.mark.parametrize(
    ("pattern", "old", "new", "message"),
    [
        ("manifest.safe", "<s1:productType>GRD", "<s1:productType>OCN", "type OCN cannot be used"),
        ("manifest.safe", "<s1:productType>GRD</s1:productType>", "", "type unknown"),
        ("manifest.safe", "<s1:mode>IW", "<s1:mode>WV", "mode WV"),
        ("manifest.safe", "SENTINEL-1", "SENTINEL-2", "a SENTINEL-2 product"),
        ("manifest.safe", "40.0,10.0 40.0,10.06 40.04,10.06 40.04,10.0", "40.0,10.0", "not a polygon"),
        ("manifest.safe", "40.0,10.0 ", "40.0;10.0 ", "not a polygon"),
        ("manifest.safe", 'OrbitNumber type="start">100', 'OrbitNumber type="x">100', "OrbitNumber is miss"),
        ("manifest.safe", "003.71", "three", "processor version"),
        ("manifest.safe", "safe:number>A", "safe:number>?", "not a Sentinel-1"),
        ("manifest.safe", 'size="', 'size="x', "attribute size"),
        ("manifest.safe", "</xfdu:XFDU>", "", "XML cannot be read"),
        (ANNOTATION, "<orbit>", "<lost>", "XML cannot be read"),
        (ANNOTATION, "Earth Fixed", "GM2000", "not earth fixed"),
        (ANNOTATION, "<x>7000000.0</x>", "<x>NaN</x>", "x is nan"),
        (ANNOTATION, "2023-10-13T12:00:20", "2023-10-13T12:00:10", "not in order of time"),
        (ANNOTATION, "<time>2023-10-13T12:00:20.000000", "<time>", "time is ''"),
        (ANNOTATION, "2023-10-13T12:00:20", "NaT", "not a time"),
        (ANNOTATION, "<numberOfLines>40", "<numberOfLines>50", "50 lines last"),
        (ANNOTATION, "<numberOfSamples>60", "<numberOfSamples>70", "40 lines of 70 samples"),
        (ANNOTATION, "<numberOfLines>40", "<numberOfLines>0", "impossible image size"),
        (ANNOTATION, "<numberOfLines>40", "<numberOfLines>forty", "not a whole number"),
        (ANNOTATION, "<rangePixelSpacing>10.0</rangePixelSpacing>", "", "rangePixelSpacing is missing"),
        (ANNOTATION, "<rangePixelSpacing>10.0<", "<rangePixelSpacing>-1<", "not positive"),
        (ANNOTATION, "<line>20</line><pixel>30<", "<line>20</line><pixel>31<", "rectangle"),
        (ANNOTATION, "coordinateConversionList", "x", "XML cannot be read"),
        (ANNOTATION, "800000.0 0.5 1e-7", "800000.0 inf 1e-7", "grsrCoefficients holds NaN"),
        (ANNOTATION, "<missionId>S1A", "<missionId>S1B", "of platform S1B, the product of S1A"),
        (ANNOTATION, "<polarisation>VV", "<polarisation>VH", "of polarization VH, the product of VV"),
        (ANNOTATION, "<absoluteOrbitNumber>50747", "<absoluteOrbitNumber>50748", "of orbit 50748"),
        (ANNOTATION, "Performed>false<", "Performed>maybe<", "not true or false"),
        (CALIBRATION, "500.5 510.5 520.5", "500.5 NaN 520.5", "sigmaNought holds NaN"),
        (CALIBRATION, "500.5 510.5 520.5", "500.5 0.0 520.5", "not positive"),
        (CALIBRATION, "500.5 510.5 520.5", "500.5 510.5", "announces 3 values and holds 2"),
        (CALIBRATION, '"3">500.5 510.5 520.5', '"2">500.5 510.5', "2 values for 3 pixels"),
        (CALIBRATION, "0 40 59", "0 59 40", "do not increase"),
        (CALIBRATION, "<line>20<", "<line>60<", "not in order of line"),
        (NOISE, "100.5 90.25 80.0", "100.5 nan 80.0", "noiseRangeLut holds NaN"),
        (NOISE, "100.5 90.25 80.0", "100.5 -90.25 80.0", "negative"),
        (NOISE, "100.5 90.25 80.0", "100.5 what 80.0", "not a number"),
        (NOISE, "100.5 90.25 80.0", "", "noiseRangeLut is empty"),
        (NOISE, '"3">100.5 90.25 80.0', '"2">100.5 90.25', "2 values for 3 pixels"),
        (NOISE, "1.25 1.0 0.75", "1.25 1.0 NaN", "noiseAzimuthLut holds NaN"),
        (NOISE, "0 10 30", "0 30 10", "do not increase"),
        (NOISE, "<line>20<", "<line>60<", "not in order of line"),
    ],
)  # fmt: skip
def test_damaged_metadata(safe: Path, pattern: str, old: str, new: str, message: str) -> None:
    edit(safe, pattern, old, new)
    with pytest.raises(SceneError, match=message) as caught:
        open_scene(safe)
    assert caught.value.exit_code == 3
    assert safe.stem in caught.value.subject
    assert caught.value.advice


def test_manifest_without_footprint(safe: Path) -> None:
    edit(safe, "manifest.safe", "gml:coordinates>", "gml:posList>", count=2)
    with pytest.raises(SceneError, match="coordinates is missing"):
        open_scene(safe)


def test_empty_orbit_list(safe: Path) -> None:
    (path,) = safe.glob(ANNOTATION)
    head, rest = path.read_text().split('<orbitList count="7">')
    path.write_text(head + '<orbitList count="0">' + rest[rest.index("</orbitList>") :])
    with pytest.raises(SceneError, match="the orbit list has 0 state vectors"):
        open_scene(safe)


def test_orbit_that_ends_before_the_image(safe: Path) -> None:
    (path,) = safe.glob(ANNOTATION)
    text = path.read_text()
    late = text.index("<orbit><time>2023-10-13T12:00:00")
    path.write_text(text[:late] + text[text.index("</orbitList>") :])
    edit(safe, ANNOTATION, "</orbitList>", "<orbit/></orbitList>")
    with pytest.raises(SceneError, match="frame is missing"):
        open_scene(safe)
    edit(safe, ANNOTATION, "<orbit/>", _orbit("2023-10-13T11:59:55"))
    with pytest.raises(SceneError, match="do not cover the acquisition"):
        open_scene(safe)


def _orbit(time: str) -> str:
    vector = "<x>1.0</x><y>1.0</y><z>1.0</z>"
    return (
        f"<orbit><time>{time}</time><frame>Earth Fixed</frame>"
        f"<position>{vector}</position><velocity>{vector}</velocity></orbit>"
    )


@pytest.mark.parametrize("pattern", [CALIBRATION, NOISE])
def test_no_vectors(safe: Path, pattern: str) -> None:
    (path,) = safe.glob(pattern)
    text = path.read_text()
    path.write_text(text.replace("calibrationVectorList", "x").replace("noiseRangeVectorList", "x"))
    with pytest.raises(SceneError, match=r"there are no (calibration|noise) vectors"):
        open_scene(safe)


def test_ground_range_without_conversion(safe: Path) -> None:
    (path,) = safe.glob(ANNOTATION)
    path.write_text(path.read_text().replace("coordinateConversionList", "emptyList"))
    with pytest.raises(SceneError, match="without coordinate conversion"):
        open_scene(safe)


@pytest.mark.parametrize("pattern", [ANNOTATION, CALIBRATION, NOISE])
@pytest.mark.parametrize("zipped", [False, True])
def test_missing_annotation(safe: Path, pattern: str, zipped: bool) -> None:
    (path,) = safe.glob(pattern)
    path.unlink()
    product = zip_safe(safe, safe.parent / "product.zip") if zipped else safe
    with pytest.raises(SceneError, match=rf"{path.name} is missing.*download it again"):
        open_scene(product)


def test_no_image_at_all(safe: Path) -> None:
    for path in safe.rglob("*-vv-*"):
        path.unlink()
    with pytest.raises(SceneError, match="no image with annotation"):
        open_scene(safe)


def test_empty_xml_and_document_type(safe: Path) -> None:
    (path,) = safe.glob(CALIBRATION)
    text = path.read_text()
    bomb = '<!DOCTYPE calibration [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>\n<calibration>'
    path.write_text(text.replace("<calibration>", bomb))
    with pytest.raises(SceneError, match="declares a document type"):
        open_scene(safe)
    path.write_text("")
    with pytest.raises(SceneError, match="the file is empty"):
        open_scene(safe)


def test_not_a_product(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="no such file"):
        open_scene(tmp_path / "absent.SAFE")
    with pytest.raises(SceneError, match=r"no manifest\.safe in this folder\. Give the \.SAFE folder"):
        open_scene(tmp_path)
    (tmp_path / "some.zip").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(SceneError, match="truncated: download it again"):
        open_scene(tmp_path / "some.zip")
    write_safe(tmp_path)
    with pytest.raises(SceneError, match=rf"Give one of the products in it: {SafeCase().name}\.SAFE"):
        open_scene(tmp_path)


def test_truncated_or_foreign_zip(safe: Path, tmp_path: Path) -> None:
    whole = zip_safe(safe, tmp_path / "whole.zip")
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole.read_bytes()[:-200])
    with pytest.raises(SceneError, match="truncated"):
        open_scene(cut)
    with zipfile.ZipFile(tmp_path / "foreign.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing here")
    with pytest.raises(SceneError, match=r"no manifest\.safe"):
        open_scene(tmp_path / "foreign.zip")
    with zipfile.ZipFile(whole, "a") as archive:
        archive.writestr("other.SAFE/manifest.safe", "<x/>")
    with pytest.raises(SceneError, match="2 products"):
        open_scene(whole)


def test_zip_with_a_damaged_member(safe: Path, tmp_path: Path) -> None:
    path = zip_safe(safe, tmp_path / "product.zip")
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        entry = next(entry for entry in archive.infolist() if "/noise-" in entry.filename)
    start = entry.header_offset + 30 + len(entry.filename) + entry.compress_size // 2
    content[start : start + 40] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(SceneError, match=r"noise-.*cannot be read"):
        open_scene(path)
