"""The operator table, part three: from a pair of SLC products to coherence and phase."""

from __future__ import annotations

from s1card.graph.operator_spec import (
    RESAMPLINGS,
    OperatorSpec,
    ParameterSpec,
    bands,
    choice,
    dem,
    flag,
    integer,
    names,
    number,
    polarisations,
    text,
    wkt,
)

POINT_NUMBERS = ("301", "401", "501", "601", "701", "801", "901", "1001")


def _powers(first: int, last: int) -> tuple[str, ...]:
    return tuple(str(2**exponent) for exponent in range(first, last + 1))


def _window() -> tuple[ParameterSpec, ParameterSpec]:
    return (
        integer("cohWinAz", "height of the coherence window", "10", "[1,*)", unit="lines"),
        integer("cohWinRg", "width of the coherence window", "10", "[1,*)", unit="samples"),
    )


def _flat_earth(changed: str = "") -> tuple[ParameterSpec, ...]:
    return (
        flag("subtractFlatEarthPhase", "remove the phase of the ellipsoid first", "true", changed=changed),
        integer("srpPolynomialDegree", "degree of the polynomial of that phase", "5", "[1,8]"),
        choice("srpNumberPoints", "points the polynomial is fitted to", "501", POINT_NUMBERS),
        integer("orbitDegree", "degree of the orbit polynomial", "3", "[1,5]"),
    )


def _tile_extension() -> ParameterSpec:
    return text("tileExtensionPercent", "margin of heights around a block, in percent", "100")


SPLIT = OperatorSpec(
    "TOPSAR-Split",
    "Takes one sub-swath, or some of its bursts",
    (
        text(
            "subswath",
            "sub-swath; unset: the first",
            known=("IW1", "IW2", "IW3", "EW1", "EW2", "EW3", "EW4", "EW5"),
        ),
        polarisations(),
        integer("firstBurstIndex", "first burst, counted from 1", "1", "[1,*)"),
        integer("lastBurstIndex", "last burst, cut to the number there is", "9999", "[1,*)"),
        wkt("wktAoi", "area that the bursts must touch (lon lat)"),
        flag("enableSingleSwathMode", "accept products of a single sub-swath", "false"),
    ),
)

BACK_GEOCODING = OperatorSpec(
    "Back-Geocoding",
    "Resamples the later sources onto the first one (the reference) with orbit and elevation model",
    (
        *dem("SRTM 3Sec", resampling="BICUBIC_INTERPOLATION"),
        choice("resamplingType", "interpolation of the image", "BISINC_5_POINT_INTERPOLATION", RESAMPLINGS),
        flag("maskOutAreaWithoutElevation", "blank pixels without height", "true"),
        flag("outputRangeAzimuthOffset", "write the positions in the secondary", "false"),
        flag("outputDerampDemodPhase", "write the phase of the azimuth steering", "false"),
        flag("disableReramp", "leave that phase out of the result", "false"),
    ),
    sources=(2, None),
)

ESD = OperatorSpec(
    "Enhanced-Spectral-Diversity",
    "Refines the alignment in azimuth from the overlaps of bursts",
    (
        choice("fineWinWidthStr", "width of the matching window", "512", _powers(5, 11), unit="px"),
        choice("fineWinHeightStr", "height of the matching window", "512", _powers(5, 11), unit="px"),
        choice("fineWinAccAzimuth", "reach of the match in azimuth", "16", _powers(1, 8), unit="lines"),
        choice("fineWinAccRange", "reach of the match in range", "16", _powers(1, 8), unit="samples"),
        choice("fineWinOversampling", "oversampling of the match", "128", _powers(5, 9)),
        number("xCorrThreshold", "least peak of the match", "0.1", "[0,*)"),
        number("cohThreshold", "least coherence of a sample that counts", "0.3", "(0,1]"),
        integer("numBlocksPerOverlap", "blocks per burst overlap", "10", "[1,20]"),
        choice("esdEstimator", "estimator of the shift", "Periodogram", ("Periodogram", "Average")),
        choice(
            "weightFunc",
            "weight of a sample",
            "Inv Quadratic",
            ("None", "Linear", "Quadratic", "Inv Quadratic"),
        ),
        choice(
            "temporalBaselineType",
            "what the temporal baseline counts",
            "Number of images",
            ("Number of images", "Number of days"),
        ),
        integer("maxTemporalBaseline", "greatest temporal baseline; below 1: any", "4"),
        choice(
            "integrationMethod",
            "how shifts of many images are joined",
            "L1 and L2",
            ("L1", "L2", "L1 and L2"),
        ),
        flag("doNotWriteTargetBands", "only estimate", "false"),
        flag("useSuppliedRangeShift", "take the range shift from the graph", "false"),
        number("overallRangeShift", "that range shift", "0.0", unit="samples"),
        flag("useSuppliedAzimuthShift", "take the azimuth shift from the graph", "false"),
        number("overallAzimuthShift", "that azimuth shift", "0.0", unit="lines"),
    ),
)

COHERENCE = OperatorSpec(
    "Coherence",
    "Estimates the coherence of reference and secondary in a moving window",
    (
        *_window(),
        *_flat_earth("it was false before SNAP 14"),
        flag(
            "squarePixel",
            "choose cohWinAz so that the window is square on the ground",
            "true",
            changed="it had no effect before SNAP 14, which overwrites cohWinAz",
        ),
        flag(
            "subtractTopographicPhase",
            "remove the phase of the terrain first",
            "true",
            changed="it was false before SNAP 14",
        ),
        *dem("SRTM 3Sec", egm="true"),
        _tile_extension(),
        flag("singleMaster", "pair every secondary with the one reference", "true"),
        flag(
            "correctCoherenceBias",
            "subtract the bias of the estimator",
            "true",
            changed="the parameter is new in SNAP 14; older versions never correct",
        ),
        flag("removeLocalPhaseRamp", "remove the fringe rate of the window", "false"),
    ),
)

INTERFEROGRAM = OperatorSpec(
    "Interferogram",
    "Multiplies the reference by the conjugate secondary",
    (
        *_flat_earth(),
        flag("includeCoherence", "write the coherence too", "true"),
        *_window(),
        flag("squarePixel", "choose cohWinAz so that the window is square on the ground", "true"),
        flag("subtractTopographicPhase", "remove the phase of the terrain", "false"),
        *dem("SRTM 3Sec", egm="true"),
        _tile_extension(),
        flag("outputFlatEarthPhase", "write the phase of the ellipsoid", "false"),
        flag("outputTopoPhase", "write the phase of the terrain", "false"),
        flag("outputElevation", "write the heights", "false"),
        flag("outputLatLon", "write latitude and longitude", "false"),
    ),
)

DEBURST = OperatorSpec(
    "TOPSAR-Deburst",
    "Joins the bursts of a sub-swath without their overlaps",
    (polarisations(),),
)

MERGE = OperatorSpec(
    "TOPSAR-Merge",
    "Joins debursted sub-swaths",
    (polarisations(),),
    sources=(1, None),
)

TOPO_PHASE_REMOVAL = OperatorSpec(
    "TopoPhaseRemoval",
    "Removes the phase of the terrain from an interferogram",
    (
        integer("orbitDegree", "degree of the orbit polynomial", "3", "(1,10]"),
        *dem("SRTM 3Sec"),
        _tile_extension(),
        flag("outputTopoPhaseBand", "write the phase of the terrain", "false"),
        flag("outputElevationBand", "write the heights", "false"),
        flag("outputLatLonBands", "write latitude and longitude", "false"),
    ),
)

GOLDSTEIN = OperatorSpec(
    "GoldsteinPhaseFiltering",
    "Smooths the phase of an interferogram",
    (
        number("alpha", "exponent of the filter", "1.0", "(0,1]"),
        choice("FFTSizeString", "size of the transform", "64", ("32", "64", "128", "256"), unit="px"),
        choice("windowSizeString", "window of the spectrum", "3", ("3", "5", "7"), unit="px"),
        flag("useCoherenceMask", "filter only where the coherence is high", "false"),
        number("coherenceThreshold", "least coherence", "0.2", "[0,1]"),
    ),
)

CREATE_STACK = OperatorSpec(
    "CreateStack",
    "Collects products on the grid of the first one",
    (
        names("masterBands", "bands of the reference", old=("masterBandNames", "referenceBands")),
        names("sourceBands", "bands of the secondaries", old=("sourceBandNames", "slaveBandNames")),
        choice("resamplingType", "interpolation", "NONE", ("NONE", *RESAMPLINGS)),
        text("extent", "area of the result", "Master", known=("Master", "Minimum", "Maximum")),
        choice(
            "initialOffsetMethod",
            "how first offsets are found",
            "Orbit",
            ("Orbit", "Product Geolocation"),
        ),
    ),
    sources=(1, None),
)

PRODUCT_SET_READER = OperatorSpec(
    "ProductSet-Reader",
    "Opens a list of products",
    (names("fileList", "products to open"),),
    sources=(0, 0),
)

UPDATE_GEO_REFERENCE = OperatorSpec(
    "Update-Geo-Reference",
    "Computes latitude and longitude of radar pixels with the elevation model",
    (
        bands(),
        *dem("SRTM 3Sec", resampling="BICUBIC_INTERPOLATION"),
        flag("reGridMethod", "work on the grid of the heights", "false"),
    ),
)

SLC = (
    SPLIT,
    BACK_GEOCODING,
    ESD,
    COHERENCE,
    INTERFEROGRAM,
    DEBURST,
    MERGE,
    TOPO_PHASE_REMOVAL,
    GOLDSTEIN,
    CREATE_STACK,
    PRODUCT_SET_READER,
    UPDATE_GEO_REFERENCE,
)
