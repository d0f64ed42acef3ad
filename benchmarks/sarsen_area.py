"""Geocode a raster's grid with sarsen: python -m benchmarks.sarsen_area SAFE DEM OUT. Prints seconds.

The DEM is a map raster with the spacing of the card; sarsen geocodes onto the DEM's own grid.
"""

from __future__ import annotations

import sys
import time
import warnings

import sarsen


def main() -> None:
    safe, dem, out = sys.argv[1:4]
    warnings.simplefilter("ignore")
    product = sarsen.Sentinel1SarProduct(safe, "IW/VV")
    begun = time.perf_counter()
    sarsen.terrain_correction(product, dem_urlpath=dem, output_urlpath=out, interp_method="linear")
    print(f"{time.perf_counter() - begun:.2f}")


if __name__ == "__main__":
    main()
