"""Small hand-made SLC products: bursts of eight lines of twenty pixels, placed on a track by their burst ids.

A burst lasts 3.2 s, a little more than the antenna's cycle, so that neighbours overlap as real ones do. The track runs
along a meridian.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window
from safe_factory import SafeCase, calibration_xml, header_xml, noise_xml, write_manifest

BURST_LINES, BURST_PIXELS = 8, 20
LINE_INTERVAL = 0.4
FIRST_BURST = 213_080
"""On relative orbit 100, 20 minutes after the ascending node."""

_CYCLES = {"IW": (2.299849, 2.758273), "EW": (2.299970, 3.038376)}
_REVOLUTION = 12 * 86_400 / 175
_CYCLE_PART = {"IW1": 0.2, "IW2": 0.5, "IW3": 0.8, "EW1": 0.1, "EW2": 0.3, "EW3": 0.5, "EW4": 0.7, "EW5": 0.9}
"""Where in its cycle the middle of a burst lies."""


@dataclass(frozen=True)
class SlcCase(SafeCase):
    """What varies between hand-made SLC products."""

    product_type: str = "SLC"
    polarizations: tuple[str, ...] = ("VV",)
    swaths: tuple[str, ...] = ("IW1", "IW2")
    date: str = "2023-10-13"
    first_burst: int = FIRST_BURST
    bursts: int = 3
    has_ids: bool = True
    dc_method: str = "Data Analysis"
    fm_layout: str = "list"
    delay: float = 0.0  # s; of all bursts, along the track
    node_error: float = 0.0  # s; of the annotated time of the ascending node
    unique: str = "ABCD"

    @property
    def node_time(self) -> np.datetime64:
        """The ascending node: a revolution later for every relative orbit."""
        noon = np.datetime64(f"{self.date}T11:40:00.250000", "us")
        return noon + _microseconds((self.relative_orbit - 100) * _REVOLUTION)

    @property
    def start(self) -> np.datetime64:
        return min(self.burst_times(swath)[0] for swath in self.swaths)

    @property
    def stop(self) -> np.datetime64:
        last = max(self.burst_times(swath)[-1] for swath in self.swaths)
        return last + _microseconds((BURST_LINES - 1) * LINE_INTERVAL)

    @property
    def lines(self) -> int:
        return self.bursts * BURST_LINES

    @property
    def name(self) -> str:
        times = f"{_compact(self.start)}_{_compact(self.stop)}"
        orbit = f"{self.absolute_orbit:06d}_{self.datatake_id:06X}"
        return f"{self.platform}_{self.mode}_SLC__1SDV_{times}_{orbit}_{self.unique}"

    def burst_ids(self) -> range:
        return range(self.first_burst, self.first_burst + self.bursts)

    def anx_time(self, swath: str, burst_id: int) -> float:
        """First line of a burst since the ascending node, s."""
        preamble, cycle = _CYCLES[self.mode]
        middle = (
            preamble + (burst_id - 1 + _CYCLE_PART[swath]) * cycle - (self.relative_orbit - 1) * _REVOLUTION
        )
        return middle - 0.5 * BURST_LINES * LINE_INTERVAL + self.delay

    def burst_times(self, swath: str) -> list[np.datetime64]:
        return [self.node_time + _microseconds(self.anx_time(swath, number)) for number in self.burst_ids()]

    def image_stem(self, swath: str, polarization: str) -> str:
        number = 1 + self.polarizations.index(polarization) * len(self.swaths) + self.swaths.index(swath)
        times = f"{_compact(self.start)}-{_compact(self.stop)}"
        orbit = f"{self.absolute_orbit:06d}-{self.datatake_id:06x}"
        return f"{self.platform}-{swath}-slc-{polarization}-{times}-{orbit}-{number:03d}".lower()


def samples(case: SlcCase) -> np.ndarray:
    """The samples of every image of a product: lines x pixels x 2, counting up and down."""
    count = np.arange(case.lines * BURST_PIXELS, dtype=np.int16).reshape(case.lines, BURST_PIXELS)
    return np.stack([count - 100, 30_000 - 7 * count], axis=2)


def write_slc(folder: Path, case: SlcCase | None = None) -> Path:
    """A complete product below a folder; returns its ``.SAFE`` folder."""
    case = case or SlcCase()
    safe = folder / f"{case.name}.SAFE"
    for part in ("annotation/calibration", "measurement"):
        (safe / part).mkdir(parents=True)
    for swath in case.swaths:
        for polarization in case.polarizations:
            stem = case.image_stem(swath, polarization)
            xml = safe / "annotation"
            (xml / f"{stem}.xml").write_text(slc_annotation_xml(case, swath, polarization))
            calibration = calibration_xml(case, polarization)
            (xml / "calibration" / f"calibration-{stem}.xml").write_text(calibration)
            (xml / "calibration" / f"noise-{stem}.xml").write_text(noise_xml(case, polarization))
            write_slc_tiff(safe / "measurement" / f"{stem}.tiff", samples(case))
    write_manifest(safe, case)
    return safe


def write_slc_tiff(
    path: Path, values: np.ndarray, *, order: Iterable[int] | None = None, **layout: object
) -> None:
    """Complex integers (lines x pixels x 2), a strip per line as ESA writes them unless told otherwise.

    Args:
        path: The file.
        values: What to write.
        order: Lines to write one by one; None for all at once.
        layout: Creation options.
    """
    height, width, _ = values.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            height=height,
            width=width,
            count=1,
            dtype="complex_int16",
            **({"blockysize": 1} | layout),
        ) as dataset:
            lines = values.astype(np.float32).view(np.complex64)[..., 0]
            if order is None:
                dataset.write(lines, 1)
            for line in order or ():
                dataset.write(lines[line : line + 1], 1, window=Window(0, line, width, 1))


def slc_annotation_xml(case: SlcCase, swath: str, polarization: str) -> str:
    times = case.burst_times(swath)
    first, last = times[0], times[-1] + _microseconds((BURST_LINES - 1) * LINE_INTERVAL)
    header = header_xml(case, polarization).replace("<swath>IW</swath>", f"<swath>{swath}</swath>")
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<product>{header}
<generalAnnotation><productInformation><pass>Ascending</pass><platformHeading>-12.5</platformHeading>
<projection>Slant Range</projection><rangeSamplingRate>6.4345238e+07</rangeSamplingRate>
<radarFrequency>5.405000454334350e+09</radarFrequency><azimuthSteeringRate>1.5903687e+00</azimuthSteeringRate>
</productInformation>
<downlinkInformationList count="1"><downlinkInformation><swath>{swath}</swath><prf>1717.129</prf>
<downlinkValues><rank>9</rank></downlinkValues></downlinkInformation></downlinkInformationList>
<orbitList count="7">{_orbits(first)}</orbitList>
<azimuthFmRateList count="{case.bursts}">{"".join(_fm_rate(case, time) for time in times)}</azimuthFmRateList>
</generalAnnotation>
<imageAnnotation><imageInformation><productFirstLineUtcTime>{first}</productFirstLineUtcTime>
<productLastLineUtcTime>{last}</productLastLineUtcTime><ascendingNodeTime>{case.node_time}</ascendingNodeTime>
<sliceNumber>{case.slice_number}</sliceNumber>
<slantRangeTime>5.3e-03</slantRangeTime><pixelValue>Complex</pixelValue>
<rangePixelSpacing>2.329562</rangePixelSpacing><azimuthPixelSpacing>13.9</azimuthPixelSpacing>
<azimuthTimeInterval>{LINE_INTERVAL}</azimuthTimeInterval><numberOfSamples>{BURST_PIXELS}</numberOfSamples>
<numberOfLines>{case.lines}</numberOfLines><incidenceAngleMidSwath>33.0</incidenceAngleMidSwath></imageInformation>
<processingInformation><dcMethod>{case.dc_method}</dcMethod>
<thermalNoiseCorrectionPerformed>false</thermalNoiseCorrectionPerformed>
<swathProcParamsList count="1"><swathProcParams><swath>{swath}</swath>
<rangeProcessing><windowCoefficient>0.75</windowCoefficient><processingBandwidth>5.65e+07</processingBandwidth>
<numberOfLooks>1</numberOfLooks></rangeProcessing><azimuthProcessing><windowCoefficient>0.7</windowCoefficient>
<processingBandwidth>327.0</processingBandwidth><numberOfLooks>1</numberOfLooks></azimuthProcessing>
</swathProcParams></swathProcParamsList></processingInformation></imageAnnotation>
<dopplerCentroid><dcEstimateList count="{case.bursts}">{"".join(_dc_estimate(time) for time in times)}
</dcEstimateList></dopplerCentroid>
<swathTiming><linesPerBurst>{BURST_LINES}</linesPerBurst><samplesPerBurst>{BURST_PIXELS}</samplesPerBurst>
<burstList count="{case.bursts}">{_bursts(case, swath)}</burstList></swathTiming>
<geolocationGrid><geolocationGridPointList count="4">{_points(case, swath)}</geolocationGridPointList>
</geolocationGrid></product>"""


def _bursts(case: SlcCase, swath: str) -> str:
    first = " ".join(["-1"] + ["2"] * (BURST_LINES - 2) + ["-1"])
    last = " ".join(["-1"] + ["17"] * (BURST_LINES - 2) + ["-1"])
    return "".join(
        f"""<burst><azimuthTime>{time}</azimuthTime>
<azimuthAnxTime>{case.anx_time(swath, number) - case.node_error!r}</azimuthAnxTime>
<sensingTime>{time + np.timedelta64(1, "s")}</sensingTime><byteOffset>{1000 + index}</byteOffset>
<firstValidSample count="{BURST_LINES}">{first}</firstValidSample>
<lastValidSample count="{BURST_LINES}">{last}</lastValidSample>
{f"<burstId absolute='9{number}'>{number}</burstId>" * case.has_ids}</burst>"""
        for index, (number, time) in enumerate(zip(case.burst_ids(), case.burst_times(swath), strict=True))
    )


def _fm_rate(case: SlcCase, time: np.datetime64) -> str:
    values = ("-2300.5", "450000.0", "-78000000.0")
    if case.fm_layout == "list":
        rate = f'<azimuthFmRatePolynomial count="3">{" ".join(values)}</azimuthFmRatePolynomial>'
    else:
        rate = "".join(f"<c{power}>{value}</c{power}>" for power, value in enumerate(values))
    return f"<azimuthFmRate><azimuthTime>{time}</azimuthTime><t0>5.3e-03</t0>{rate}</azimuthFmRate>"


def _dc_estimate(time: np.datetime64) -> str:
    return f"""<dcEstimate><azimuthTime>{time}</azimuthTime><t0>5.31e-03</t0>
<geometryDcPolynomial count="3">2.5 -474.0 87534.0</geometryDcPolynomial>
<dataDcPolynomial count="3">-10.25 11781.0 -18216580.0</dataDcPolynomial></dcEstimate>"""


def _orbits(first: np.datetime64) -> str:
    return "".join(
        f"""<orbit><time>{first + np.timedelta64(second, "s")}</time><frame>Earth Fixed</frame>
<position><x>{7.0e6 + second}</x><y>{second * 10.0}</y><z>{second * 7500.0}</z></position>
<velocity><x>1.0</x><y>10.0</y><z>7500.0</z></velocity></orbit>"""
        for second in range(-30, 61, 10)
    )


def _points(case: SlcCase, swath: str) -> str:
    """The four corners, the last line after the last one of the image as the IPF does at times."""
    times = case.burst_times(swath)
    corners = [(0, times[0]), (case.lines, times[-1] + _microseconds(BURST_LINES * LINE_INTERVAL))]
    return "".join(
        f"""<geolocationGridPoint><azimuthTime>{time}</azimuthTime>
<slantRangeTime>{5.3e-3 + pixel * 1e-7:.9f}</slantRangeTime><line>{line}</line><pixel>{pixel}</pixel>
<latitude>{(time - case.node_time) / np.timedelta64(1, "s") * 360 / _REVOLUTION}</latitude>
<longitude>{10 + pixel * 1e-2}</longitude><height>12.5</height>
<incidenceAngle>{30 + pixel * 0.1}</incidenceAngle><elevationAngle>{27 + pixel * 0.1}</elevationAngle>
</geolocationGridPoint>"""
        for line, time in corners
        for pixel in (0, BURST_PIXELS - 1)
    )


def _microseconds(seconds: float) -> np.timedelta64:
    return np.timedelta64(round(seconds * 1e6), "us")


def _compact(time: np.datetime64) -> str:
    return str(time.astype("datetime64[s]")).replace("-", "").replace(":", "")
