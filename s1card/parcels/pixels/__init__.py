"""Sources of pixels: cards, legacy cards, Sentinel-2 products and other rasters, local or in an object store."""

from s1card.parcels.pixels.open import open_pixels
from s1card.parcels.pixels.reader import BandReader
from s1card.parcels.pixels.records import Given, PixelBand, PixelSource

__all__ = ["BandReader", "Given", "PixelBand", "PixelSource", "open_pixels"]
