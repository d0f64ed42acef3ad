"""A full IW SLC pair to CARD-COH6: wall, CPU, memory, stage by stage; beside the streaming floor in the same run.

python -m benchmarks.full_pair [--folder DIR] [--bursts 9] [--samples 23055]

Simulates the pair first where DIR does not hold it (some minutes, 17 GB), warms the kernels up, and prints a table. The
floor is what the same input and output cost without any work between: all samples of both scenes are read, and the
rasters of the card are written.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from benchmarks.full_scene import middle_of
from benchmarks.measure import Usage, machine, run, s1card

STAGES = {
    "read": "read all samples of both scenes",
    "coregister": "and resample the secondary, phase removed",
    "coherence": "and estimate coherence",
    "deburst": "and join bursts and sub-swaths",
}


def simulated(folder: Path, bursts: int, samples: int) -> tuple[Path, Path]:
    """Reference and secondary of a pair."""
    if not list(folder.glob("*.SAFE")):
        size = ("--bursts", str(bursts), "--samples", str(samples))
        run(s1card("simulate", "slc-pair", "--out", str(folder), *size))
    secondary, reference = sorted(folder.glob("*.SAFE"), key=lambda path: path.name.split("_")[5])
    return reference, secondary


def make_card(scenes: tuple[Path, Path], out: Path, *options: str) -> tuple[Usage, Path]:
    shutil.rmtree(out, ignore_errors=True)
    dem = scenes[0].parent / "dem.tif"
    inputs = ("coh6", *map(str, scenes), "--dem", str(dem), "--dem-datum", "ellipsoid")
    usage = run([*s1card(*inputs, "--out", str(out), "--json"), *options])
    return usage, next(out.glob("S1_*_CARD_COH6_*"))


def stage(name: str, card: Path, scenes: tuple[Path, Path]) -> Usage:
    dem = scenes[0].parent / "dem.tif"
    return run([sys.executable, "-m", "benchmarks.pair_stages", str(card), *map(str, scenes), str(dem), name])


def writing(card: Path, out: Path) -> Usage:
    return run([sys.executable, "-m", "benchmarks.pure_copy", "", str(card), str(out)])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("build/benchmark-pair"))
    parser.add_argument("--bursts", type=int, default=9)
    parser.add_argument("--samples", type=int, default=23_055)
    options = parser.parse_args()
    folder: Path = options.folder
    make_card(simulated(folder / "small", 1, 500), folder / "warm")
    scenes = simulated(folder / "full", options.bursts, options.samples)
    full, card = make_card(scenes, folder / "cards", "--no-verify")
    print(f"\n{machine()}\n3 sub-swaths of {options.bursts} bursts, VV+VH, 20 m\n")
    print("| work | wall, s | CPU, s | peak memory, MiB |\n|---|---|---|---|")
    print(full.row("full pair to CARD-COH6"), flush=True)
    print(make_card(scenes, folder / "checked")[0].row("with the MD5 of both scenes checked"), flush=True)
    print(
        make_card(scenes, folder / "little", "--no-verify", "--memory", "1G")[0].row("with --memory 1G"),
        flush=True,
    )
    area = ("--aoi", middle_of(card))
    print(
        make_card(scenes, folder / "area", *area)[0].row("10 km x 10 km of it (--aoi), start-up included"),
        flush=True,
    )
    print("\n| stages, each alone | wall, s | CPU, s | peak memory, MiB |\n|---|---|---|---|")
    used = {name: stage(name, card, scenes) for name in STAGES}
    for name, label in STAGES.items():
        print(used[name].row(label), flush=True)
    written = writing(card, folder / "copy")
    print(written.row("write the rasters of the card"))
    floor = used["read"].wall + written.wall
    print(f"\nstreaming floor {floor:.1f} s; the card takes {full.wall / floor:.2f} times that")


if __name__ == "__main__":
    main()
