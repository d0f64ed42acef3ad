"""Bursts and their azimuth carrier: published values on real annotation, and the power spectrum of real samples."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from lxml import etree

from s1card.geometry.burst_resampling import deramp_samples
from s1card.geometry.tops import SubSwath, carrier, sub_swath
from s1card.scene.annotation import parse_annotation
from s1card.scene.reader import open_scene
from s1card.scene.records import Annotation
from s1card.scene.xml import Node
from s1card.window import Window

MOROCCO = "S1A_IW_SLC__1SDV_20230904T063730_20230904T063757_050174_0609E3_DAA1.zip"
AZORES = "s1a-iw3-slc-vv-20220918t074921-20220918t074946-045056-056232-006.xml"

# swath, burst, row in burst, column: azimuth FM rate, Doppler centroid (Hz), kt (Hz/s), tref (s), phase (rad), by the
# record of the same index as the burst
TABLE = """
IW1 0 0 0 -2331.030586 -10.056259 1784.008948 1.548845869 -13445.077339
IW1 0 700 10000 -2263.021805 -8.644197 1743.899493 1.549340194 11.314764
IW1 4 0 0 -2331.557517 -2.913539 1784.317572 1.548882327 -13448.036334
IW1 4 750 10000 -2263.558174 -5.350457 1744.217990 1.547768200 51.623673
IW1 4 1500 20000 -2199.332047 -8.833700 1705.832558 1.546115400 -12492.480903
IW1 8 750 10000 -2263.713342 -11.957683 1744.310123 1.541853798 115.828877
IW1 8 1400 15000 -2231.135403 -17.982392 1724.902847 1.539076380 -9386.266683
IW2 0 0 0 -2199.143038 -8.112645 1496.514811 1.561196440 -11458.980932
IW2 0 700 10000 -2138.393528 -8.455403 1468.132488 1.560931352 7.747383
IW2 4 750 10000 -2138.974746 -13.333980 1468.406429 1.559009305 127.773283
IW2 4 1500 20000 -2081.358892 -18.903803 1441.021841 1.556160690 -10192.154890
IW2 8 750 10000 -2139.113138 -27.265928 1468.471649 1.558759372 262.765870
IW3 0 0 0 -2059.303804 -10.387484 1574.054627 1.566355805 -12132.505998
IW3 0 700 10000 -2005.746865 -12.830711 1542.571042 1.565003003 38.924066
IW3 4 750 10000 -2006.440570 -28.361219 1542.981320 1.562625817 272.593947
IW3 4 1500 20000 -1955.479706 -36.428619 1512.666087 1.558131914 -10348.988428
IW3 8 750 10000 -2006.501415 -14.982538 1543.017303 1.570553812 141.084615
Azores 0 0 0 -2054.027467 11.320600 1570.876358 1.556057088 -11949.312758
Azores 6 0 11000 -1995.775848 25.261563 1536.576975 1.561888663 -11776.177393
Azores 6 700 11700 -1992.142878 26.165145 1534.422562 1.562365319 -310.049328
Azores 6 1300 12400 -1988.522723 27.089221 1532.273952 1.562853935 -6379.150477
Azores 8 750 20000 -1950.221414 4.188044 1509.431177 1.554493098 -41.347902
"""

# burst starts after the first (s), first valid lines, numbers of valid lines, and first and last valid pixel
TIMING = {
    "IW1": (
        "0 2.758557 5.517113 8.277725 11.034226 13.790727 16.549284 19.307840 22.066397",
        "21 21 21 21 20 21 20 24 22",
        "1467 1468 1467 1467 1469 1467 1468 1463 1465",
        (239, 20635),
    ),
    "IW2": (
        "0 2.756501 5.513002 8.271558 11.030115 13.786616 16.547228 19.299618 22.058174",
        "26 26 27 28 27 28 26 27 27",
        "1468 1468 1467 1465 1466 1464 1469 1468 1468",
        (221, 24610),
    ),
    "Azores": (
        "0 2.758556 5.515057 8.273614 11.032170 13.798949 16.545172 19.305784 22.060230",
        "26 26 27 27 26 32 26 27 27",
        "1464 1463 1463 1463 1463 1455 1464 1463 1462",
        (312, 23911),
    ),
}


@pytest.fixture(scope="module")
def annotations(shared: Path) -> dict[str, Annotation]:
    scene = open_scene(shared / "data/annotation" / MOROCCO, polarizations=["VV"])
    root = etree.parse(shared / "data/slc-crop-azores" / AZORES).getroot()
    return {image.swath: image.annotation for image in scene.images} | {
        "Azores": parse_annotation(Node(root, AZORES), 9)
    }


@pytest.mark.parametrize("row", TABLE.strip().splitlines())
def test_carrier(annotations: dict[str, Annotation], row: str) -> None:
    name, *numbers = row.split()
    burst, line, pixel = map(int, numbers[:3])
    _, fdc, kt, tref, phase = map(float, numbers[3:])
    annotation = annotations[name]
    assert annotation.tops is not None
    found = carrier(annotation, annotation.tops.fm_rates[burst], annotation.tops.doppler_centroids[burst])
    assert found.fdc[pixel] == pytest.approx(fdc, abs=1e-4)
    assert found.kt[pixel] == pytest.approx(kt, rel=1e-6)
    assert found.tref[pixel] == pytest.approx(tref, abs=1e-7)
    here = np.array([float(line)]), np.array([float(pixel)])
    assert found.phase(*here)[0] == pytest.approx(phase, abs=1e-4)


@pytest.mark.parametrize("name", TIMING)
def test_timing_and_valid_samples(annotations: dict[str, Annotation], name: str) -> None:
    times, first_lines, line_counts, (first_pixel, last_pixel) = TIMING[name]
    swath = sub_swath(annotations[name])
    np.testing.assert_allclose(
        swath.burst_time - swath.burst_time[0], np.array(times.split(), float), atol=1e-6
    )
    assert [valid.row for valid in swath.valid] == [int(text) for text in first_lines.split()]
    assert [valid.rows for valid in swath.valid] == [int(text) for text in line_counts.split()]
    assert max(valid.col for valid in swath.valid) == first_pixel
    assert min(valid.col_end for valid in swath.valid) - 1 == last_pixel


def test_records_nearest_in_time_to_the_middle_of_a_burst_count(annotations: dict[str, Annotation]) -> None:
    """The lists begin before the first burst in IW1, with it in IW3: an index counted from 0 would miss."""
    for name, first in (("IW1", 1), ("IW3", 0)):
        annotation = annotations[name]
        assert annotation.tops is not None
        for burst, found in enumerate(sub_swath(annotation).carriers):
            fm_rate, centroid = (
                polynomials[first + burst]
                for polynomials in (annotation.tops.fm_rates, annotation.tops.doppler_centroids)
            )
            expected = carrier(annotation, fm_rate, centroid)
            np.testing.assert_array_equal(found.kt, expected.kt)
            np.testing.assert_array_equal(found.fdc, expected.fdc)


def test_deramping_brings_real_samples_into_the_processed_band(
    annotations: dict[str, Annotation], shared: Path
) -> None:
    """IW SLC crop of the Azores: lines 9800 .. 10400 of the stack, which are in burst 6, samples 11000 .. 12400."""
    swath, (path,) = sub_swath(annotations["Azores"]), (shared / "data/slc-crop-azores").glob("*.tiff")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the crop has no tie points
        with rasterio.open(path) as dataset:
            samples = dataset.read(1)
    window = Window(9800 - 6 * swath.lines_per_burst, 11_000, *samples.shape)
    parts = np.stack([samples.real, samples.imag], axis=-1).astype(np.int16)
    deramped = deramp_samples(parts, swath.carriers[6], window)
    assert _share_in_band(samples, swath) == pytest.approx(0.68, abs=0.01)
    assert _share_in_band(deramped[..., 0] + 1j * deramped[..., 1], swath) >= 0.999


def _share_in_band(samples: np.ndarray, swath: SubSwath) -> float:
    """Share of the power within half of the azimuth bandwidth of 327 Hz."""
    power = (np.abs(np.fft.fft(samples, axis=0)) ** 2).sum(axis=1)
    frequency = np.fft.fftfreq(samples.shape[0], swath.line_interval)
    return float(power[np.abs(frequency) <= 163.5].sum() / power.sum())


def test_bursts_of_a_selection(annotations: dict[str, Annotation]) -> None:
    swath = sub_swath(annotations["IW2"])
    part = swath.select(2, 4)
    assert part.burst_ids == swath.burst_ids[2:5]
    assert part.shape == (3 * swath.lines_per_burst, swath.pixels)
    assert part.burst(0).first_azimuth_time == swath.burst_time[2]
    assert part.valid_window(1) == swath.valid[3].moved(swath.lines_per_burst, 0)
    assert list(part.around(Window(swath.lines_per_burst - 1, 0, 2, 5))) == [0, 1]
    assert list(part.around(part.window(2))) == [2]
