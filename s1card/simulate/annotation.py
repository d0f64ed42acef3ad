"""The annotation document of an image."""

from __future__ import annotations

import numpy as np

from s1card.scene.records import Floats, GeolocationGrid, RangePolynomial, StateVectors
from s1card.simulate import instrument_records as records
from s1card.simulate.header import ads_header
from s1card.simulate.image_facts import (
    AZIMUTH_FREQUENCY,
    RADAR_FREQUENCY,
    SAMPLING_RATE,
    Beam,
    Filter,
    ImageFacts,
    PixelStatistics,
)
from s1card.simulate.xml import Element, array, element, fragment, listing, short

_POLYNOMIALS_FROM = (2, 43)  # version from which FM rates are annotated as polynomials of any length


def annotation_document(facts: ImageFacts) -> Element:
    """``annotation/*.xml``."""
    product, bursts = facts.product, facts.bursts
    return element(
        "product",
        ads_header(product, facts.image),
        records.quality_information(facts, _statistics(facts.statistics)),
        _general_annotation(facts),
        element("imageAnnotation", _image_information(facts), _processing_information(facts)),
        records.doppler_centroid(facts),
        records.antenna_pattern(facts),
        element(
            "swathTiming",
            element("linesPerBurst", bursts.lines),
            element("samplesPerBurst", bursts.samples),
            listing("burstList", bursts.elements),
        ),
        element("geolocationGrid", _grid_points(facts.geometry.grid)),
        element("coordinateConversion", listing("coordinateConversionList", facts.conversions)),
        element("swathMerging", listing("swathMergeList", facts.merges)),
    )


def _general_annotation(facts: ImageFacts) -> Element:
    packets = [records.noise_packet(beam, time) for time in facts.noise_times for beam in facts.beams]
    return element(
        "generalAnnotation",
        _product_information(facts),
        listing("downlinkInformationList", (records.downlink_information(facts, b) for b in facts.beams)),
        _orbit_list(facts.geometry.state_vectors),
        listing("attitudeList", [records.attitude(facts)]),
        listing("rawDataAnalysisList", [records.raw_data_analysis(facts)]),
        listing("replicaInformationList", (records.replica_information(facts, b) for b in facts.beams)),
        listing("noiseList", packets),
        _terrain_heights(facts),
        listing("azimuthFmRateList", (_azimuth_fm_rate(facts, rate) for rate in facts.fm_rates)),
    )


def _product_information(facts: ImageFacts) -> Element:
    return element(
        "productInformation",
        element("pass", "Ascending" if facts.product.ascending else "Descending"),
        element("timelinessCategory", "Fast-24h"),
        element("platformHeading", facts.geometry.heading),
        element("projection", "Ground Range" if facts.is_detected else "Slant Range"),
        element("rangeSamplingRate", SAMPLING_RATE),
        element("radarFrequency", RADAR_FREQUENCY),
        element("azimuthSteeringRate", facts.steering_rate),
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


def _terrain_heights(facts: ImageFacts) -> Element:
    records = (
        element("terrainHeight", element("azimuthTime", time), element("value", height))
        for time, height in facts.terrain_heights
    )
    return listing("terrainHeightList", records)


def _azimuth_fm_rate(facts: ImageFacts, rate: RangePolynomial) -> Element:
    if facts.product.ipf_version >= _POLYNOMIALS_FROM:
        polynomial = [array("azimuthFmRatePolynomial", rate.coefficients, ".15e")]
    else:
        polynomial = [element(f"c{k}", float(value)) for k, value in enumerate(rate.coefficients)]
    return element(
        "azimuthFmRate", element("azimuthTime", rate.azimuth_time), element("t0", rate.t0), polynomial
    )


def _image_information(facts: ImageFacts) -> Element:
    product, image = facts.product, facts.image
    sensing = element(
        "slice",
        element("sliceNumber", product.slice.number),
        element("sensingStartTime", product.first_time),
        element("sensingStopTime", product.last_time),
    )
    return element(
        "imageInformation",
        element("productFirstLineUtcTime", image.first_time),
        element("productLastLineUtcTime", image.last_time),
        element("ascendingNodeTime", product.numbers.node_time),
        element("anchorTime", product.slice.segment_start),
        element("productComposition", "Slice"),
        element("sliceNumber", product.slice.number),
        listing("sliceList", [sensing]),
        element("slantRangeTime", facts.near_time),
        element("pixelValue", "Detected" if facts.is_detected else "Complex"),
        element("outputPixels", f"16 bit {'Unsigned' if facts.is_detected else 'Signed'} Integer"),
        element("rangePixelSpacing", facts.range_spacing),
        element("azimuthPixelSpacing", facts.azimuth_spacing),
        element("azimuthTimeInterval", facts.line_interval),
        element("azimuthFrequency", AZIMUTH_FREQUENCY),
        element("numberOfSamples", facts.pixels),
        element("numberOfLines", facts.lines),
        element("zeroDopMinusAcqTime", 0.0),
        element("incidenceAngleMidSwath", facts.geometry.incidence_mid),
        _statistics(facts.statistics),
    )


def _processing_information(facts: ImageFacts) -> Element:
    truths = (
        "rawDataAnalysisUsed orbitDataFileUsed attitudeDataFileUsed rxVariationCorrectionApplied "
        "antennaElevationPatternApplied antennaAzimuthPatternApplied antennaAzimuthElementPatternApplied"
    )
    made = element("processingInformation", [element(n, n != "attitudeDataFileUsed") for n in truths.split()])
    made.append(element("dcMethod", "Data Analysis"))
    made.append(element("dcInputData", "Range Compressed"))
    made.append(element("rangeSpreadingLossCompensationApplied", True))
    made.append(element("srgrConversionApplied", facts.is_detected))
    made.append(element("detectionPerformed", facts.is_detected))
    made.append(element("thermalNoiseCorrectionPerformed", False))
    if facts.product.has_interference:
        made.append(element("rfiMitigationPerformed", "Never"))
        made.append(element("rfiMitigationDomain", "TimeAndFrequency"))
    made.extend(
        [
            element("chirpSource", "Nominal"),
            element("pgSource", "Extracted"),
            element("rrfSpectrum", "Extended Tapered"),
            element("applicationLutId", f"{facts.product.mode}_Default"),
            listing("swathProcParamsList", (_processing_parameters(beam) for beam in facts.beams)),
            listing("inputDimensionsList", (_input_dimensions(facts, beam) for beam in facts.beams)),
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
  <windowCoefficient>{coefficient}</windowCoefficient>
  <totalBandwidth>{total}</totalBandwidth>
  <processingBandwidth>{processed}</processingBandwidth>
  <lookBandwidth>{look}</lookBandwidth>
  <numberOfLooks>{looks}</numberOfLooks>
  <lookOverlap>{overlap}</lookOverlap>
</{name}>"""


def _processing_parameters(beam: Beam) -> Element:
    return element(
        "swathProcParams",
        element("swath", beam.swath),
        _filter("rangeProcessing", beam.range_filter),
        _filter("azimuthProcessing", beam.azimuth_filter),
        element("processorScalingFactor", short(8.8e11)),
    )


def _filter(name: str, values: Filter) -> Element:
    return fragment(
        _FILTER,
        name=name,
        coefficient=values.window_coefficient,
        total=values.total_bandwidth,
        processed=values.bandwidth,
        look=values.look_bandwidth,
        looks=values.looks,
        overlap=0.0,
    )


def _input_dimensions(facts: ImageFacts, beam: Beam) -> Element:
    return element(
        "inputDimensions",
        element("azimuthTime", facts.image.first_time),
        element("swath", beam.swath),
        element("numberOfInputSamples", facts.pixels),
        element("numberOfInputLines", facts.lines),
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


def _statistics(statistics: PixelStatistics) -> Element:
    def number(name: str, value: complex) -> Element:
        return element(name, element("re", short(value.real)), element("im", short(value.imag)))

    return element(
        "imageStatistics",
        number("outputDataMean", statistics.mean),
        number("outputDataStdDev", statistics.deviation),
    )
