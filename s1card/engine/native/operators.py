"""Operators that the native engine has, by SNAP's names: one module each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from s1card.engine.native import (
    apply_orbit_file,
    back_geocoding,
    band_maths,
    band_merge,
    band_select,
    calibration,
    coherence,
    collocate,
    convert_datatype,
    create_stack,
    enhanced_spectral_diversity,
    goldstein_phase_filtering,
    interferogram,
    land_sea_mask,
    linear_to_from_db,
    multilook,
    read,
    remove_grd_border_noise,
    reproject,
    resample,
    slice_assembly,
    speckle_filter,
    subset,
    terrain_correction,
    terrain_flattening,
    thermal_noise_removal,
    topo_phase_removal,
    topsar_deburst,
    topsar_merge,
    topsar_split,
)
from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.product import Product
from s1card.graph.table_grd import ORBIT_TYPES

Operator = Callable[[Sequence[Product], Parameters, Context], Product]

OPERATORS: dict[str, Operator] = {
    "Apply-Orbit-File": apply_orbit_file.apply,
    "Back-Geocoding": back_geocoding.apply,
    "BandMaths": band_maths.apply,
    "BandMerge": band_merge.apply,
    "BandSelect": band_select.apply,
    "Calibration": calibration.apply,
    "Coherence": coherence.apply,
    "Collocate": collocate.apply,
    "Convert-Datatype": convert_datatype.apply,
    "CreateStack": create_stack.apply,
    "Enhanced-Spectral-Diversity": enhanced_spectral_diversity.apply,
    "GoldsteinPhaseFiltering": goldstein_phase_filtering.apply,
    "Interferogram": interferogram.apply,
    "Land-Sea-Mask": land_sea_mask.apply,
    "LinearToFromdB": linear_to_from_db.apply,
    "Multilook": multilook.apply,
    "Read": read.apply,
    "Remove-GRD-Border-Noise": remove_grd_border_noise.apply,
    "Reproject": reproject.apply,
    "Resample": resample.apply,
    "SliceAssembly": slice_assembly.apply,
    "Speckle-Filter": speckle_filter.apply,
    "Subset": subset.apply,
    "Terrain-Correction": terrain_correction.apply,
    "Terrain-Flattening": terrain_flattening.apply,
    "ThermalNoiseRemoval": thermal_noise_removal.apply,
    "TopoPhaseRemoval": topo_phase_removal.apply,
    "TOPSAR-Deburst": topsar_deburst.apply,
    "TOPSAR-Merge": topsar_merge.apply,
    "TOPSAR-Split": topsar_split.apply,
}

ANY = ("*",)

UNSUPPORTED: dict[str, dict[str, tuple[object, ...]]] = {
    "Apply-Orbit-File": {"orbitType": ORBIT_TYPES[2:]},
    "Coherence": {"singleMaster": ANY},
    "Collocate": {"sourceProductPaths": ANY},
    "Convert-Datatype": {"targetScalingStr": ("Linear (peak clipped histogram)",)},
    "Enhanced-Spectral-Diversity": {"doNotWriteTargetBands": ANY},
    "Read": {"vectorFile": ANY, "polygonRegion": ANY},
    "Reproject": {"orthorectify": ANY, "elevationModelName": ANY, "orientation": ANY, "addDeltaBands": ANY},
    "Resample": {"resamplingPreset": ANY, "bandResamplings": ANY},
    "Speckle-Filter": {"filter": ("IDAN", "MuLoG")},
    "Subset": {"vectorFile": ANY, "polygonRegion": ANY},
    "Terrain-Correction": {
        "applyAPDCorrection": ANY,
        "demResamplingMethod": ("DELAUNAY_INTERPOLATION",),
        "externalAuxFile": ANY,
        "outputComplex": ANY,
    },
    "Terrain-Flattening": {
        "applyAPDCorrection": ANY,
        "demResamplingMethod": ("DELAUNAY_INTERPOLATION",),
    },
}
"""Parameter values of these operators that the native engine refuses; `ANY`: all but the default."""

# The phase of the geometry is taken from the ranges that Back-Geocoding found with its elevation model and the orbits
# themselves: no polynomial stands for them, and there is no second elevation model.
_GEOMETRIC_PHASE = frozenset(
    {
        "srpPolynomialDegree",
        "srpNumberPoints",
        "orbitDegree",
        "demName",
        "externalDEMFile",
        "externalDEMNoDataValue",
        "externalDEMApplyEGM",
        "tileExtensionPercent",
    }
)

WITHOUT_EFFECT: dict[str, frozenset[str]] = {
    # auxFile is ignored for Sentinel-1 by SNAP too, which has scenes calibrated by their own annotation; so are
    # decibels, the virtual gamma and beta bands, and complex output of detected images.
    "Calibration": frozenset(
        {"auxFile", "outputImageInComplex", "outputImageScaleInDb", "createGammaBand", "createBetaBand"}
    ),
    "Coherence": _GEOMETRIC_PHASE,
    # A product has no type, and its history is that of all its sources.
    "Collocate": frozenset({"targetProductType", "copySecondaryMetadata"}),
    # Products of one lattice are where their grids say: no first guess is needed.
    "CreateStack": frozenset({"initialOffsetMethod"}),
    # The maximum of the match is found between samples, without oversampling.
    "Enhanced-Spectral-Diversity": frozenset({"fineWinOversampling"}),
    "Interferogram": _GEOMETRIC_PHASE,
    # The format is found out; masks and metadata do not change samples.
    "Read": frozenset({"formatName", "sourceMasks", "copyMetadata"}),
    # Blocks are the engine's own choice, no data is NaN in floats and what it was in whole numbers, and a product on
    # a map has no tie points.
    "Reproject": frozenset({"tileSizeX", "tileSizeY", "noDataValue", "includeTiePointGrids"}),
    # No overviews are shown.
    "Resample": frozenset({"resampleOnPyramidLevels"}),
    # Of the filter IDAN, which is refused.
    "Speckle-Filter": frozenset({"anSize"}),
    # The scene keeps its metadata and tie points, whatever is asked for.
    "Subset": frozenset({"tiePointGrids", "copyMetadata"}),
    "Terrain-Correction": frozenset({"auxFile"}),
    # A tile is made from all terrain that can fall into it, however far that lies.
    "Terrain-Flattening": frozenset({"additionalOverlap"}),
    # Orbits are interpolated exactly, and heights are read wherever they are needed.
    "TopoPhaseRemoval": frozenset({"orbitDegree", "tileExtensionPercent"}),
    # A product of one sub-swath is always accepted.
    "TOPSAR-Split": frozenset({"enableSingleSwathMode"}),
    # Nothing unfinished is ever left behind; blocks are the engine's own choice.
    "Write": frozenset({"deleteOutputOnFailure", "writeEntireTileRows", "clearCacheAfterRowWrite"}),
}
"""Parameters that change no sample of what the native engine writes. All others are used or refused."""
