"""Bursts of real SLC annotation of every processor generation, against independent facts and against the ground."""

from __future__ import annotations

import copy
import zipfile
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from lxml import etree
from numpy.polynomial.polynomial import polyval

from s1card.errors import SceneError
from s1card.scene import Scene, open_scene, seconds_since
from s1card.scene.annotation import parse_annotation
from s1card.scene.records import Annotation, Burst, Tops
from s1card.scene.tops import BEAM_CYCLES, REVOLUTION, relative_burst_id
from s1card.scene.xml import Node

SWATHS = ("IW1", "IW2", "IW3")
WHOLE = {"20200511": (71, 151200), "20230904": (52, 110431), "20230916": (52, 110431)}
"""Complete products by date: relative orbit, and id of the first burst of IW1."""
JOINED = {
    "20150105": ((2, 36), 249406, (9, 9, 9)),
    "20160112": ((2, 60), 249399, (9, 10, 9)),
    "20180501": ((2, 90), 249402, (9, 9, 9)),
    "20211217": ((3, 40), 249397, (9, 9, 10)),
    "20240902": ((3, 80), 249402, (9, 9, 9)),
}
"""Annotation joined in one file, track 117, by date: processor, id of the first burst of IW1, numbers of bursts."""


@pytest.fixture(scope="module")
def scenes(shared: Path) -> dict[str, Scene]:
    paths = (shared / "data/annotation").glob("*IW_SLC*.zip")
    return {path.name[17:25]: open_scene(path) for path in paths if "combined" not in path.name}


@pytest.fixture(scope="module")
def contents(shared: Path) -> dict[tuple[str, str], Node]:
    """Annotation of the joined files by date and sub-swath."""
    found = {}
    for path in (shared / "data/annotation").glob("*combined-xml.zip"):
        with zipfile.ZipFile(path) as archive:
            root = etree.fromstring(archive.read(archive.namelist()[0]))
        for part in root.iterfind("metadata/product"):
            found[path.name[17:25], str(part.findtext("swath"))] = Node(part.find("content"), path.name)
    return found


@pytest.fixture(scope="module")
def joined(contents: dict[tuple[str, str], Node]) -> dict[tuple[str, str], Annotation]:
    return {key: parse_annotation(node, 117) for key, node in contents.items()}


def tops_of(annotation: Annotation) -> Tops:
    assert annotation.tops is not None
    return annotation.tops


def ids(annotation: Annotation) -> list[int]:
    return [burst.burst_id for burst in tops_of(annotation).bursts]


def middle(annotation: Annotation, burst: Burst) -> np.datetime64:
    """Zero-Doppler time of the middle of a burst."""
    half = 0.5 * tops_of(annotation).lines_per_burst * annotation.line_interval
    return burst.azimuth_time + np.timedelta64(round(half * 1e6), "us")


def is_plausible(annotation: Annotation) -> bool:
    """What holds for every IW image; written out so that a failure names the part."""
    tops = tops_of(annotation)
    bursts, mode = (
        tops.bursts,
        {"IW1": (9, 56.5e6, 0.7), "IW2": (8, 48.3e6, 0.75), "IW3": (10, 42.78991840e6, 0.75)},
    )
    assert len(bursts) * tops.lines_per_burst == annotation.lines
    assert tops.samples_per_burst == annotation.pixels
    assert len(tops.fm_rates) in range(len(bursts), len(bursts) + 3)
    assert len(tops.doppler_centroids) in range(len(bursts), len(bursts) + 3)
    bandwidths = (tops.range_spectrum.bandwidth, tops.azimuth_spectrum.window_coefficient)
    assert (tops.rank, *bandwidths) == pytest.approx(mode[annotation.swath], rel=1e-9)
    steps = np.diff([burst.azimuth_time for burst in bursts]) / np.timedelta64(1, "s")
    assert steps == pytest.approx(BEAM_CYCLES["IW"].duration, abs=0.015)
    assert np.diff(ids(annotation)).tolist() == [1] * (len(bursts) - 1)
    for burst in bursts:
        since_node = seconds_since(burst.azimuth_time, annotation.ascending_node_time)
        assert burst.anx_time == pytest.approx(since_node, abs=2e-6)
        # Echoes come from up to half an aperture and 6 ms before or after.
        assert abs(seconds_since(burst.sensing_time, burst.azimuth_time)) < 2.0
        assert (burst.first_valid_sample >= 0).sum() > 0.85 * tops.lines_per_burst
    offsets = np.diff([burst.byte_offset for burst in bursts])
    assert offsets.tolist() == [4 * tops.lines_per_burst * tops.samples_per_burst] * (len(bursts) - 1)
    rates = [polyval(annotation.slant_range_time - rate.t0, rate.coefficients) for rate in tops.fm_rates]
    assert np.all((np.array(rates) > -2500) & (np.array(rates) < -1900))
    centroids = [
        polyval(annotation.slant_range_time - one.t0, one.coefficients) for one in tops.doppler_centroids
    ]
    assert np.abs(centroids).max() < 100
    return True


def computed_ids(annotation: Annotation, relative_orbit: int) -> list[int]:
    node = annotation.ascending_node_time
    times = [seconds_since(middle(annotation, burst), node) for burst in tops_of(annotation).bursts]
    return [relative_burst_id("IW", relative_orbit, time) for time in times]


@pytest.mark.parametrize("date", WHOLE)
class TestWholeProducts:
    def test_every_image(self, scenes: dict[str, Scene], date: str) -> None:
        scene = scenes[date]
        assert [(i.swath, i.polarization) for i in scene.images if i.polarization == "VV"] == [
            (swath, "VV") for swath in SWATHS
        ]
        assert len(scene.images) == 6
        assert all(is_plausible(image.annotation) for image in scene.images)

    def test_polarizations_share_their_bursts(self, scenes: dict[str, Scene], date: str) -> None:
        for swath in SWATHS:
            co, cross = (tops_of(scenes[date].image(p, swath).annotation) for p in ("VV", "VH"))
            for one, other in zip(co.bursts, cross.bursts, strict=True):
                assert (one.azimuth_time, one.burst_id) == (other.azimuth_time, other.burst_id)
                assert np.array_equal(one.first_valid_sample, other.first_valid_sample)
                assert np.array_equal(one.last_valid_sample, other.last_valid_sample)
            assert co.steering_rate == cross.steering_rate

    def test_ids(self, scenes: dict[str, Scene], date: str) -> None:
        relative_orbit, first = WHOLE[date]
        scene = scenes[date]
        assert scene.manifest.relative_orbit == relative_orbit
        for swath in SWATHS:
            annotation = scene.image("VV", swath).annotation
            assert abs(ids(annotation)[0] - first) <= 1
            assert ids(annotation) == computed_ids(annotation, relative_orbit)
        assert ids(scene.image("VV", "IW1").annotation)[0] == first


@pytest.mark.parametrize("date", JOINED)
class TestGenerations:
    @pytest.mark.parametrize("swath", SWATHS)
    def test_every_image(self, joined: dict[tuple[str, str], Annotation], date: str, swath: str) -> None:
        annotation = joined[date, swath]
        assert annotation.swath == swath
        assert len(tops_of(annotation).bursts) == JOINED[date][2][SWATHS.index(swath)]
        assert is_plausible(annotation)

    def test_ids(
        self, joined: dict[tuple[str, str], Annotation], contents: dict[tuple[str, str], Node], date: str
    ) -> None:
        processor, first, _ = JOINED[date]
        for swath in SWATHS:
            has_ids = [node.find("burstId") is not None for node in
                       contents[date, swath].children("swathTiming/burstList/burst")]  # fmt: skip
            assert set(has_ids) == {processor >= (3, 40)}
            assert abs(ids(joined[date, swath])[0] - first) <= 1
        assert ids(joined[date, "IW1"])[0] == first

    def test_layout_of_fm_rates(self, contents: dict[tuple[str, str], Node], date: str) -> None:
        """Only the first generation has three elements."""
        node = contents[date, "IW1"].child("generalAnnotation/azimuthFmRateList/azimuthFmRate")
        assert (node.find("azimuthFmRatePolynomial") is None) == (date == "20150105")


@pytest.mark.parametrize(("date", "swath"), list(product(("20211217", "20240902"), SWATHS)))
def test_computed_ids_are_the_annotated_ones(
    contents: dict[tuple[str, str], Node], joined: dict[tuple[str, str], Annotation], date: str, swath: str
) -> None:
    """By the formula from the annotated times, and by the parser from annotation without ids."""
    assert computed_ids(joined[date, swath], 117) == ids(joined[date, swath])
    root = copy.deepcopy(contents[date, swath].element)
    for element in list(root.iter("burstId")):
        element.getparent().remove(element)
    assert ids(parse_annotation(Node(root, "without ids"), 117)) == ids(joined[date, swath])


def test_annotated_ids_lie_safely_inside_a_cycle(
    joined: dict[tuple[str, str], Annotation], scenes: dict[str, Scene]
) -> None:
    """How far the middle of a burst is from where the next number begins, in cycles: what wrong times may cost."""
    parts: dict[str, list[float]] = {swath: [] for swath in SWATHS}
    cycle = BEAM_CYCLES["IW"]
    images = [(annotation, 117) for annotation in joined.values()]
    images += [(i.annotation, WHOLE[date][0]) for date, scene in scenes.items() for i in scene.images]
    for annotation, relative_orbit in images:
        for burst in tops_of(annotation).bursts:
            time = seconds_since(middle(annotation, burst), annotation.ascending_node_time)
            elapsed = time + (relative_orbit - 1) * REVOLUTION - cycle.preamble
            parts[annotation.swath].append(elapsed / cycle.duration % 1)
    for swath, low, high in (("IW1", 0.13, 0.16), ("IW2", 0.48, 0.51), ("IW3", 0.82, 0.86)):
        assert low < min(parts[swath]) < max(parts[swath]) < high


@dataclass(frozen=True)
class Place:
    latitude: float
    longitude: float


def place_of(annotation: Annotation, burst: Burst) -> Place:
    """The middle of a burst by the tie points of its middle column."""
    grid, column = annotation.geolocation_grid, annotation.geolocation_grid.pixel.size // 2
    times = seconds_since(grid.azimuth_time[:, column], annotation.first_line_time)
    time = seconds_since(middle(annotation, burst), annotation.first_line_time)
    return Place(
        float(np.interp(time, times, grid.latitude[:, column])),
        float(np.interp(time, times, grid.longitude[:, column])),
    )


@pytest.mark.parametrize("swath", SWATHS)
def test_one_id_is_one_place_in_all_generations(
    joined: dict[tuple[str, str], Annotation], swath: str
) -> None:
    """Bursts of one id lie within a kilometre of each other; neighbours are 18 km apart."""
    places: dict[int, list[Place]] = {}
    for (_, name), annotation in joined.items():
        if name == swath:
            for burst in tops_of(annotation).bursts:
                places.setdefault(burst.burst_id, []).append(place_of(annotation, burst))
    shared = {burst_id: found for burst_id, found in places.items() if len(found) > 1}
    assert len(shared) >= 9
    assert max(len(found) for found in shared.values()) >= 4
    for found in shared.values():
        assert np.ptp([place.latitude for place in found]) < 0.009
        assert np.ptp([place.longitude for place in found]) < 0.06
    latitudes = [np.mean([place.latitude for place in shared[burst_id]]) for burst_id in sorted(shared)]
    assert np.diff(latitudes) == pytest.approx(0.1657, abs=0.003)


class TestStatedFacts:
    """Numbers that were read and computed independently (list index b for FM rate and Doppler centroid)."""

    @pytest.mark.parametrize(
        ("swath", "shape", "near", "steering", "starts", "first_valid", "valid", "pixels"),
        [
            ("IW1", (1507, 23055), 0.005334431164884956, 1.590368784,
             (0, 2.758557, 5.517113, 8.277725, 11.034226, 13.790727, 16.549284, 19.307840, 22.066397),
             (21, 21, 21, 21, 20, 21, 20, 24, 22), (1467, 1468, 1467, 1467, 1469, 1467, 1468, 1463, 1465),
             (239, 20635)),
            ("IW2", (1519, 26818), 0.005644353088882477, 0.979863325,
             (0, 2.756501, 5.513002, 8.271558, 11.030115, 13.786616, 16.547228, 19.299618, 22.058174),
             (26, 26, 27, 28, 27, 28, 26, 27, 27), (1468, 1468, 1467, 1465, 1466, 1464, 1469, 1468, 1468),
             (221, 24610)),
            ("IW3", (1524, 25769), 0.006015320711278467, 1.397440818,
             (0, 2.758557, 5.515058, 8.271559, 11.026004, 13.782505, 16.536950, 19.305785, 22.068452),
             (30, 29, 29, 29, 30, 31, 32, 30, 34), (1467, 1467, 1468, 1468, 1465, 1463, 1460, 1467, 1461),
             (197, 23824)),
        ],
    )  # fmt: skip
    def test_bursts_of_2023(
        self,
        scenes: dict[str, Scene],
        swath: str,
        shape: tuple[int, int],
        near: float,
        steering: float,
        starts: tuple[float, ...],
        first_valid: tuple[int, ...],
        valid: tuple[int, ...],
        pixels: tuple[int, int],
    ) -> None:
        annotation = scenes["20230904"].image("VV", swath).annotation
        tops = tops_of(annotation)
        assert (tops.lines_per_burst, tops.samples_per_burst) == shape
        assert annotation.slant_range_time == near
        assert np.degrees(tops.steering_rate) == pytest.approx(steering, rel=1e-12)
        times = np.array([burst.azimuth_time for burst in tops.bursts])
        assert seconds_since(times, times[0]) == pytest.approx(starts, abs=1e-6)
        has_data = [burst.first_valid_sample >= 0 for burst in tops.bursts]
        assert tuple(int(np.argmax(lines)) for lines in has_data) == first_valid
        assert tuple(int(lines.sum()) for lines in has_data) == valid
        assert max(int(burst.first_valid_sample.max()) for burst in tops.bursts) == pixels[0]
        last = min(int(burst.last_valid_sample[burst.last_valid_sample >= 0].min()) for burst in tops.bursts)
        assert last == pixels[1]

    @pytest.mark.parametrize(
        ("swath", "burst", "column", "fm_rate", "doppler_centroid"),
        [
            ("IW1", 0, 0, -2331.030586, -10.056259),
            ("IW1", 0, 10000, -2263.021805, -8.644197),
            ("IW1", 4, 20000, -2199.332047, -8.833700),
            ("IW1", 8, 15000, -2231.135403, -17.982392),
            ("IW2", 0, 0, -2199.143038, -8.112645),
            ("IW2", 4, 10000, -2138.974746, -13.333980),
            ("IW2", 8, 10000, -2139.113138, -27.265928),
            ("IW3", 0, 10000, -2005.746865, -12.830711),
            ("IW3", 4, 20000, -1955.479706, -36.428619),
            ("IW3", 8, 10000, -2006.501415, -14.982538),
        ],
    )
    def test_polynomials_of_2023(
        self,
        scenes: dict[str, Scene],
        swath: str,
        burst: int,
        column: int,
        fm_rate: float,
        doppler_centroid: float,
    ) -> None:
        annotation = scenes["20230904"].image("VV", swath).annotation
        tops = tops_of(annotation)
        time = annotation.slant_range_time + column * 2 * 2.329562 / 299_792_458.0
        for polynomial, expected in (
            (tops.fm_rates[burst], fm_rate),
            (tops.doppler_centroids[burst], doppler_centroid),
        ):
            assert polyval(time - polynomial.t0, polynomial.coefficients) == pytest.approx(expected, rel=1e-6)


def parsed(shared: Path, pattern: str, relative_orbit: int) -> Annotation:
    (path,) = (shared / "data").glob(pattern)
    return parse_annotation(Node(etree.parse(path).getroot(), path.name), relative_orbit)


def test_azores(shared: Path) -> None:
    annotation = parsed(shared, "slc-crop-azores/s1a-*.xml", 9)
    tops = tops_of(annotation)
    assert is_plausible(annotation)
    assert (tops.lines_per_burst, tops.samples_per_burst, len(tops.bursts)) == (1514, 24203, 9)
    assert ids(annotation) == computed_ids(annotation, 9) == list(range(18023, 18032))
    starts = (0, 2.758556, 5.515057, 8.273614, 11.032170, 13.798949, 16.545172, 19.305784, 22.060230)
    times = np.array([burst.azimuth_time for burst in tops.bursts])
    assert times[0] == np.datetime64("2022-09-18T07:49:21.513562")
    # The first start is stated to the microsecond, the others relative to it before rounding.
    assert seconds_since(times, times[0]) == pytest.approx(starts, abs=1.5e-6)
    lines = tops.bursts[6].first_valid_sample >= 0
    assert (6 * 1514 + np.argmax(lines), 6 * 1514 + np.flatnonzero(lines)[-1]) == (9110, 10573)


def test_amsterdam_was_debursted_and_is_refused(shared: Path) -> None:
    with pytest.raises(SceneError, match="mode IW without bursts, as after debursting") as caught:
        parsed(shared, "slc-pair-amsterdam/s1a-iw3-*.xml", 37)
    assert caught.value.subject == "s1a-iw3-slc-vv-20230331t055033-20230331t055059-047884-05c0f4-006.xml"
    assert caught.value.advice == "Give the product as ESA delivers it"
