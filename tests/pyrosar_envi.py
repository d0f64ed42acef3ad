"""ENVI files for the GDAL of the wheel that the tests of pyroSAR install, which is built without that driver.

This module goes into the environment of pyroSAR and is imported there when Python starts. It lets ``gdal.OpenEx`` read
``x.img`` with its header ``x.hdr`` through GDAL's own virtual format; pyroSAR stays as it is.
"""

import re
from pathlib import Path
from typing import Any

from osgeo import gdal

TYPES = {1: "Byte", 2: "Int16", 3: "Int32", 4: "Float32", 5: "Float64", 12: "UInt16", 13: "UInt32"}


def virtual(image: Path) -> str:
    """The document of a virtual raster of an ENVI file of one band."""
    text = image.with_suffix(".hdr").read_text("utf-8")
    fields = dict(re.findall(r"^([a-z ]+?) *= *(\{[^}]*\}|.*)$", text, re.MULTILINE))
    place = [part.strip() for part in fields["map info"].strip("{}").split(",")]
    left, top, width, height = (float(part) for part in place[3:7])
    wkt = fields["coordinate system string"].strip("{}").replace('"', "&quot;")
    columns, rows, kind = fields["samples"], fields["lines"], TYPES[int(fields["data type"])]
    order = "MSB" if fields["byte order"] == "1" else "LSB"
    return f"""<VRTDataset rasterXSize="{columns}" rasterYSize="{rows}">
      <SRS>{wkt}</SRS><GeoTransform>{left!r},{width!r},0,{top!r},0,{-height!r}</GeoTransform>
      <VRTRasterBand dataType="{kind}" band="1" subClass="VRTRawRasterBand">
        <SourceFilename relativeToVRT="0">{image}</SourceFilename><ByteOrder>{order}</ByteOrder>
      </VRTRasterBand></VRTDataset>"""


def _opening(open_ex: Any) -> Any:
    def opened(name: Any, *args: Any, **options: Any) -> Any:
        image = Path(str(name))
        if image.suffix == ".img" and image.with_suffix(".hdr").is_file():
            return open_ex(virtual(image))
        return open_ex(name, *args, **options)

    return opened


gdal.SetConfigOption("GDAL_VRT_RAWRASTERBAND_ALLOWED_SOURCE", "ALL")
gdal.OpenEx = _opening(gdal.OpenEx)
