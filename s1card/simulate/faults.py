"""Wrong products on demand: each fault makes one thing wrong and leaves the rest right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lxml import etree

from s1card.errors import UsageError
from s1card.simulate.manifest import md5_of
from s1card.simulate.xml import Element

_SIZE_ERROR = 7  # lines that the annotation has too many


def break_product(safe: Path, fault: str) -> Path:
    """Make a product wrong and return its path, which two of the faults change.

    Args:
        safe: Product folder.
        fault: A name of ``FAULTS`` or ``SLC_FAULTS``.

    Raises:
        UsageError: There is no such fault.
    """
    known = FAULTS | SLC_FAULTS
    if fault not in known:
        raise UsageError(f"unknown fault {fault!r}", advice=f"Choose one of {', '.join(known)}")
    return known[fault][1](safe) or safe


def _truncate_measurement(safe: Path) -> None:
    path = _first(safe, "measurement/*.tiff")
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size // 2)


def _remove(pattern: str) -> Callable[[Path], None]:
    def remove(safe: Path) -> None:
        _first(safe, pattern).unlink()

    return remove


def _flip_byte(safe: Path) -> None:
    """Change the last byte of a measurement, a pixel; size and structure stay."""
    path = _first(safe, "measurement/*.tiff")
    with path.open("r+b") as stream:
        stream.seek(-1, 2)
        last = stream.read(1)[0]
        stream.seek(-1, 2)
        stream.write(bytes([last ^ 0xFF]))


def _empty_list(name: str) -> Callable[[Path], None]:
    def empty(safe: Path) -> None:
        path = _first(safe, "annotation/s1*.xml")
        root = _read(path)
        for child in root.iter(name):
            child[:] = []
            child.set("count", "0")
        _write(safe, path, root)

    return empty


def _nan_noise(safe: Path) -> None:
    path = _first(safe, "annotation/calibration/noise-*.xml")
    root = _read(path)
    for name in ("noiseRangeLut", "noiseLut"):
        for lut in root.iter(name):
            values = (lut.text or "").split()
            values[len(values) // 2] = "nan"
            lut.text = " ".join(values)
    _write(safe, path, root)


def _malformed_xml(safe: Path) -> None:
    path = _first(safe, "annotation/s1*.xml")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    _refresh_manifest(safe)


def _size_mismatch(safe: Path) -> None:
    path = _first(safe, "annotation/s1*.xml")
    root = _read(path)
    for child in root.iter("numberOfLines"):
        child.text = str(int(child.text or "0") + _SIZE_ERROR)
    _write(safe, path, root)


def _empty_manifest(safe: Path) -> None:
    (safe / "manifest.safe").write_bytes(b"")


def _as_raw(safe: Path) -> Path:
    """Say in manifest and name that this is a raw product."""
    for kind in ("GRD", "SLC"):
        _replace_in_manifest(safe, f"productType>{kind}<", "productType>RAW<")
    return safe.rename(safe.with_name(safe.name.replace("_GRD", "_RAW").replace("_SLC", "_RAW")))


def _as_wave_mode(safe: Path) -> Path:
    """Say in manifest and name that this is a wave mode product."""
    for mode in ("IW", "EW", "SM"):
        _replace_in_manifest(safe, f"l1:mode>{mode}<", "l1:mode>WV<")
    return safe.rename(safe.with_name(f"{safe.name[:4]}WV{safe.name[6:]}"))


def _replace_in_manifest(safe: Path, before: str, after: str) -> None:
    manifest = safe / "manifest.safe"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")


Fault = tuple[str, Callable[[Path], Path | None]]
"""What a fault does, and the function that does it."""

_ANY_FAULTS: dict[str, Fault] = {
    "truncated-measurement": ("half of the pixels of the first image are cut off", _truncate_measurement),
    "missing-measurement": ("the first image has no pixels", _remove("measurement/*.tiff")),
    "missing-annotation": ("the first image has no annotation", _remove("annotation/s1*.xml")),
    "missing-calibration": ("the first image has no calibration", _remove("annotation/*/calibration-*.xml")),
    "missing-noise": ("the first image has no noise annotation", _remove("annotation/*/noise-*.xml")),
    "missing-manifest": ("there is no manifest", _remove("manifest.safe")),
    "empty-manifest": ("the manifest has no byte", _empty_manifest),
    "wrong-checksum": ("a pixel is not what the manifest's MD5 says", _flip_byte),
    "malformed-xml": ("the first annotation ends in the middle", _malformed_xml),
    "empty-orbit-list": ("the first annotation has no state vectors", _empty_list("orbitList")),
    "no-geolocation-grid": (
        "the first annotation has no tie points",
        _empty_list("geolocationGridPointList"),
    ),
    "size-mismatch": (f"the first annotation has {_SIZE_ERROR} lines more than the pixels", _size_mismatch),
    "nan-noise": ("the first noise annotation holds NaN", _nan_noise),
    "wrong-type": ("a raw product (name and manifest)", _as_raw),
    "wrong-mode": ("a wave mode product (name and manifest)", _as_wave_mode),
}
_DETECTED_FAULTS: dict[str, Fault] = {
    "no-coordinate-conversion": (
        "the first annotation has no ground range polynomials",
        _empty_list("coordinateConversionList"),
    ),
}
_COMPLEX_FAULTS: dict[str, Fault] = {
    "empty-burst-list": ("the first annotation has no bursts", _empty_list("burstList")),
    "empty-doppler-list": ("the first annotation has no Doppler centroids", _empty_list("dcEstimateList")),
    "empty-fm-rate-list": ("the first annotation has no azimuth FM rates", _empty_list("azimuthFmRateList")),
}

FAULTS = _ANY_FAULTS | _DETECTED_FAULTS
"""Faults of a GRD product by name."""
SLC_FAULTS = _ANY_FAULTS | _COMPLEX_FAULTS
"""Faults of an SLC product by name."""


def _first(safe: Path, pattern: str) -> Path:
    """The first file of a pattern.

    Raises:
        UsageError: There is none, so that the fault cannot be made.
    """
    found = sorted(safe.glob(pattern))
    if not found:
        raise UsageError(f"no {pattern} to be damaged", subject=str(safe))
    return found[0]


def _read(path: Path) -> Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    return etree.fromstring(path.read_bytes(), parser)


def _write(safe: Path, path: Path, root: Element) -> None:
    path.write_bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))
    _refresh_manifest(safe)


def _refresh_manifest(safe: Path) -> None:
    """Give the manifest the sizes and checksums of the files as they are."""
    root = _read(safe / "manifest.safe")
    for stream in root.iter("byteStream"):
        location, checksum = stream.find("fileLocation"), stream.find("checksum")
        if location is None or checksum is None:
            continue
        path = safe / str(location.get("href"))
        stream.set("size", str(path.stat().st_size))
        checksum.text = md5_of(path)
    (safe / "manifest.safe").write_bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))
