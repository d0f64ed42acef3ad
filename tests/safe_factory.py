"""Small hand-made SAFE products for the tests of the scene layer.

Forty lines of sixty pixels; pixel values count up line by line, look-up values are round numbers.
"""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

START = np.datetime64("2023-10-13T12:00:00.000000")
INTERVAL = 0.0015
LINES, PIXELS = 40, 60


@dataclass(frozen=True)
class SafeCase:
    """What varies between hand-made products."""

    platform: str = "S1A"
    mode: str = "IW"
    swath: str = "IW"
    product_type: str = "GRD"
    polarizations: tuple[str, ...] = ("VV", "VH")
    ipf: str = "003.71"
    absolute_orbit: int = 50747
    relative_orbit: int = 100
    noise: str = "range+azimuth"
    cog: bool = False
    upper_case: bool = False
    datatake_id: int = 400511
    slice_number: int = 4
    processing_stop: str = "2023-10-13T13:10:00.500000"

    @property
    def start(self) -> np.datetime64:
        """First line."""
        return START

    @property
    def stop(self) -> np.datetime64:
        """Last line."""
        return START + np.timedelta64(round((LINES - 1) * INTERVAL * 1e6), "us")

    @property
    def name(self) -> str:
        times = "20231013T120000_20231013T120000"
        return f"{self.platform}_{self.mode}_GRDH_1SDV_{times}_{self.absolute_orbit:06d}_061C7F_ABCD"

    def stem(self, polarization: str) -> str:
        number = self.polarizations.index(polarization) + 1
        stem = (
            f"{self.platform}-{self.swath}-{self.product_type}-{polarization}-20231013t120000-20231013t120000"
            f"-{self.absolute_orbit:06d}-061c7f-{number:03d}"
        )
        return stem.upper() if self.upper_case else stem.lower()


def time_of(line: float) -> str:
    """UTC of a line of the hand-made image."""
    return str(START + np.timedelta64(round(line * INTERVAL * 1e6), "us"))


def pixels() -> np.ndarray:
    """The pixels of every hand-made image."""
    return np.arange(LINES * PIXELS, dtype=np.uint16).reshape(LINES, PIXELS)


def write_safe(folder: Path, case: SafeCase | None = None) -> Path:
    """A complete product below a folder; returns its ``.SAFE`` folder."""
    case = case or SafeCase()
    safe = folder / f"{case.name}.SAFE"
    for part in ("annotation/calibration", "measurement"):
        (safe / part).mkdir(parents=True)
    for polarization in case.polarizations:
        stem, cog = case.stem(polarization), "-cog" * case.cog
        xml = safe / "annotation"
        (xml / f"{stem}{cog}.xml").write_text(annotation_xml(case, polarization))
        calibration = calibration_xml(case, polarization)
        (xml / "calibration" / f"calibration-{stem}{cog}.xml").write_text(calibration)
        (xml / "calibration" / f"noise-{stem}{cog}.xml").write_text(noise_xml(case, polarization))
        write_tiff(safe / "measurement" / f"{stem}{cog}.tiff", pixels(), tiled=case.cog)
    write_manifest(safe, case)
    return safe


def write_manifest(safe: Path, case: SafeCase) -> None:
    """The manifest, listing the files as they are now."""
    files = sorted(path for path in safe.rglob("*-*") if path.is_file())
    (safe / "manifest.safe").write_text(manifest_xml(case, safe, files))


def zip_safe(safe: Path, target: Path, below: str = "") -> Path:
    """The product as a zip, in a folder of the zip if wanted."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(safe.rglob("*")):
            if path.is_file():
                archive.write(path, f"{below}{safe.name}/{path.relative_to(safe).as_posix()}")
    return target


def store_safe(safe: Path, target: Path) -> Path:
    """The product as a zip that compresses nothing."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(path for path in safe.rglob("*") if path.is_file()):
            archive.write(path, f"{safe.name}/{path.relative_to(safe).as_posix()}")
    return target


def edit(safe: Path, pattern: str, old: str, new: str, count: int = 1) -> None:
    """Replaces text in the only file of the product that a pattern matches; it must occur."""
    (path,) = safe.glob(pattern)
    text = path.read_text()
    assert old in text, f"{old!r} is not in {path.name}"
    path.write_text(text.replace(old, new, count))


def write_tiff(path: Path, values: np.ndarray, *, tiled: bool = False, **options: object) -> None:
    """One band: a strip per line as ESA writes GRD, or deflated tiles; or other creation options."""
    layout = (
        {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"}
        if tiled
        else {"blockysize": 1}
    )
    height, width = values.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            height=height,
            width=width,
            count=1,
            dtype=values.dtype,
            **(layout | options),
        ) as dataset:
            dataset.write(values, 1)


def header_xml(case: SafeCase, polarization: str) -> str:
    return f"""<adsHeader><missionId>{case.platform}</missionId><productType>{case.product_type}</productType>
<polarisation>{polarization}</polarisation><mode>{case.mode}</mode><swath>{case.swath}</swath>
<startTime>{case.start}</startTime><stopTime>{case.stop}</stopTime>
<absoluteOrbitNumber>{case.absolute_orbit}</absoluteOrbitNumber>
<missionDataTakeId>{case.datatake_id}</missionDataTakeId>
<imageNumber>001</imageNumber></adsHeader>"""


def annotation_xml(case: SafeCase, polarization: str) -> str:
    orbits = "".join(
        f"""<orbit><time>{START + np.timedelta64(second, "s")}</time><frame>Earth Fixed</frame>
<position><x>{7.0e6 + second}</x><y>{second * 10.0}</y><z>{second * 7500.0}</z></position>
<velocity><x>1.0</x><y>10.0</y><z>7500.0</z></velocity></orbit>"""
        for second in range(-30, 31, 10)
    )
    points = "".join(
        f"""<geolocationGridPoint><azimuthTime>{time_of(line)}</azimuthTime>
<slantRangeTime>{5.3e-3 + pixel * 1e-7:.9f}</slantRangeTime><line>{line}</line><pixel>{pixel}</pixel>
<latitude>{40 + line * 1e-3}</latitude><longitude>{10 + pixel * 1e-3}</longitude><height>12.5</height>
<incidenceAngle>{30 + pixel * 0.1}</incidenceAngle><elevationAngle>{27 + pixel * 0.1}</elevationAngle>
</geolocationGridPoint>"""
        for line in (0, 20, LINES - 1)
        for pixel in (0, 30, PIXELS - 1)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<product>{header_xml(case, polarization)}
<generalAnnotation><productInformation><pass>Ascending</pass><platformHeading>-12.5</platformHeading>
<projection>Ground Range</projection><rangeSamplingRate>6.4345238e+07</rangeSamplingRate>
<radarFrequency>5.405000454334350e+09</radarFrequency></productInformation>
<orbitList count="7">{orbits}</orbitList>
<terrainHeightList count="2"><terrainHeight><azimuthTime>{time_of(0)}</azimuthTime><value>100.0</value>
</terrainHeight><terrainHeight><azimuthTime>{time_of(20)}</azimuthTime><value>140.0</value></terrainHeight>
</terrainHeightList></generalAnnotation>
<imageAnnotation><imageInformation><productFirstLineUtcTime>{time_of(0)}</productFirstLineUtcTime>
<productLastLineUtcTime>{time_of(LINES - 1)}</productLastLineUtcTime>
<ascendingNodeTime>2023-10-13T11:40:00.250000</ascendingNodeTime><sliceNumber>4</sliceNumber>
<slantRangeTime>5.3e-03</slantRangeTime><pixelValue>Detected</pixelValue>
<rangePixelSpacing>10.0</rangePixelSpacing><azimuthPixelSpacing>10.0</azimuthPixelSpacing>
<azimuthTimeInterval>{INTERVAL}</azimuthTimeInterval><numberOfSamples>{PIXELS}</numberOfSamples>
<numberOfLines>{LINES}</numberOfLines><incidenceAngleMidSwath>33.0</incidenceAngleMidSwath></imageInformation>
<processingInformation><thermalNoiseCorrectionPerformed>false</thermalNoiseCorrectionPerformed>
<swathProcParamsList count="1"><swathProcParams><swath>IW1</swath>
<rangeProcessing><numberOfLooks>5</numberOfLooks></rangeProcessing>
<azimuthProcessing><numberOfLooks>1</numberOfLooks></azimuthProcessing></swathProcParams></swathProcParamsList>
</processingInformation></imageAnnotation>
<geolocationGrid><geolocationGridPointList count="9">{points}</geolocationGridPointList></geolocationGrid>
<coordinateConversion><coordinateConversionList count="1"><coordinateConversion>
<azimuthTime>{time_of(0)}</azimuthTime><slantRangeTime>5.3e-03</slantRangeTime><sr0>800000.0</sr0>
<srgrCoefficients count="3">0.0 2.0 -1e-6</srgrCoefficients><gr0>0.0</gr0>
<grsrCoefficients count="3">800000.0 0.5 1e-7</grsrCoefficients></coordinateConversion>
</coordinateConversionList></coordinateConversion>
<swathMerging><swathMergeList count="1"><swathMerge><swath>IW1</swath><swathBoundsList count="1"><swathBounds>
<azimuthTime>{time_of(0)}</azimuthTime><firstAzimuthLine>0</firstAzimuthLine>
<firstRangeSample>0</firstRangeSample><lastAzimuthLine>{LINES - 1}</lastAzimuthLine>
<lastRangeSample>29</lastRangeSample></swathBounds></swathBoundsList></swathMerge></swathMergeList></swathMerging>
</product>"""


def calibration_xml(case: SafeCase, polarization: str) -> str:
    vectors = "".join(
        f"""<calibrationVector><azimuthTime>{time_of(line)}</azimuthTime><line>{line}</line>
<pixel count="3">0 40 59</pixel><sigmaNought count="3">500.5 510.5 520.5</sigmaNought>
<betaNought count="3">400.0 400.0 400.0</betaNought><gamma count="3">450.0 460.0 470.0</gamma>
<dn count="3">400.0 400.0 400.0</dn></calibrationVector>"""
        for line in (0, 20, 39)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<calibration>{header_xml(case, polarization)}<calibrationInformation>
<absoluteCalibrationConstant>1.393</absoluteCalibrationConstant></calibrationInformation>
<calibrationVectorList count="3">{vectors}</calibrationVectorList></calibration>"""


def noise_xml(case: SafeCase, polarization: str) -> str:
    single = case.noise == "single"
    kind, table = ("noiseVector", "noiseLut") if single else ("noiseRangeVector", "noiseRangeLut")
    ranges = "".join(
        f"""<{kind}><azimuthTime>{time_of(line)}</azimuthTime><line>{line}</line>
<pixel count="3">0 40 59</pixel><{table} count="3">100.5 90.25 80.0</{table}></{kind}>"""
        for line in (-5, 20, 39)
    )
    block = """<swath>IW1</swath><firstAzimuthLine>0</firstAzimuthLine><firstRangeSample>0</firstRangeSample>
<lastAzimuthLine>39</lastAzimuthLine><lastRangeSample>29</lastRangeSample>"""
    azimuth = f"""<noiseAzimuthVectorList count="1"><noiseAzimuthVector>{block}
<line count="3">0 10 30</line><noiseAzimuthLut count="3">1.25 1.0 0.75</noiseAzimuthLut></noiseAzimuthVector>
</noiseAzimuthVectorList>"""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<noise>{header_xml(case, polarization)}
<{kind}List count="3">{ranges}</{kind}List>{azimuth * (not single)}</noise>"""


def manifest_xml(case: SafeCase, safe: Path, files: list[Path]) -> str:
    objects = "".join(
        f"""<dataObject ID="{path.stem}"><byteStream mimeType="x" size="{path.stat().st_size}">
<fileLocation locatorType="URL" href="./{path.relative_to(safe).as_posix()}"/>
<checksum checksumName="MD5">{hashlib.md5(path.read_bytes()).hexdigest()}</checksum>
</byteStream></dataObject>"""
        for path in files
    )
    polarizations = "".join(
        f"<s1:transmitterReceiverPolarisation>{polarization}</s1:transmitterReceiverPolarisation>"
        for polarization in case.polarizations
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1" xmlns:safe="http://www.esa.int/safe/sentinel-1.0"
 xmlns:s1="http://www.esa.int/safe/sentinel-1.0/sentinel-1/sar/level-1" xmlns:gml="http://www.opengis.net/gml">
<metadataSection>
<safe:processing name="GRD Post Processing" start="2023-10-13T13:00:00" stop="{case.processing_stop}">
<safe:facility name="Test facility"><safe:software name="Sentinel-1 IPF" version="{case.ipf}"/>
</safe:facility>
<safe:resource><safe:processing stop="2023-10-13T12:30:00.000000"><safe:facility name="Earlier facility">
<safe:software name="Sentinel-1 IPF" version="003.00"/></safe:facility></safe:processing></safe:resource>
</safe:processing>
<safe:platform><safe:nssdcIdentifier>2014-016A</safe:nssdcIdentifier><safe:familyName>SENTINEL-1</safe:familyName>
<safe:number>{case.platform[2]}</safe:number><safe:instrument><safe:extension><s1:instrumentMode>
<s1:mode>{case.mode}</s1:mode></s1:instrumentMode></safe:extension></safe:instrument></safe:platform>
<safe:orbitReference><safe:orbitNumber type="start">{case.absolute_orbit}</safe:orbitNumber>
<safe:orbitNumber type="stop">{case.absolute_orbit + 1}</safe:orbitNumber>
<safe:relativeOrbitNumber type="start">{case.relative_orbit}</safe:relativeOrbitNumber>
<safe:relativeOrbitNumber type="stop">{case.relative_orbit + 1}</safe:relativeOrbitNumber>
<safe:cycleNumber>304</safe:cycleNumber><safe:extension><s1:orbitProperties><s1:pass>ASCENDING</s1:pass>
<s1:ascendingNodeTime>2023-10-13T11:40:00.250000</s1:ascendingNodeTime></s1:orbitProperties></safe:extension>
</safe:orbitReference>
<s1:standAloneProductInformation><s1:missionDataTakeID>{case.datatake_id}</s1:missionDataTakeID>{polarizations}
<s1:productClass>S</s1:productClass><s1:productType>{case.product_type}</s1:productType>
<s1:sliceNumber>{case.slice_number}</s1:sliceNumber></s1:standAloneProductInformation>
<safe:acquisitionPeriod><safe:startTime>{case.start}</safe:startTime>
<safe:stopTime>{case.stop}</safe:stopTime>
</safe:acquisitionPeriod>
<safe:frameSet><safe:frame><safe:footPrint srsName="http://www.opengis.net/gml/srs/epsg.xml#4326">
<gml:coordinates>40.0,10.0 40.0,10.06 40.04,10.06 40.04,10.0</gml:coordinates></safe:footPrint></safe:frame>
</safe:frameSet></metadataSection><dataObjectSection>{objects}</dataObjectSection></xfdu:XFDU>"""
