"""The preview folder: quick-look, map overlay, page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from s1card.simulate.product import Product
from s1card.simulate.xml import fragment, to_bytes

_OVERLAY = """
<kml xmlns:gx="http://www.google.com/kml/ext/2.2">
  <Document>
    <name>Sentinel-1 Map Overlay</name>
    <Folder>
      <name>Sentinel-1 Scene Overlay</name>
      <GroundOverlay>
        <name>Sentinel-1 Image Overlay</name>
        <Icon><href>quick-look.png</href></Icon>
        <gx:LatLonQuad><coordinates>{corners}</coordinates></gx:LatLonQuad>
      </GroundOverlay>
    </Folder>
  </Document>
</kml>"""
_PAGE = """<html>
<head><title>{name}</title></head>
<body><h1>{name}</h1><p>Simulated product.</p><img src="quick-look.png" alt="Quick-look"/></body>
</html>"""


def write_preview(folder: Path, product: Product, colors: NDArray[np.uint8]) -> None:
    """Write ``quick-look.png`` (colors: 3, rows, cols), ``map-overlay.kml`` and ``product-preview.html``.

    The quick-look is flipped so that north is up for ascending and east is right for descending scenes.
    """
    flipped = colors[:, ::-1] if product.ascending else colors[:, :, ::-1]
    (folder / "quick-look.png").write_bytes(_png(np.ascontiguousarray(flipped)))
    corners = " ".join(f"{longitude:.6f},{latitude:.6f}" for longitude, latitude in product.corners)
    (folder / "map-overlay.kml").write_bytes(to_bytes(fragment(_OVERLAY, corners=corners)))
    (folder / "product-preview.html").write_text(_PAGE.format(name=product.stem), encoding="utf-8")


def _png(colors: NDArray[np.uint8]) -> bytes:
    count, rows, cols = colors.shape
    # Any transform keeps rasterio from warning that there is none; in memory it goes nowhere.
    with MemoryFile() as memory:
        with memory.open(
            driver="PNG",
            width=cols,
            height=rows,
            count=count,
            dtype="uint8",
            transform=rasterio.Affine.scale(2.0),
        ) as png:
            png.write(colors)
        return bytes(memory.read())
