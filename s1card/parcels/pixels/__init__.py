"""Sources of pixels: cards, legacy cards, Sentinel-2 products and other rasters, local or in an object store."""

from s1card.parcels.pixels.reader import BandReader
from s1card.parcels.pixels.records import PixelBand, PixelSource

__all__ = ["BandReader", "PixelBand", "PixelSource"]
