"""A full IW GRDH scene to CARD-BS: wall, CPU, memory; beside the pure copy and sarsen in the same run.

python -m benchmarks.full_scene [--folder DIR] [--lines 16700] [--pixels 25000] [--flattened]

Simulates the scene first where DIR does not hold it (about two minutes), warms the kernels up, and prints a table.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

import rasterio
from rasterio.warp import Resampling, reproject
from rasterio.windows import Window as RasterWindow

from benchmarks.measure import Usage, machine, run, s1card

AREA_PIXELS = 1500  # edge of the part that sarsen geocodes


def simulated(folder: Path, lines: int, pixels: int) -> Path:
    if not list(folder.glob("*.SAFE")):
        size = ("--lines", str(lines), "--pixels", str(pixels))
        run(s1card("simulate", "grd", "--out", str(folder), *size, "--speckle", "table", "--json"))
    return next(folder.glob("*.SAFE"))


def make_card(safe: Path, out: Path, *options: str) -> tuple[Usage, Path]:
    dem = safe.parent / "dem.tif"
    shutil.rmtree(out, ignore_errors=True)
    command = s1card(
        "bs", str(safe), "--dem", str(dem), "--dem-datum", "ellipsoid", "--out", str(out), "--json"
    )
    usage = run([*command, *options])
    return usage, next(out.glob("*_CARD_BS*"))


def warm_up(folder: Path) -> None:
    """Compile all kernels on a scene of stamp size."""
    make_card(simulated(folder / "small", 300, 400), folder / "warm")


def pure_copy(safe: Path, card: Path, out: Path) -> tuple[float, float, float]:
    """Seconds of reading, of writing with our writer, of writing with GDAL's COG driver."""
    command = [sys.executable, "-m", "benchmarks.pure_copy", str(safe), str(card), str(out)]
    read, write, by_gdal = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(read), float(write), float(by_gdal)


def sarsen_rate(safe: Path, card: Path, work: Path) -> float | None:
    """Pixels per second of sarsen on a square in the middle of the card's grid; None where it is not installed."""
    dem = work / "dem_utm.tif"
    _dem_on_card_grid(card, safe.parent / "dem.tif", dem)
    command = [sys.executable, "-m", "benchmarks.sarsen_area", str(safe), str(dem), str(work / "sarsen.tif")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr.strip().splitlines()[-1], file=sys.stderr)
        return None
    return AREA_PIXELS**2 / float(done.stdout.split()[-1])


def _dem_on_card_grid(card: Path, dem: Path, out: Path) -> None:
    with rasterio.open(next(card.glob("*_VV.tif"))) as raster:
        centre = (raster.height - AREA_PIXELS) // 2, (raster.width - AREA_PIXELS) // 2
        window = RasterWindow(centre[1], centre[0], AREA_PIXELS, AREA_PIXELS)
        profile = {
            "driver": "GTiff",
            "dtype": "float32",
            "count": 1,
            "width": AREA_PIXELS,
            "height": AREA_PIXELS,
            "crs": raster.crs,
            "transform": raster.window_transform(window),
        }
    with rasterio.open(dem) as source, rasterio.open(out, "w", **profile) as target:
        reproject(rasterio.band(source, 1), rasterio.band(target, 1), resampling=Resampling.bilinear)


def middle_of(card: Path) -> str:
    """A box of 10 km x 10 km in the middle of a card, for --aoi."""
    item = json.loads(next(card.glob("*.json")).read_text())
    west, south, east, north = item["bbox"]
    lon, lat = (west + east) / 2, (south + north) / 2
    return f"{lon - 0.064},{lat - 0.045},{lon + 0.064},{lat + 0.045}"


def valid_pixels(card: Path) -> float:
    """Pixels with data, of one band."""
    item = json.loads(next(card.glob("*.json")).read_text())
    rows, cols = item["properties"]["proj:shape"]
    percent = next(a for n, a in item["assets"].items() if n.upper() == "VV")["bands"][0]["statistics"][
        "valid_percent"
    ]
    return float(rows * cols * percent / 100)


def compare_flattened(safe: Path, folder: Path, megapixels: float) -> None:
    """CARD-BS and CARD-BS-RTC of the same scene, one after the other, kernels warm."""
    small = simulated(folder / "small", 300, 400)
    used = {}
    print(f"\n{machine()}\n{megapixels:.0f} Mpixel, VV+VH, 10 m\n")
    print("| work | wall, s | CPU, s | peak memory, MiB |\n|---|---|---|---|")
    for recipe in ("card-bs", "card-bs-rtc"):
        make_card(small, folder / "warm", "--recipe", recipe)
        used[recipe], _ = make_card(safe, folder / "flattened", "--recipe", recipe)
        print(used[recipe].row(f"full scene, recipe {recipe}"), flush=True)
    plain, flattened = used["card-bs"], used["card-bs-rtc"]
    print(f"\nwall {flattened.wall / plain.wall:.2f} x, CPU {flattened.cpu / plain.cpu:.2f} x")
    print(f"CPU per Mpixel of the scene: {plain.cpu / megapixels:.3f} and {flattened.cpu / megapixels:.3f} s")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("build/benchmark"))
    parser.add_argument("--lines", type=int, default=16700)
    parser.add_argument("--pixels", type=int, default=25000)
    parser.add_argument(
        "--flattened",
        action="store_true",
        help="card-bs-rtc beside card-bs and nothing else; CPU per Mpixel of both",
    )
    options = parser.parse_args()
    folder: Path = options.folder
    safe = simulated(folder / "full", options.lines, options.pixels)
    if options.flattened:
        compare_flattened(safe, folder, options.lines * options.pixels / 1e6)
        return
    warm_up(folder)
    full, card = make_card(safe, folder / "cards")
    print(f"\n{machine()}\n{options.lines} lines x {options.pixels} pixels, VV+VH, 10 m\n")
    print("| work | wall, s | CPU, s | peak memory, MiB |\n|---|---|---|---|")
    print(full.row("full scene to CARD-BS"), flush=True)
    print(
        make_card(safe, folder / "unverified", "--no-verify")[0].row("without checking the MD5 of the scene")
    )
    print(make_card(safe, folder / "little", "--memory", "1G")[0].row("with --memory 1G"), flush=True)
    area = ("--aoi", middle_of(card))
    print(make_card(safe, folder / "area", *area)[0].row("10 km x 10 km of it (--aoi), start-up included"))
    print(run(s1card("--version")).row("start-up alone (s1card --version)"), flush=True)
    read, write, by_gdal = pure_copy(safe, card, folder / "copy")
    print(f"| pure copy: read {read:.1f} s, write {write:.1f} s | {read + write:.1f} | | |")
    print(f"| pure copy, written by GDAL's COG driver: {by_gdal:.1f} s | {read + by_gdal:.1f} | | |")
    ours, gdal = full.wall / (read + write), full.wall / (read + by_gdal)
    print(f"\nratio to the pure copy: {ours:.2f}; where GDAL's COG driver writes: {gdal:.2f}")
    rate = sarsen_rate(safe, card, folder)
    if rate is not None:
        ours = 2 * valid_pixels(card) / full.wall
        print(
            f"sarsen {rate / 1e6:.3f} Mpixel/s, s1card {ours / 1e6:.1f} Mpixel/s (both bands): {ours / rate:.0f} x"
        )


if __name__ == "__main__":
    main()
