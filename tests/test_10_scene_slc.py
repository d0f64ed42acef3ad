"""Bursts of hand-made SLC products: every record and everything that can be wrong with them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safe_factory import SafeCase, edit, write_manifest, write_safe, write_tiff
from slc_factory import BURST_LINES, BURST_PIXELS, FIRST_BURST, SlcCase, write_slc

from s1card.errors import SceneError
from s1card.scene import check_measurements, open_scene, verify_checksums
from s1card.scene.records import Tops
from s1card.scene.tops import BEAM_CYCLES, REVOLUTION, relative_burst_id

ANNOTATION = "annotation/*.xml"
IW1 = SlcCase(swaths=("IW1",))


@pytest.fixture
def safe(tmp_path: Path) -> Path:
    return write_slc(tmp_path, IW1)


def tops_of(safe: Path, swath: str = "IW1") -> Tops:
    tops = open_scene(safe).image(open_scene(safe).polarizations[0], swath).annotation.tops
    assert tops is not None
    return tops


class TestRecords:
    def test_images_of_a_product(self, tmp_path: Path) -> None:
        case = SlcCase(polarizations=("VV", "VH"), swaths=("IW1", "IW2", "IW3"))
        scene = open_scene(write_slc(tmp_path, case))
        assert [(image.polarization, image.swath) for image in scene.images] == [
            (polarization, swath) for polarization in ("VV", "VH") for swath in ("IW1", "IW2", "IW3")
        ]
        annotation = scene.image("VH", "IW3").annotation
        assert (annotation.is_detected, annotation.is_ground_range) == (False, False)
        assert (annotation.lines, annotation.pixels) == (3 * BURST_LINES, BURST_PIXELS)
        assert annotation.coordinate_conversions == ()

    def test_image_as_a_whole(self, safe: Path) -> None:
        tops = tops_of(safe)
        assert (tops.lines_per_burst, tops.samples_per_burst, len(tops.bursts)) == (
            BURST_LINES,
            BURST_PIXELS,
            3,
        )
        assert tops.steering_rate == pytest.approx(1.5903687 * math.pi / 180, rel=1e-12)
        assert (tops.prf, tops.rank) == (1717.129, 9)
        assert (tops.range_spectrum.bandwidth, tops.range_spectrum.window_coefficient) == (5.65e7, 0.75)
        assert (tops.azimuth_spectrum.bandwidth, tops.azimuth_spectrum.window_coefficient) == (327.0, 0.7)

    def test_bursts(self, safe: Path) -> None:
        for index, burst in enumerate(tops_of(safe).bursts):
            assert burst.azimuth_time == IW1.burst_times("IW1")[index]
            assert burst.sensing_time == burst.azimuth_time + np.timedelta64(1, "s")
            assert burst.anx_time == IW1.anx_time("IW1", FIRST_BURST + index)
            assert burst.byte_offset == 1000 + index
            assert burst.first_valid_sample.tolist() == [-1, 2, 2, 2, 2, 2, 2, -1]
            assert burst.last_valid_sample.tolist() == [-1, 17, 17, 17, 17, 17, 17, -1]
            assert burst.burst_id == FIRST_BURST + index

    @pytest.mark.parametrize("fm_layout", ["list", "elements"])
    def test_both_layouts_of_fm_rates(self, tmp_path: Path, fm_layout: str) -> None:
        case = SlcCase(swaths=("IW1",), fm_layout=fm_layout)
        rates = tops_of(write_slc(tmp_path, case)).fm_rates
        assert [rate.azimuth_time for rate in rates] == case.burst_times("IW1")
        for rate in rates:
            assert rate.t0 == 5.3e-3
            assert rate.coefficients.dtype == np.float64
            assert rate.coefficients.tolist() == [-2300.5, 450e3, -78e6]

    @pytest.mark.parametrize(
        ("dc_method", "coefficients"),
        [
            ("Data Analysis", [-10.25, 11781.0, -18216580.0]),
            ("Orbit and Attitude", [2.5, -474.0, 87534.0]),
            ("Pre-defined", [2.5, -474.0, 87534.0]),
        ],
    )
    def test_doppler_centroid_by_the_method_used(
        self, tmp_path: Path, dc_method: str, coefficients: list[float]
    ) -> None:
        case = SlcCase(swaths=("IW1",), dc_method=dc_method)
        centroids = tops_of(write_slc(tmp_path, case)).doppler_centroids
        assert [centroid.azimuth_time for centroid in centroids] == case.burst_times("IW1")
        assert all(centroid.coefficients.tolist() == coefficients for centroid in centroids)
        assert all(centroid.t0 == 5.31e-3 for centroid in centroids)

    @pytest.mark.parametrize("kind", ["azimuthFmRate", "dcEstimate"])
    def test_polynomials_come_in_order_of_time(self, safe: Path, kind: str) -> None:
        (path,) = safe.glob(ANNOTATION)
        head, *parts = path.read_text().split(f"<{kind}>")
        last, tail = parts[-1].split(f"</{kind}List>")
        path.write_text(f"<{kind}>".join([head, last, *parts[:-1]]) + f"</{kind}List>" + tail)
        tops = tops_of(safe)
        for polynomials in (tops.fm_rates, tops.doppler_centroids):
            assert [one.azimuth_time for one in polynomials] == IW1.burst_times("IW1")

    def test_detected_images_have_no_bursts(self, tmp_path: Path) -> None:
        assert open_scene(write_safe(tmp_path, SafeCase())).images[0].annotation.tops is None


class TestBurstIds:
    @pytest.mark.parametrize("ipf", ["003.31", "003.40"])
    @pytest.mark.parametrize("has_ids", [False, True])
    def test_annotated_or_computed(self, tmp_path: Path, has_ids: bool, ipf: str) -> None:
        """What stands in the annotation counts, whatever the processor."""
        case = SlcCase(swaths=("IW1", "IW2", "IW3"), has_ids=has_ids, ipf=ipf)
        safe = write_slc(tmp_path, case)
        for swath in case.swaths:
            assert [burst.burst_id for burst in tops_of(safe, swath).bursts] == list(case.burst_ids())

    def test_annotated_ids_are_taken_as_they_are(self, safe: Path) -> None:
        edit(safe, ANNOTATION, f">{FIRST_BURST}</burstId>", ">17</burstId>")
        assert [burst.burst_id for burst in tops_of(safe).bursts] == [17, FIRST_BURST + 1, FIRST_BURST + 2]

    def test_extended_wide_swath(self, tmp_path: Path) -> None:
        swaths = ("EW1", "EW2", "EW3", "EW4", "EW5")
        case = SlcCase(
            mode="EW", swaths=swaths, polarizations=("HH",), has_ids=False, first_burst=FIRST_BURST * 10 // 11
        )
        safe = write_slc(tmp_path, case)
        for swath in swaths:
            assert [burst.burst_id for burst in tops_of(safe, swath).bursts] == list(case.burst_ids())

    @given(st.sampled_from(["IW", "EW"]), st.integers(1, 175), st.floats(0.0, 5_900.0), st.integers(1, 20))
    def test_one_more_every_cycle(self, mode: str, orbit: int, time: float, cycles: int) -> None:
        if orbit == 175:
            time = min(time, REVOLUTION - 70.0)
        later = time + cycles * BEAM_CYCLES[mode].duration
        difference = relative_burst_id(mode, orbit, later + 1e-6) - relative_burst_id(mode, orbit, time)
        assert difference in (cycles, cycles + 1)
        assert relative_burst_id(mode, orbit, later - 1e-6) <= relative_burst_id(mode, orbit, time) + cycles

    @given(st.sampled_from(["IW", "EW"]), st.integers(1, 175), st.floats(3.0, 90.0))
    def test_times_may_go_on_from_the_former_node(self, mode: str, orbit: int, time: float) -> None:
        """After relative orbit 175 comes 1."""
        following = orbit % 175 + 1
        cycle = BEAM_CYCLES[mode]
        part = ((time + (following - 1) * REVOLUTION - cycle.preamble) / cycle.duration) % 1
        if 1e-6 < part < 1 - 1e-6:
            expected = relative_burst_id(mode, following, time)
            assert relative_burst_id(mode, orbit, time + REVOLUTION) == expected

    def test_first_and_last(self) -> None:
        """ESA's map of bursts counts from 1 to 375887 in IW."""
        assert relative_burst_id("IW", 1, 2.299849 + 1e-6) == 1
        assert relative_burst_id("IW", 1, 2.299849 + 2.758273 + 1e-6) == 2
        assert relative_burst_id("IW", 175, REVOLUTION - 1e-6) in (375_886, 375_887)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<linesPerBurst>8", "<linesPerBurst>9", "valid samples of 8 and 8 lines in a burst of 9"),
        ("<linesPerBurst>8", "<linesPerBurst>eight", "not a whole number"),
        ("<linesPerBurst>8</linesPerBurst>", "", "linesPerBurst is missing"),
        ("<samplesPerBurst>20", "<samplesPerBurst>19", "3 bursts of 8 lines of 19 samples in an image of 24"),
        ("<samplesPerBurst>20", "<samplesPerBurst>17", "valid samples beyond a burst of 17 samples"),
        ("<numberOfLines>24", "<numberOfLines>25", "3 bursts of 8 lines of 20 samples in an image of 25 lines of 20"),
        ("-1 2 2 2 2 2 2 -1", "-1 2 2 2 2 2 2", "announces 8 values and holds 7"),
        ('Sample count="8">-1 2 2 2 2 2 2 -1', 'Sample count="7">-1 2 2 2 2 2 2', "of 7 and 8 lines in a burst of 8"),
        ("-1 2 2 2 2 2 2 -1", "-1 2 2 -1 2 2 2 -1", "valid samples of a burst contradict each other"),
        ("-1 17 17", "-1 1 17", "valid samples of a burst contradict each other"),
        ("-1 2 2 2 2 2 2 -1", "-1 2 2 x 2 2 2 -1", "firstValidSample holds a value that is not a number"),
        ("<byteOffset>1001</byteOffset>", "", "byteOffset is missing in <burst>"),
        (f">{FIRST_BURST}</burstId>", ">first</burstId>", "burstId is 'first', which is not a whole number"),
        ("<c1>450000.0</c1>", "", "c1 is missing in <azimuthFmRate>"),
        ("-2300.5", "NaN", "c0 is nan"),
        ("-10.25 11781.0", "NaN 11781.0", "dataDcPolynomial holds NaN"),
        ("dataDcPolynomial", "dataDc", "XML cannot be read"),
        ("<dcMethod>Data Analysis</dcMethod>", "", "dcMethod is missing"),
        ("<t0>5.31e-03</t0>", "", "t0 is missing in <dcEstimate>"),
        ("<azimuthSteeringRate>1.5903687e+00", "<azimuthSteeringRate>inf", "azimuthSteeringRate is inf"),
        ("<prf>1717.129</prf>", "", "prf is missing in <downlinkInformation>"),
        ("<rank>9", "<rank>9.5", "rank is '9.5', which is not a whole number"),
        ("<processingBandwidth>327.0", "<processingBandwidth>", "processingBandwidth is ''"),
        ("<windowCoefficient>0.75</windowCoefficient>", "", "windowCoefficient is missing in <rangeProcessing>"),
        ("downlinkInformation>", "lost>", "XML cannot be read"),
    ],
)  # fmt: skip
def test_damaged_annotation(tmp_path: Path, old: str, new: str, message: str) -> None:
    safe = write_slc(tmp_path, SlcCase(swaths=("IW1",), fm_layout="elements"))
    edit(safe, ANNOTATION, old, new)
    with pytest.raises(SceneError, match=message) as caught:
        open_scene(safe)
    assert caught.value.exit_code == 3
    assert safe.stem in caught.value.subject
    assert caught.value.advice == "The product is damaged: download it again"


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("<azimuthFmRate>", "</azimuthFmRateList>", "the list is empty"),
        ("<dcEstimate>", "</dcEstimateList>", "the list is empty"),
        ("<azimuthFmRateList", "</generalAnnotation>", "azimuthFmRateList is missing"),
        ("<dopplerCentroid>", "<swathTiming>", "dcEstimateList is missing"),
        ("<downlinkInformation>", "</downlinkInformationList>", "downlinkInformation is missing"),
        ("<azimuthProcessing>", "</swathProcParams>", "numberOfLooks is missing"),
    ],
)
def test_missing_part_of_the_annotation(safe: Path, start: str, end: str, message: str) -> None:
    (path,) = safe.glob(ANNOTATION)
    text = path.read_text()
    path.write_text(text[: text.index(start)] + text[text.index(end) :])
    with pytest.raises(SceneError, match=message) as caught:
        open_scene(safe)
    assert safe.stem in caught.value.subject


@pytest.mark.parametrize("which", [0, 2])
def test_bursts_out_of_order(safe: Path, which: int) -> None:
    first, second, third = (f"<burst><azimuthTime>{time}" for time in IW1.burst_times("IW1"))
    edit(safe, ANNOTATION, second, (first, "", third)[which])
    with pytest.raises(SceneError, match="the bursts are not in order of time"):
        open_scene(safe)


def test_burst_without_valid_samples(safe: Path) -> None:
    edit(safe, ANNOTATION, "-1 2 2 2 2 2 2 -1", "-1 -1 -1 -1 -1 -1 -1 -1")
    edit(safe, ANNOTATION, "-1 17 17 17 17 17 17 -1", "-1 -1 -1 -1 -1 -1 -1 -1")
    with pytest.raises(SceneError, match="a burst has no valid sample"):
        open_scene(safe)


@pytest.mark.parametrize("emptied", ["burstList", "swathTiming"])
def test_debursted_products_are_not_taken(safe: Path, emptied: str) -> None:
    (path,) = safe.glob(ANNOTATION)
    text = path.read_text()
    start, end = text.index(f"<{emptied}"), text.index(f"</{emptied}>")
    path.write_text(text[:start] + f"<{emptied}>" + text[end:])
    with pytest.raises(
        SceneError, match=r"mode IW without bursts, as after debursting. Give the product as ESA"
    ):
        open_scene(safe)


class TestIntegrity:
    def test_whole(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        scene = open_scene(write_slc(tmp_path, SlcCase(polarizations=("VV", "VH"))))
        check_measurements(scene)
        verify_checksums(scene)
        assert not caplog.records

    @pytest.mark.parametrize("values", [np.ones((24, 20), np.uint16), np.ones((24, 20), np.complex64)])
    def test_raster_of_another_kind(self, safe: Path, values: np.ndarray) -> None:
        (path,) = safe.glob("measurement/*")
        write_tiff(path, values)
        with pytest.raises(SceneError, match="the annotation says 24 x 20 complex_int16"):
            check_measurements(open_scene(safe))

    def test_one_wrong_byte(self, safe: Path) -> None:
        (path,) = safe.glob("measurement/*")
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        check_measurements(open_scene(safe))
        with pytest.raises(SceneError, match="does not have the checksum of the manifest"):
            verify_checksums(open_scene(safe))
        write_manifest(safe, IW1)
        verify_checksums(open_scene(safe))

    def test_missing_sub_swath(self, tmp_path: Path) -> None:
        safe = write_slc(tmp_path, SlcCase())
        (path,) = safe.glob("measurement/*-iw2-*")
        path.unlink()
        with pytest.raises(SceneError, match=f"measurement/{path.name} is missing"):
            check_measurements(open_scene(safe))

    def test_sub_swath_not_downloaded(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        safe = write_slc(tmp_path, SlcCase())
        for path in safe.rglob("*-iw2-*"):
            path.unlink()
        scene = open_scene(safe)
        assert [image.swath for image in scene.images] == ["IW1"]
        assert "no file of image s1a-iw2-slc-vv" in caplog.text
        check_measurements(scene)
