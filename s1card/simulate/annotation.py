"""The annotation document of an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from s1card.scene.records import Floats, GeolocationGrid, StateVectors
from s1card.simulate import instrument_records as records
from s1card.simulate.acquisition import Acquisition
from s1card.simulate.header import ads_header
from s1card.simulate.image_geometry import ImageGeometry
from s1card.simulate.product import Product
from s1card.simulate.radiometry import swath_bounds
from s1card.simulate.xml import Element, array, element, fragment, listing, short

RADAR_FREQUENCY = 5.405000454334350e09


@dataclass(frozen=True)
class PixelStatistics:
    """Mean and standard deviation of the digital numbers of an image."""

    mean: float
    deviation: float


def annotation_document(
    product: Product, polarization: str, geometry: ImageGeometry, statistics: PixelStatistics
) -> Element:
    """``annotation/*.xml``."""
    images = _image_information(product, geometry, _statistics(statistics))
    bursts = listing("burstList", [])
    far_time = float(geometry.grid.slant_range_time.max())
    return element(
        "product",
        ads_header(product, polarization),
        records.quality_information(product, _statistics(statistics)),
        _general_annotation(product, geometry),
        element("imageAnnotation", images, _processing_information(product)),
        records.doppler_centroid(product),
        records.antenna_pattern(product, far_time),
        element("swathTiming", element("linesPerBurst", 0), element("samplesPerBurst", 0), bursts),
        element("geolocationGrid", _grid_points(geometry.grid)),
        element("coordinateConversion", _conversions(product.acquisition)),
        element("swathMerging", _swath_merging(product)),
    )


def _general_annotation(product: Product, geometry: ImageGeometry) -> Element:
    swaths = product.config.mode_facts.swaths
    packets = [records.noise_packet(product, swath) for swath in swaths]
    if not product.config.has_azimuth_noise:
        packets = []
    return element(
        "generalAnnotation",
        _product_information(product, geometry),
        listing(
            "downlinkInformationList", (records.downlink_information(product, swath) for swath in swaths)
        ),
        _orbit_list(geometry.state_vectors),
        listing("attitudeList", [records.attitude(product)]),
        listing("rawDataAnalysisList", [records.raw_data_analysis(product)]),
        listing("replicaInformationList", (records.replica_information(product, s) for s in swaths)),
        listing("noiseList", packets),
        _terrain_heights(product.acquisition),
        _azimuth_fm_rates(product),
    )


def _product_information(product: Product, geometry: ImageGeometry) -> Element:
    return element(
        "productInformation",
        element("pass", "Ascending" if product.config.ascending else "Descending"),
        element("timelinessCategory", "Fast-24h"),
        element("platformHeading", geometry.heading),
        element("projection", "Ground Range"),
        element("rangeSamplingRate", records.SAMPLING_RATE),
        element("radarFrequency", RADAR_FREQUENCY),
        element("azimuthSteeringRate", 1.590368784 if product.config.mode_facts.is_tops else 0.0),
    )


def _orbit_list(vectors: StateVectors) -> Element:
    def orbit(k: int) -> Element:
        return element(
            "orbit",
            element("time", vectors.time[k]),
            element("frame", "Earth Fixed"),
            _axes("position", vectors.position[k]),
            _axes("velocity", vectors.velocity[k]),
        )

    return listing("orbitList", (orbit(k) for k in range(len(vectors.time))))


def _axes(name: str, values: Floats) -> Element:
    return element(name, [element(axis, float(value)) for axis, value in zip("xyz", values, strict=True)])


def _terrain_heights(acquisition: Acquisition) -> Element:
    def record(time: float) -> Element:
        value = element("value", acquisition.reference_height)
        return element("terrainHeight", element("azimuthTime", acquisition.utc(time)), value)

    return listing(
        "terrainHeightList", (record(time) for time in (acquisition.first_time, -acquisition.first_time))
    )


def _azimuth_fm_rates(product: Product) -> Element:
    rate = [-2.3e03, 4.4e05, -7.4e07]
    if product.config.has_azimuth_noise:
        polynomial = [array("azimuthFmRatePolynomial", rate, ".15e")]
    else:
        polynomial = [element(f"c{k}", value) for k, value in enumerate(rate)]
    record = element(
        "azimuthFmRate",
        element("azimuthTime", product.first_time),
        element("t0", product.acquisition.near_time),
        polynomial,
    )
    return listing("azimuthFmRateList", [record])


def _image_information(product: Product, geometry: ImageGeometry, statistics: Element) -> Element:
    acquisition = product.acquisition
    sensing = element(
        "slice",
        element("sliceNumber", 1),
        element("sensingStartTime", product.first_time),
        element("sensingStopTime", product.last_time),
    )
    return element(
        "imageInformation",
        element("productFirstLineUtcTime", product.first_time),
        element("productLastLineUtcTime", product.last_time),
        element("ascendingNodeTime", product.node_time),
        element("anchorTime", product.first_time),
        element("productComposition", "Slice"),
        element("sliceNumber", 1),
        listing("sliceList", [sensing]),
        element("slantRangeTime", acquisition.near_time),
        element("pixelValue", "Detected"),
        element("outputPixels", "16 bit Unsigned Integer"),
        element("rangePixelSpacing", acquisition.spacing),
        element("azimuthPixelSpacing", acquisition.spacing),
        element("azimuthTimeInterval", acquisition.line_interval),
        element("azimuthFrequency", 4.864863102995529e02),
        element("numberOfSamples", acquisition.pixels),
        element("numberOfLines", acquisition.lines),
        element("zeroDopMinusAcqTime", 0.0),
        element("incidenceAngleMidSwath", geometry.incidence_mid),
        statistics,
    )


def _processing_information(product: Product) -> Element:
    truths = (
        "rawDataAnalysisUsed orbitDataFileUsed attitudeDataFileUsed rxVariationCorrectionApplied "
        "antennaElevationPatternApplied antennaAzimuthPatternApplied antennaAzimuthElementPatternApplied"
    )
    made = element("processingInformation", [element(n, n != "attitudeDataFileUsed") for n in truths.split()])
    made.append(element("dcMethod", "Data Analysis"))
    made.append(element("dcInputData", "Range Compressed"))
    for name in ("rangeSpreadingLossCompensationApplied", "srgrConversionApplied", "detectionPerformed"):
        made.append(element(name, True))
    made.append(element("thermalNoiseCorrectionPerformed", False))
    if product.config.ipf_version >= (3, 40):
        made.append(element("rfiMitigationPerformed", "Never"))
        made.append(element("rfiMitigationDomain", "TimeAndFrequency"))
    swaths = product.config.mode_facts.swaths
    made.extend(
        [
            element("chirpSource", "Nominal"),
            element("pgSource", "Extracted"),
            element("rrfSpectrum", "Extended Tapered"),
            element("applicationLutId", f"{product.config.mode}_Default"),
            listing("swathProcParamsList", (_processing_parameters(product, swath) for swath in swaths)),
            listing("inputDimensionsList", (_input_dimensions(product, swath) for swath in swaths)),
            element("referenceRange", 8.0e05),
            element("ellipsoidName", "WGS84"),
            element("ellipsoidSemiMajorAxis", 6.378137e06),
            element("ellipsoidSemiMinorAxis", 6.356752314245e06),
            element("bistaticDelayCorrectionApplied", True),
            element("topsFilterConvention", "Only Echo Lines"),
            element("orbitSource", "Auxiliary"),
            element("attitudeSource", "Downlink"),
        ]
    )
    return made


_FILTER = """
<{name}>
  <windowType>Hamming</windowType>
  <windowCoefficient>7.000000000000000e-01</windowCoefficient>
  <totalBandwidth>{total}</totalBandwidth>
  <processingBandwidth>{total}</processingBandwidth>
  <lookBandwidth>{look}</lookBandwidth>
  <numberOfLooks>{looks}</numberOfLooks>
  <lookOverlap>{zero}</lookOverlap>
</{name}>"""


def _processing_parameters(product: Product, swath: str) -> Element:
    mode = product.config.mode_facts
    across = {"total": 5.65e07, "look": 1.41e07, "looks": mode.looks_range}
    along = {"total": 3.27e02, "look": 3.27e02, "looks": mode.looks_azimuth}
    return element(
        "swathProcParams",
        element("swath", swath),
        fragment(_FILTER, name="rangeProcessing", zero=0.0, **across),
        fragment(_FILTER, name="azimuthProcessing", zero=0.0, **along),
        element("processorScalingFactor", short(8.8e11)),
    )


def _input_dimensions(product: Product, swath: str) -> Element:
    return element(
        "inputDimensions",
        element("azimuthTime", product.first_time),
        element("swath", swath),
        element("numberOfInputSamples", product.acquisition.pixels),
        element("numberOfInputLines", product.acquisition.lines),
    )


def _grid_points(grid: GeolocationGrid) -> Element:
    def point(row: int, col: int) -> Element:
        return element(
            "geolocationGridPoint",
            element("azimuthTime", grid.azimuth_time[row]),
            element("slantRangeTime", float(grid.slant_range_time[row, col])),
            element("line", int(grid.line[row])),
            element("pixel", int(grid.pixel[col])),
            element("latitude", float(grid.latitude[row, col])),
            element("longitude", float(grid.longitude[row, col])),
            element("height", float(grid.height[row, col])),
            element("incidenceAngle", float(grid.incidence_angle[row, col])),
            element("elevationAngle", float(grid.elevation_angle[row, col])),
        )

    places = np.ndindex(grid.latitude.shape)
    return listing("geolocationGridPointList", (point(row, col) for row, col in places))


def _conversions(acquisition: Acquisition) -> Element:
    def record(k: int) -> Element:
        return element(
            "coordinateConversion",
            element("azimuthTime", acquisition.utc(float(acquisition.record_time[k]))),
            element("slantRangeTime", acquisition.near_time),
            element("sr0", acquisition.near_range),
            array("srgrCoefficients", acquisition.srgr[k], ".15e"),
            element("gr0", 0.0),
            array("grsrCoefficients", acquisition.grsr[k], ".15e"),
        )

    return listing("coordinateConversionList", (record(k) for k in range(len(acquisition.record_time))))


def _swath_merging(product: Product) -> Element:
    def merge(swath: str, first: int, last: int) -> Element:
        bounds = element(
            "swathBounds",
            element("azimuthTime", product.first_time),
            element("firstAzimuthLine", 0),
            element("firstRangeSample", first),
            element("lastAzimuthLine", product.acquisition.lines - 1),
            element("lastRangeSample", last),
        )
        return element("swathMerge", element("swath", swath), listing("swathBoundsList", [bounds]))

    swaths = product.config.mode_facts.swaths
    pairs = zip(swaths, swath_bounds(product.config), strict=True)
    return listing("swathMergeList", (merge(swath, *bounds) for swath, bounds in pairs))


def _statistics(statistics: PixelStatistics) -> Element:
    def number(name: str, value: float) -> Element:
        return element(name, element("re", short(value)), element("im", short(0.0)))

    return element(
        "imageStatistics",
        number("outputDataMean", statistics.mean),
        number("outputDataStdDev", statistics.deviation),
    )
