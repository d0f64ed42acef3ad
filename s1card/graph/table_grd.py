"""The operator table, part two: from a scene to backscatter on a map."""

from __future__ import annotations

from s1card.graph.operator_spec import (
    RESAMPLINGS,
    OperatorSpec,
    ParameterSpec,
    bands,
    choice,
    dem,
    file,
    flag,
    integer,
    number,
    polarisations,
    text,
)

ORBIT_TYPES = (
    "Sentinel Precise (Auto Download)",
    "Sentinel Restituted (Auto Download)",
    "DORIS Preliminary POR (ENVISAT)",
    "DORIS Precise VOR (ENVISAT) (Auto Download)",
    "DELFT Precise (ENVISAT, ERS1&2) (Auto Download)",
    "PRARE Precise (ERS1&2) (Auto Download)",
    "Kompsat5 Precise",
)

AUX_FILES = ("Latest Auxiliary File", "Product Auxiliary File", "External Auxiliary File")

INCIDENCE_ANGLES = (
    "Use projected local incidence angle from DEM",
    "Use local incidence angle from DEM",
    "Use incidence angle from Ellipsoid",
)

WINDOW_SIZES = ("5x5", "7x7", "9x9", "11x11", "13x13", "15x15", "17x17")

SLICE_ASSEMBLY = OperatorSpec(
    "SliceAssembly",
    "Joins consecutive slices of one data take",
    (polarisations(),),
    sources=(1, None),
)

APPLY_ORBIT_FILE = OperatorSpec(
    "Apply-Orbit-File",
    "Replaces the annotated orbit by one from an orbit file",
    (
        choice(
            "orbitType",
            "kind of orbit file; the other Sentinel kind is tried if it is missing",
            "Sentinel Precise (Auto Download)",
            ORBIT_TYPES,
        ),
        integer("polyDegree", "degree of the interpolating polynomial", "3", "[1,10]"),
        flag("continueOnFail", "go on with the annotated orbit if no orbit file is found", "false"),
    ),
)

THERMAL_NOISE_REMOVAL = OperatorSpec(
    "ThermalNoiseRemoval",
    "Subtracts the annotated thermal noise from the power",
    (
        polarisations(),
        flag("removeThermalNoise", "subtract the noise", "true"),
        flag("outputNoise", "write bands with the noise (NEP, NESZ, ..., in dB)", "false"),
        flag("reIntroduceThermalNoise", "add the noise again", "false"),
        flag(
            "clipNegativeValues",
            "raise negative power to 1e-5, which biases the mean of dark areas",
            "true",
            changed="the parameter is new in SNAP 14; older versions always clip",
        ),
    ),
)

REMOVE_GRD_BORDER_NOISE = OperatorSpec(
    "Remove-GRD-Border-Noise",
    "Blanks the noise at the edges of products older than IPF 2.90; newer ones pass unchanged",
    (
        polarisations(),
        integer("borderLimit", "greatest width of the border", "500", "[1,*)", unit="px"),
        number("trimThreshold", "denoised amplitude below which a border sample is blanked", "0.5", "[0,*)"),
    ),
)

CALIBRATION = OperatorSpec(
    "Calibration",
    "Turns digital numbers into backscatter, linear power",
    (
        bands(),
        choice(
            "auxFile",
            "where calibration constants come from, ignored for Sentinel-1",
            AUX_FILES[0],
            AUX_FILES,
        ),
        file("externalAuxFile", "calibration file, must be unset for Sentinel-1"),
        flag("outputImageInComplex", "keep complex values (SLC only)", "false"),
        flag("outputImageScaleInDb", "write decibels, without effect for Sentinel-1", "false"),
        flag("createGammaBand", "add a virtual gamma0 band, ignored for Sentinel-1", "false"),
        flag("createBetaBand", "add a virtual beta0 band, ignored for Sentinel-1", "false"),
        polarisations(),
        flag("outputSigmaBand", "write sigma0", "true"),
        flag("outputGammaBand", "write gamma0", "false"),
        flag("outputBetaBand", "write beta0", "false"),
    ),
)

SPECKLE_FILTER = OperatorSpec(
    "Speckle-Filter",
    "Smooths speckle",
    (
        bands(),
        choice(
            "filter",
            "kind of filter",
            "Lee Sigma",
            (
                "None",
                "Boxcar",
                "Mean",
                "Median",
                "Frost",
                "Gamma Map",
                "Lee",
                "Refined Lee",
                "Lee Sigma",
                "IDAN",
                "MuLoG",
            ),
        ),
        integer("filterSizeX", "window width", "3", "[1,100]", unit="px"),
        integer("filterSizeY", "window height", "3", "[1,100]", unit="px"),
        integer("dampingFactor", "damping of the Frost filter", "2", "[0,100]"),
        flag("estimateENL", "estimate the number of looks from the data", "false"),
        number("enl", "equivalent number of looks", "1.0", "(0,*)"),
        choice("numLooksStr", "number of looks (Lee Sigma)", "1", ("1", "2", "3", "4")),
        choice("windowSize", "window (Lee Sigma)", "7x7", WINDOW_SIZES, unit="px"),
        choice(
            "targetWindowSizeStr", "window of a point target (Lee Sigma)", "3x3", ("3x3", "5x5"), unit="px"
        ),
        choice(
            "sigmaStr",
            "share of samples that count as alike (Lee Sigma)",
            "0.9",
            ("0.5", "0.6", "0.7", "0.8", "0.9"),
        ),
        integer("anSize", "size of the adaptive neighbourhood (IDAN)", "50", "[1,200]", unit="px"),
    ),
    ignored=("edgeThreshold",),
)


def _apd() -> ParameterSpec:
    return flag("applyAPDCorrection", "correct the range for the delay of a standard atmosphere", "false")


TERRAIN_FLATTENING = OperatorSpec(
    "Terrain-Flattening",
    "Divides beta0 by the illuminated area: gamma0 without the effect of slopes",
    (
        bands(),
        *dem("SRTM 1Sec HGT", resampling="BILINEAR_INTERPOLATION", egm="false"),
        flag("outputSimulatedImage", "write the illuminated area", "false"),
        flag("outputSigma0", "write terrain-flattened sigma0", "false"),
        flag("nodataValueAtSea", "blank pixels without height; else take the geoid", "true"),
        number("additionalOverlap", "overlap of blocks, as a share", "0.1", "[0,1]"),
        number("oversamplingMultiple", "refinement of the height grid", "1.0", "[1,4]"),
        _apd(),
    ),
)

TERRAIN_CORRECTION = OperatorSpec(
    "Terrain-Correction",
    "Brings the image onto a map with orbit and elevation model (range-Doppler geocoding)",
    (
        bands(),
        *dem("SRTM 3Sec", resampling="BILINEAR_INTERPOLATION", egm="true"),
        choice("imgResamplingMethod", "interpolation of the image", "BILINEAR_INTERPOLATION", RESAMPLINGS),
        number("pixelSpacingInMeter", "pixel size on a metric map, 0: of the source", "0", "[0,*)", unit="m"),
        number(
            "pixelSpacingInDegree", "pixel size on a map in degrees, 0: from metres", "0", "[0,*)", unit="deg"
        ),
        text("mapProjection", "projection: AUTO:42001 (UTM), EPSG code or WKT", "WGS84(DD)"),
        flag("alignToStandardGrid", "put pixel centres on a grid that all products share", "false"),
        number("standardGridOriginX", "map x of a pixel centre of that grid", "0", unit="map units"),
        number("standardGridOriginY", "map y of a pixel centre of that grid", "0", unit="map units"),
        flag("nodataValueAtSea", "blank pixels without height; else take the geoid", "true"),
        flag("saveDEM", "write the heights", "false"),
        flag("saveLatLon", "write latitude and longitude", "false"),
        flag("saveIncidenceAngleFromEllipsoid", "write the incidence angle on the ellipsoid", "false"),
        flag("saveLocalIncidenceAngle", "write the angle between ray and slope", "false"),
        flag("saveProjectedLocalIncidenceAngle", "write that angle in the range plane", "false"),
        flag("saveSelectedSourceBand", "write the source bands", "true"),
        flag("saveLayoverShadowMask", "write the mask of layover (1) and shadow (2)", "false"),
        flag("outputComplex", "keep complex values", "false"),
        flag("applyRadiometricNormalization", "normalise by the incidence angle", "false"),
        flag("saveSigmaNought", "write normalised sigma0", "false"),
        flag("saveGammaNought", "write normalised gamma0", "false"),
        flag("saveBetaNought", "write beta0", "false"),
        choice(
            "incidenceAngleForSigma0", "angle that normalises sigma0", INCIDENCE_ANGLES[0], INCIDENCE_ANGLES
        ),
        choice(
            "incidenceAngleForGamma0", "angle that normalises gamma0", INCIDENCE_ANGLES[0], INCIDENCE_ANGLES
        ),
        choice("auxFile", "where calibration constants come from", AUX_FILES[0], AUX_FILES),
        file("externalAuxFile", "calibration file"),
        _apd(),
    ),
)

GRD = (
    SLICE_ASSEMBLY,
    APPLY_ORBIT_FILE,
    THERMAL_NOISE_REMOVAL,
    REMOVE_GRD_BORDER_NOISE,
    CALIBRATION,
    SPECKLE_FILTER,
    TERRAIN_FLATTENING,
    TERRAIN_CORRECTION,
)
