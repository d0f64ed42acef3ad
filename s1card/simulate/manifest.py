"""The manifest: what the product is, and every file with its size and MD5."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from s1card.simulate.product import Product
from s1card.simulate.xml import Element, fragment, to_bytes

_HASHING_THREADS = 4
_MANIFEST = """
<xfdu:XFDU xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:gml="http://www.opengis.net/gml"
    xmlns:xfdu="urn:ccsds:schema:xfdu:1" xmlns:safe="http://www.esa.int/safe/sentinel-1.0"
    xmlns:s1="http://www.esa.int/safe/sentinel-1.0/sentinel-1"
    xmlns:s1sar="http://www.esa.int/safe/sentinel-1.0/sentinel-1/sar"
    xmlns:s1sarl1="http://www.esa.int/safe/sentinel-1.0/sentinel-1/sar/level-1"
    xmlns:s1sarl2="http://www.esa.int/safe/sentinel-1.0/sentinel-1/sar/level-2"
    version="esa/safe/sentinel-1.0/sentinel-1/sar/level-1/{family}/standard/{scheme}">
  <informationPackageMap>
    <xfdu:contentUnit unitType="SAFE Archive Information Package" pdiID="processing"
        textInfo="Sentinel-1 {mode} Level-1 {kind} Product"
        dmdID="acquisitionPeriod platform generalProductInformation measurementOrbitReference
               measurementFrameSet"/>
  </informationPackageMap>
  <metadataSection>
    <metadataObject ID="processing" classification="PROVENANCE" category="PDI">
      <metadataWrap mimeType="text/xml" vocabularyName="SAFE" textInfo="Processing">
        <xmlData>
          <safe:processing name="{processing}" start="{stop}" stop="{stop}">
            <safe:facility country="None" name="s1card simulate" organisation="s1card" site="Simulated">
              <safe:software name="Sentinel-1 IPF" version="{ipf}"/>
            </safe:facility>
          </safe:processing>
        </xmlData>
      </metadataWrap>
    </metadataObject>
    <metadataObject ID="platform" classification="DESCRIPTION" category="DMD">
      <metadataWrap mimeType="text/xml" vocabularyName="SAFE" textInfo="Platform Description">
        <xmlData>
          <safe:platform>
            <safe:nssdcIdentifier>{designator}</safe:nssdcIdentifier>
            <safe:familyName>SENTINEL-1</safe:familyName>
            <safe:number>{number}</safe:number>
            <safe:instrument>
              <safe:familyName abbreviation="SAR">Synthetic Aperture Radar</safe:familyName>
              <safe:extension>
                <s1sarl1:instrumentMode>
                  <s1sarl1:mode>{mode}</s1sarl1:mode>
                  {swaths}
                </s1sarl1:instrumentMode>
              </safe:extension>
            </safe:instrument>
          </safe:platform>
        </xmlData>
      </metadataWrap>
    </metadataObject>
    <metadataObject ID="measurementOrbitReference" classification="DESCRIPTION" category="DMD">
      <metadataWrap mimeType="text/xml" vocabularyName="SAFE" textInfo="Orbit Reference">
        <xmlData>
          <safe:orbitReference>
            <safe:orbitNumber type="start">{orbit}</safe:orbitNumber>
            <safe:orbitNumber type="stop">{orbit}</safe:orbitNumber>
            <safe:relativeOrbitNumber type="start">{relative}</safe:relativeOrbitNumber>
            <safe:relativeOrbitNumber type="stop">{relative}</safe:relativeOrbitNumber>
            <safe:cycleNumber>{cycle}</safe:cycleNumber>
            <safe:phaseIdentifier>1</safe:phaseIdentifier>
            <safe:extension>
              <s1:orbitProperties>
                <s1:pass>{direction}</s1:pass>
                <s1:ascendingNodeTime>{node}</s1:ascendingNodeTime>
              </s1:orbitProperties>
            </safe:extension>
          </safe:orbitReference>
        </xmlData>
      </metadataWrap>
    </metadataObject>
    <metadataObject ID="generalProductInformation" classification="DESCRIPTION" category="DMD">
      <metadataWrap mimeType="text/xml" vocabularyName="SAFE" textInfo="General Product Information">
        <xmlData>
          <s1sarl1:standAloneProductInformation>
            <s1sarl1:instrumentConfigurationID>6</s1sarl1:instrumentConfigurationID>
            <s1sarl1:missionDataTakeID>{datatake}</s1sarl1:missionDataTakeID>
            {polarizations}
            <s1sarl1:productClass>S</s1sarl1:productClass>
            <s1sarl1:productClassDescription>SAR Standard L1 Product</s1sarl1:productClassDescription>
            <s1sarl1:productComposition>Slice</s1sarl1:productComposition>
            <s1sarl1:productType>{kind}</s1sarl1:productType>
            <s1sarl1:productTimelinessCategory>Fast-24h</s1sarl1:productTimelinessCategory>
            <s1sarl1:sliceProductFlag>true</s1sarl1:sliceProductFlag>
            <s1sarl1:segmentStartTime>{segment}</s1sarl1:segmentStartTime>
            <s1sarl1:sliceNumber>{slice}</s1sarl1:sliceNumber>
            <s1sarl1:totalSlices>{slices}</s1sarl1:totalSlices>
          </s1sarl1:standAloneProductInformation>
        </xmlData>
      </metadataWrap>
    </metadataObject>
    <metadataObject ID="acquisitionPeriod" classification="DESCRIPTION" category="DMD">
      <metadataWrap mimeType="text/xml" vocabularyName="SAFE" textInfo="Acquisition Period">
        <xmlData>
          <safe:acquisitionPeriod>
            <safe:startTime>{start}</safe:startTime>
            <safe:stopTime>{stop}</safe:stopTime>
          </safe:acquisitionPeriod>
        </xmlData>
      </metadataWrap>
    </metadataObject>
    <metadataObject ID="measurementFrameSet" classification="DESCRIPTION" category="DMD">
      <metadataWrap mimeType="text/xml" vocabularyName="SAFE" textInfo="Frame Set">
        <xmlData>
          <safe:frameSet>
            <safe:frame>
              <safe:footPrint srsName="http://www.opengis.net/gml/srs/epsg.xml#4326">
                <gml:coordinates>{footprint}</gml:coordinates>
              </safe:footPrint>
            </safe:frame>
          </safe:frameSet>
        </xmlData>
      </metadataWrap>
    </metadataObject>
  </metadataSection>
  <dataObjectSection/>
</xfdu:XFDU>"""

_UNIT = """
<xfdu:contentUnit xmlns:xfdu="urn:ccsds:schema:xfdu:1" unitType="{unit}" repID="{schema}">
  <dataObjectPointer dataObjectID="{identifier}"/>
</xfdu:contentUnit>"""

_ANNOTATION = """
<metadataObject ID="{identifier}Annotation" classification="DESCRIPTION" category="DMD">
  <dataObjectPointer dataObjectID="{identifier}"/>
</metadataObject>"""

_OBJECT = """
<dataObject ID="{identifier}" repID="{schema}">
  <byteStream mimeType="{mime}" size="{size}">
    <fileLocation locatorType="URL" href="./{name}"/>
    <checksum checksumName="MD5">{md5}</checksum>
  </byteStream>
</dataObject>"""

# Folder of a file, prefix of its name: identifier prefix and schema.
_KINDS = {
    ("annotation", "s1"): ("product", "s1Level1ProductSchema"),
    ("calibration", "calibration-"): ("", "s1Level1CalibrationSchema"),
    ("calibration", "noise-"): ("", "s1Level1NoiseSchema"),
    ("rfi", "rfi-"): ("", "s1Level1RfiSchema"),
    ("measurement", "s1"): ("", "s1Level1MeasurementSchema"),
    ("preview", "map-overlay"): ("", "s1Level1MapOverlaySchema"),
    ("preview", "product-preview"): ("", "s1Level1ProductPreviewSchema"),
    ("preview", "quick-look"): ("", "s1Level1QuickLookSchema"),
}


def manifest_document(product: Product, folder: Path) -> Element:
    """``manifest.safe`` of the files that lie in a product folder."""
    text = _MANIFEST.replace(
        "{polarizations}", _repeated("transmitterReceiverPolarisation", product.polarizations)
    )
    root = fragment(
        text.replace("{swaths}", _repeated("swath", product.swaths)),
        family=product.kind.lower(),
        kind=product.kind,
        scheme=_scheme(product),
        processing={"GRD": "GRD Post Processing", "SLC": "SLC Processing"}[product.kind],
        mode=product.mode,
        ipf=product.software,
        designator=product.international_designator,
        number=product.platform[2:],
        orbit=product.numbers.absolute_orbit,
        relative=product.numbers.relative_orbit,
        cycle=product.numbers.cycle,
        direction="ASCENDING" if product.ascending else "DESCENDING",
        node=product.numbers.node_time,
        datatake=product.numbers.datatake_id,
        segment=product.slice.segment_start,
        slice=product.slice.number,
        slices=product.slice.count,
        start=product.first_time,
        stop=product.last_time,
        footprint=" ".join(f"{lat:.6f},{lon:.6f}" for lon, lat in product.corners),
    )
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    with ThreadPoolExecutor(_HASHING_THREADS) as pool:
        for path, md5 in zip(paths, pool.map(md5_of, paths), strict=True):
            _append(root, path, path.relative_to(folder).as_posix(), md5)
    return root


def write_manifest(product: Product, folder: Path) -> bytes:
    """Write the manifest of a product folder and return its bytes."""
    content = to_bytes(manifest_document(product, folder))
    (folder / "manifest.safe").write_bytes(content)
    return content


def md5_of(path: Path) -> str:
    """MD5 of a file in lower case."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()


def _repeated(name: str, values: tuple[str, ...]) -> str:
    """An element of the level 1 namespace for every value."""
    return "".join(f"<s1sarl1:{name}>{value}</s1sarl1:{name}>" for value in values)


def _scheme(product: Product) -> str:
    """ESA's name of the combination of polarizations (and mode, for SLC)."""
    is_single = len(product.polarizations) == 1
    if product.kind == "SLC":
        return product.mode.lower() + ("sp" if is_single else "dp")
    return "singlePol" if is_single else "dualPol"


def _append(root: Element, path: Path, name: str, md5: str) -> None:
    """List one file in the three sections of the manifest."""
    prefix, schema = next(
        kind
        for (folder, start), kind in _KINDS.items()
        if (path.parent.name, path.name[: len(start)]) == (folder, start)
    )
    identifier = prefix + path.stem.replace("-", "")
    is_pixels = schema == "s1Level1MeasurementSchema"
    unit = "Measurement Data Unit" if is_pixels else "Metadata Unit"
    packages, metadata, objects = root
    packages[0].append(fragment(_UNIT, unit=unit, schema=schema, identifier=identifier))
    if path.suffix == ".xml":
        metadata.append(fragment(_ANNOTATION, identifier=identifier))
    objects.append(
        fragment(
            _OBJECT,
            identifier=identifier,
            schema=schema,
            mime="text/xml" if path.suffix in (".xml", ".kml", ".html") else "application/octet-stream",
            size=path.stat().st_size,
            name=name,
            md5=md5,
        )
    )
