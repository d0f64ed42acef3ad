"""A simulated GRD product cut into consecutive slices, as ESA cuts a datatake."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import rasterio
from lxml import etree
from safe_factory import write_tiff


@dataclass(frozen=True)
class Cut:
    """Lines of a slice, and its number from 1."""

    first: int
    end: int
    number: int


def cut_grd(safe: Path, lines: Sequence[int], out: Path) -> list[Path]:
    """Slices of a ``.SAFE`` folder that begin at lines; the first one at line 0."""
    (annotation, *_) = sorted((safe / "annotation").glob("*.xml"))
    whole = int(etree.parse(annotation).findtext(".//imageInformation/numberOfLines"))
    bounds = pairwise([0, *lines, whole])
    return [_slice(safe, Cut(first, end, k), out) for k, (first, end) in enumerate(bounds, 1)]


def _slice(safe: Path, cut: Cut, out: Path) -> Path:
    target = out / f"{safe.stem[:-4]}{cut.first:04X}.SAFE"
    shutil.copytree(safe, target)
    for path in sorted((target / "annotation").glob("*.xml")):
        start, stop = _cut_annotation(path, cut)
    for path in sorted((target / "annotation/calibration").glob("*.xml")):
        _cut_tables(path, cut)
    for path in sorted((target / "measurement").glob("*.tiff")):
        with rasterio.open(path) as image:
            values = image.read(1)
        path.unlink()
        write_tiff(path, values[cut.first : cut.end])
    _rewrite_manifest(target / "manifest.safe", cut, start, stop)
    return target


def _cut_annotation(path: Path, cut: Cut) -> tuple[str, str]:
    tree = etree.parse(path)
    info = tree.find(".//imageInformation")
    begin = np.datetime64(info.findtext("productFirstLineUtcTime"))
    interval = float(info.findtext("azimuthTimeInterval"))
    start, stop = (
        str(begin + np.timedelta64(round(line * interval * 1e6), "us")) for line in (cut.first, cut.end - 1)
    )
    for name, value in (
        ("productFirstLineUtcTime", start),
        ("productLastLineUtcTime", stop),
        ("numberOfLines", cut.end - cut.first),
        ("sliceNumber", cut.number),
    ):
        info.find(name).text = str(value)
    tree.find("adsHeader/startTime").text, tree.find("adsHeader/stopTime").text = start, stop
    _cut_grid(tree.find(".//geolocationGridPointList"), cut)
    for bounds in tree.iter("swathBounds"):
        _clip(bounds, cut)
    tree.write(path)
    return start, stop


def _cut_grid(points: etree._Element, cut: Cut) -> None:
    """Tie points of a slice: those in it, and rows at its first and its last line, linear between those annotated."""
    rows: dict[int, list[etree._Element]] = {}
    for point in points:
        rows.setdefault(int(point.findtext("line")), []).append(point)
    lines = sorted(rows)
    wanted = sorted({cut.first, cut.end - 1, *(line for line in lines if cut.first <= line < cut.end)})
    made = []
    for line in wanted:
        k = min(max(int(np.searchsorted(lines, line)), 1), len(lines) - 1)
        low, high = lines[k - 1], lines[k]
        weight = (line - low) / (high - low)
        for a, b in zip(rows[low], rows[high], strict=True):
            made.append(_between(a, b, weight, line - cut.first))
    points[:] = made
    points.set("count", str(len(made)))


def _between(a: etree._Element, b: etree._Element, weight: float, line: int) -> etree._Element:
    point = deepcopy(a)
    for child in point:
        first, second = child.text, b.findtext(child.tag)
        if child.tag == "azimuthTime":
            begin = np.datetime64(first)
            step = (np.datetime64(second) - begin) / np.timedelta64(1, "us")
            child.text = str(begin + np.timedelta64(round(step * weight), "us"))
        elif child.tag != "pixel":
            child.text = repr((1.0 - weight) * float(first) + weight * float(second))
    point.find("line").text = str(line)
    return point


def _cut_tables(path: Path, cut: Cut) -> None:
    """Vectors of calibration or noise: those in the slice, and the next ones on either side."""
    tree = etree.parse(path)
    for name in ("calibrationVectorList", "noiseRangeVectorList"):
        vectors = tree.find(f".//{name}")
        if vectors is not None:
            _keep_around(vectors, cut)
    for block in tree.iter("noiseAzimuthVector"):
        _clip(block, cut)
        line = block.find("line")
        line.text = " ".join(str(int(number) - cut.first) for number in line.text.split())
    tree.write(path)


def _keep_around(records: etree._Element, cut: Cut) -> None:
    """Records by line, of which some may share one."""
    lines = sorted({int(record.findtext("line")) for record in records})
    first = max(line for line in lines if line <= cut.first)
    last = min((line for line in lines if line >= cut.end - 1), default=lines[-1])
    for record in list(records):
        line = record.find("line")
        if first <= int(line.text) <= last:
            line.text = str(int(line.text) - cut.first)
        else:
            records.remove(record)
    records.set("count", str(len(records)))


def _clip(block: etree._Element, cut: Cut) -> None:
    first, last = block.find("firstAzimuthLine"), block.find("lastAzimuthLine")
    first.text = str(max(int(first.text) - cut.first, 0))
    last.text = str(min(int(last.text), cut.end - 1) - cut.first)


def _rewrite_manifest(path: Path, cut: Cut, start: str, stop: str) -> None:
    tree = etree.parse(path)
    for name, value in (("startTime", start), ("stopTime", stop), ("sliceNumber", str(cut.number))):
        (element,) = tree.iter(f"{{*}}{name}")
        element.text = value
    for stream in tree.iter("byteStream"):
        file = path.parent / stream.find("fileLocation").get("href")
        stream.set("size", str(file.stat().st_size))
        stream.find("checksum").text = hashlib.md5(file.read_bytes()).hexdigest()
    tree.write(path)
