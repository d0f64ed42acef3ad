"""A Sentinel-2 L2A product that is made up, but built as the real ones are: small JP2 images, full metadata."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine

TILE = "T33TUM"
CRS = "EPSG:32633"
LEFT, TOP = 300_000.0, 4_700_040.0
BANDS_10 = ("B02", "B03", "B04", "B08")
BANDS_20 = ("B05", "B06", "B07", "B8A", "B11", "B12")
PHYSICAL = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12")


@dataclass(frozen=True)
class FakeSentinel2:
    """A product on disk and what its images hold (digital numbers, classes) by band."""

    folder: Path
    values: dict[str, np.ndarray] = field(repr=False)

    def zipped(self, path: Path) -> Path:
        """The product as a zip."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(self.folder.rglob("*")):
                archive.write(file, f"{self.folder.name}/{file.relative_to(self.folder)}")
        return path


def make_sentinel2(
    out: Path,
    *,
    baseline: str = "05.09",
    sensor: str = "2A",
    size: int = 240,
    offset: int | None = -1000,
    bands: tuple[str, ...] = (*BANDS_10, *BANDS_20, "SCL"),
    seed: int = 0,
) -> FakeSentinel2:
    """Write a product.

    Args:
        out: Folder that gets the ``.SAFE``.
        baseline: Processing baseline.
        sensor: ``2A``, ``2B`` or ``2C``.
        size: Rows and columns at 10 m; a multiple of 6.
        offset: BOA_ADD_OFFSET of all bands, None for baselines that have none.
        bands: Bands to write; the metadata list these.
        seed: Of the random values; a corner of every image holds no data.
    """
    name = f"S{sensor}_MSIL2A_20230601T100559_N{baseline.replace('.', '')}_R022_{TILE}_20230601T160000.SAFE"
    granule = f"L2A_{TILE}_A041236_20230601T100730"
    folder = out / name
    random = np.random.default_rng(seed)
    values, files = {}, []
    for band in bands:
        resolution = 10 if band in BANDS_10 else 20
        values[band] = _values(band, size * 10 // resolution, random, -(offset or 0))
        file = f"GRANULE/{granule}/IMG_DATA/R{resolution}m/{TILE}_20230601T100559_{band}_{resolution}m"
        files.append(file)
        _write_jp2(folder / f"{file}.jp2", values[band], resolution)
    (folder / "MTD_MSIL2A.xml").write_text(_metadata(name, granule, files, baseline, sensor, offset), "utf-8")
    (folder / "manifest.safe").write_text('<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1"/>', "utf-8")
    return FakeSentinel2(folder, values)


def _values(band: str, size: int, random: np.random.Generator, base: int) -> np.ndarray:
    if band == "SCL":
        values = random.choice(np.array([3, 4, 5, 6, 8], np.uint8), (size, size))
    else:
        values = (base + random.gamma(4.0, 400.0, (size, size))).astype(np.uint16)
    values[: size // 4, : size // 4] = 0
    return values


def _write_jp2(path: Path, values: np.ndarray, resolution: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {
        "driver": "JP2OpenJPEG", "height": values.shape[0], "width": values.shape[1], "count": 1,
        "dtype": values.dtype.name, "crs": CRS, "transform": Affine(resolution, 0, LEFT, 0, -resolution, TOP),
        "QUALITY": "100", "REVERSIBLE": "YES", "YCBCR420": "NO", "BLOCKXSIZE": 128, "BLOCKYSIZE": 128,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as target:
        target.write(values, 1)


def _metadata(
    name: str, granule: str, files: list[str], baseline: str, sensor: str, offset: int | None
) -> str:
    images = "\n".join(f"            <IMAGE_FILE>{file}</IMAGE_FILE>" for file in files)
    offsets = "\n".join(
        f'          <BOA_ADD_OFFSET band_id="{number}">{offset}</BOA_ADD_OFFSET>'
        for number in range(len(PHYSICAL))
    )
    offset_list = (
        ""
        if offset is None
        else f"<BOA_ADD_OFFSET_VALUES_LIST>\n{offsets}\n        </BOA_ADD_OFFSET_VALUES_LIST>"
    )
    spectral = "\n".join(
        f'          <Spectral_Information bandId="{number}" physicalBand="{band}"/>'
        for number, band in enumerate(PHYSICAL)
    )
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-2A_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-2A.xsd">
  <n1:General_Info>
    <Product_Info>
      <PRODUCT_START_TIME>2023-06-01T10:05:59.024Z</PRODUCT_START_TIME>
      <PRODUCT_STOP_TIME>2023-06-01T10:05:59.024Z</PRODUCT_STOP_TIME>
      <PRODUCT_URI>{name}</PRODUCT_URI>
      <PROCESSING_LEVEL>Level-2A</PROCESSING_LEVEL>
      <PRODUCT_TYPE>S2MSI2A</PRODUCT_TYPE>
      <PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
      <GENERATION_TIME>2023-06-01T16:00:00.000000Z</GENERATION_TIME>
      <PREVIEW_IMAGE_URL>Not applicable</PREVIEW_IMAGE_URL>
      <PREVIEW_GEO_INFO>Not applicable</PREVIEW_GEO_INFO>
      <Datatake datatakeIdentifier="GS{sensor}_20230601T100559_041236_N{baseline}">
        <SPACECRAFT_NAME>Sentinel-{sensor}</SPACECRAFT_NAME>
        <DATATAKE_TYPE>INS-NOBS</DATATAKE_TYPE>
        <DATATAKE_SENSING_START>2023-06-01T10:05:59.024Z</DATATAKE_SENSING_START>
        <SENSING_ORBIT_NUMBER>22</SENSING_ORBIT_NUMBER>
        <SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION>
      </Datatake>
      <Query_Options completeSingleTile="true"><PRODUCT_FORMAT>SAFE_COMPACT</PRODUCT_FORMAT></Query_Options>
      <Product_Organisation>
        <Granule_List>
          <Granule datastripIdentifier="S{sensor}_OPER_MSI_L2A" granuleIdentifier="{granule}" imageFormat="JPEG2000">
{images}
          </Granule>
        </Granule_List>
      </Product_Organisation>
    </Product_Info>
    <Product_Image_Characteristics>
      <Special_Values>
        <SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX>
      </Special_Values>
      <Special_Values>
        <SPECIAL_VALUE_TEXT>SATURATED</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>65535</SPECIAL_VALUE_INDEX>
      </Special_Values>
      <QUANTIFICATION_VALUES_LIST>
        <BOA_QUANTIFICATION_VALUE unit="none">10000</BOA_QUANTIFICATION_VALUE>
        <AOT_QUANTIFICATION_VALUE unit="none">1000.0</AOT_QUANTIFICATION_VALUE>
        <WVP_QUANTIFICATION_VALUE unit="cm">1000.0</WVP_QUANTIFICATION_VALUE>
      </QUANTIFICATION_VALUES_LIST>
      {offset_list}
      <Spectral_Information_List>
{spectral}
      </Spectral_Information_List>
    </Product_Image_Characteristics>
  </n1:General_Info>
  <n1:Geometric_Info>
    <Product_Footprint>
      <Product_Footprint>
        <Global_Footprint>
          <EXT_POS_LIST>42.43 12.57 42.43 12.60 42.41 12.60 42.41 12.57 42.43 12.57 </EXT_POS_LIST>
        </Global_Footprint>
      </Product_Footprint>
      <RASTER_CS_TYPE>POINT</RASTER_CS_TYPE>
    </Product_Footprint>
  </n1:Geometric_Info>
</n1:Level-2A_User_Product>
"""
