"""The operator table, part one: reading, writing, and work on any raster."""

from __future__ import annotations

from s1card.graph.operator_spec import (
    OperatorSpec,
    bands,
    choice,
    file,
    flag,
    integer,
    names,
    nested,
    number,
    polarisations,
    rectangle,
    text,
    wkt,
)

FORMATS = (
    "BEAM-DIMAP",
    "GeoTIFF",
    "GeoTIFF-BigTIFF",
    "COG",
    "ENVI",
    "HDF5",
    "NetCDF4-CF",
    "NetCDF4-BEAM",
    "Snaphu",
    "ZNAP",
)

DATA_TYPES = ("int8", "int16", "int32", "uint8", "uint16", "uint32", "float32", "float64")

READ = OperatorSpec(
    "Read",
    "Opens a product",
    (
        file("file", "product to open: folder, zip, manifest or raster"),
        text("formatName", "format of the product; unset: found out"),
        names("sourceBands", "bands to open; unset: all", old=("bandNames", "sourceBandNames")),
        names("sourceMasks", "masks to open; unset: all", old=("maskNames", "sourceMaskNames")),
        rectangle("pixelRegion", "pixel rectangle to read, acts only with useAdvancedOptions"),
        wkt("geometryRegion", "area to read (lon lat), acts only with useAdvancedOptions"),
        file("vectorFile", "vector file with the area to read, acts only with useAdvancedOptions"),
        wkt("polygonRegion", "polygon of the area to read, acts only with useAdvancedOptions"),
        flag("useAdvancedOptions", "whether the region and band parameters act", "false"),
        flag("copyMetadata", "keep the metadata", "true"),
    ),
    sources=(0, 0),
)

WRITE = OperatorSpec(
    "Write",
    "Writes a product",
    (
        file("file", "file to write"),
        text("formatName", "format to write", "BEAM-DIMAP", known=FORMATS),
        flag("deleteOutputOnFailure", "remove the file if writing fails", "true"),
        flag("writeEntireTileRows", "write whole rows of blocks at once", "false"),
        flag("clearCacheAfterRowWrite", "empty the block cache after each row of blocks", "false"),
    ),
)

SUBSET = OperatorSpec(
    "Subset",
    "Cuts out a region and selects bands",
    (
        bands("bandNames"),
        names("tiePointGrids", "tie point grids to keep; unset: all", old=("tiePointGridNames",)),
        rectangle("region", "pixel rectangle to keep, size 0: to the edge; unset: everything"),
        text("referenceBand", "band whose pixels the region counts in, for products of several sizes"),
        wkt("geoRegion", "area to keep, its bounding rectangle (lon lat); unset: everything"),
        integer("subSamplingX", "keep every n-th column", "1", "[1,*)"),
        integer("subSamplingY", "keep every n-th row", "1", "[1,*)"),
        flag("fullSwath", "keep the full width", "false"),
        file("vectorFile", "vector file with the area to keep"),
        wkt("polygonRegion", "polygon of the area to keep"),
        flag("copyMetadata", "keep the metadata", "true"),
    ),
)

BAND_MATHS = OperatorSpec(
    "BandMaths",
    "Computes bands from expressions",
    (
        nested("targetBands", "bands to compute: name, type, expression, unit, no-data value"),
        nested("variables", "constants for the expressions: name, type, value"),
    ),
    sources=(1, None),
)

BAND_SELECT = OperatorSpec(
    "BandSelect",
    "Keeps some of the bands",
    (
        polarisations(),
        names("selectedSubImages", "sub-images to keep; unset: all"),
        bands(),
        text("bandNamePattern", "regular expression of the names to keep"),
    ),
)

BANDS_EXTRACTOR = OperatorSpec(
    "BandsExtractorOp",
    "Keeps some of the bands and masks",
    (
        names("sourceBandNames", "bands to keep"),
        names("sourceMaskNames", "masks to keep"),
    ),
)

MERGE = OperatorSpec(
    "Merge",
    "Puts bands of several products on the same grid into one",
    (
        nested("includes", "bands to take: product id, name, new name"),
        nested("excludes", "bands to leave out"),
        number("geographicError", "largest difference of the positions", "1.0E-5", "[0,*)", unit="deg"),
    ),
    sources=(1, None),
)

BAND_MERGE = OperatorSpec(
    "BandMerge",
    "Puts bands of several products on the same grid into one",
    (
        bands(),
        number("geographicError", "largest difference of the positions", "1.0E-5", "[0,*)", unit="deg"),
    ),
    sources=(1, None),
)

LINEAR_TO_DB = OperatorSpec(
    "LinearToFromdB",
    "Turns linear values into decibels, and decibels into linear values",
    (bands(),),
    aliases=("LinearTodB",),
)

CONVERT_DATATYPE = OperatorSpec(
    "Convert-Datatype",
    "Changes the data type of bands",
    (
        bands(),
        choice("targetDataType", "data type of the result", "uint8", DATA_TYPES),
        choice(
            "targetScalingStr",
            "how values are brought into the range of the type",
            "Linear (between 95% clipped histogram)",
            (
                "Truncate",
                "Linear (slope and intercept)",
                "Linear (between 95% clipped histogram)",
                "Linear (peak clipped histogram)",
                "Logarithmic",
            ),
        ),
        number("targetNoDataValue", "no-data value of the result", "0"),
    ),
)

REPROJECT = OperatorSpec(
    "Reproject",
    "Moves a product to another map projection",
    (
        file("wktFile", "file with the projection in WKT"),
        text("crs", "projection: EPSG code, AUTO code or WKT"),
        choice("resampling", "interpolation", "Nearest", ("Nearest", "Bilinear", "Bicubic")),
        number("referencePixelX", "column that easting belongs to", None, unit="px"),
        number("referencePixelY", "row that northing belongs to", None, unit="px"),
        number("easting", "map x of the reference pixel", None),
        number("northing", "map y of the reference pixel", None),
        number("orientation", "rotation of the grid", "0", "[-360,360]", unit="deg"),
        number("pixelSizeX", "pixel width in units of the projection", None, "(0,*)"),
        number("pixelSizeY", "pixel height in units of the projection", None, "(0,*)"),
        integer("width", "columns of the result", None, "[1,*)", unit="px"),
        integer("height", "rows of the result", None, "[1,*)", unit="px"),
        integer("tileSizeX", "block width", None, "[1,*)", unit="px"),
        integer("tileSizeY", "block height", None, "[1,*)", unit="px"),
        flag("orthorectify", "correct for terrain", "false"),
        text("elevationModelName", "elevation model for the correction"),
        number("noDataValue", "value of pixels without source", None),
        flag("includeTiePointGrids", "turn tie point grids into bands", "true"),
        flag("addDeltaBands", "add bands with the offsets", "false"),
    ),
)

MULTILOOK = OperatorSpec(
    "Multilook",
    "Averages blocks of samples",
    (
        bands(),
        integer("nRgLooks", "samples averaged in range", "1", "[1,*)"),
        integer("nAzLooks", "lines averaged in azimuth", "1", "[1,*)"),
        flag("outputIntensity", "write intensity for complex input", "false"),
        flag("grSquarePixel", "choose nAzLooks so that pixels are square on the ground", "true"),
    ),
)

LAND_SEA_MASK = OperatorSpec(
    "Land-Sea-Mask",
    "Blanks land or sea",
    (
        bands(),
        flag("landMask", "blank the land instead of the sea", "true"),
        flag("useSRTM", "take the coast from SRTM 3Sec", "true"),
        text("geometry", "vector layer with the mask"),
        flag("invertGeometry", "blank the outside of the vector layer", "false"),
        integer("shorelineExtension", "widen the coast by", "0", "[0,*)", unit="px"),
        flag("byPass", "change nothing", "false"),
    ),
)

RESAMPLE = OperatorSpec(
    "Resample",
    "Brings bands of different sizes to one",
    (
        text("referenceBand", "band whose pixels all others get"),
        integer("targetWidth", "columns of the result", None, "[1,*)", unit="px"),
        integer("targetHeight", "rows of the result", None, "[1,*)", unit="px"),
        integer("targetResolution", "pixel size in units of the projection", None, "[1,*)"),
        choice(
            "upsampling", "interpolation, to smaller pixels", "Nearest", ("Nearest", "Bilinear", "Bicubic")
        ),
        choice("downsampling", "value of larger pixels", "First", ("First", "Min", "Max", "Mean", "Median")),
        choice(
            "flagDownsampling",
            "value of larger pixels, of bands of flags",
            "First",
            ("First", "FlagAnd", "FlagOr", "FlagMedianAnd", "FlagMedianOr"),
        ),
        text("resamplingPreset", "name of a set of methods per band"),
        text("bandResamplings", "methods per band"),
        flag("resampleOnPyramidLevels", "show overviews made of overviews", "true"),
    ),
)

COLLOCATE = OperatorSpec(
    "Collocate",
    "Resamples one product onto the pixels of another",
    (
        names("sourceProductPaths", "files of further products"),
        text(
            "referenceProductName",
            "product whose pixels all get; unset: the first",
            old=("masterProductName",),
        ),
        text("targetProductName", "name of the result", "_collocated"),
        text("targetProductType", "type of the result", "COLLOCATED"),
        flag("copySecondaryMetadata", "keep the metadata of the others too", "false"),
        flag(
            "renameReferenceComponents",
            "rename bands of the reference",
            "true",
            old=("renameMasterComponents",),
        ),
        flag(
            "renameSecondaryComponents", "rename bands of the others", "true", old=("renameSlaveComponents",)
        ),
        text(
            "referenceComponentPattern",
            "new names of bands of the reference",
            "${ORIGINAL_NAME}_M",
            old=("masterComponentPattern",),
        ),
        text(
            "secondaryComponentPattern",
            "new names of bands of the others",
            "${ORIGINAL_NAME}_S${SLAVE_NUMBER_ID}",
            old=("slaveComponentPattern",),
        ),
        choice(
            "resamplingType",
            "interpolation",
            "NEAREST_NEIGHBOUR",
            ("NEAREST_NEIGHBOUR", "BILINEAR_INTERPOLATION", "CUBIC_CONVOLUTION", "BICUBIC_INTERPOLATION"),
        ),
    ),
    sources=(2, None),
    first_labels=("reference", "master"),
)

GENERAL = (
    READ,
    WRITE,
    SUBSET,
    BAND_MATHS,
    BAND_SELECT,
    BANDS_EXTRACTOR,
    MERGE,
    BAND_MERGE,
    LINEAR_TO_DB,
    CONVERT_DATATYPE,
    REPROJECT,
    MULTILOOK,
    LAND_SEA_MASK,
    RESAMPLE,
    COLLOCATE,
)
