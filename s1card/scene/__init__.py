"""What ESA delivers: SAFE products, their annotation, calibration, noise and orbits, as typed records."""

from s1card.scene.integrity import check_measurements, verify_checksums
from s1card.scene.orbit import (
    OrbitName,
    choose_orbit,
    find_orbit_file,
    join_orbits,
    parse_orbit_name,
    read_orbit_file,
)
from s1card.scene.pair import BurstPair, Pair, find_pairs, make_pair
from s1card.scene.pixels import PixelReader
from s1card.scene.reader import open_scene
from s1card.scene.scene import Image, Scene
from s1card.scene.time import seconds_since

__all__ = [
    "BurstPair",
    "Image",
    "OrbitName",
    "Pair",
    "PixelReader",
    "Scene",
    "check_measurements",
    "choose_orbit",
    "find_orbit_file",
    "find_pairs",
    "join_orbits",
    "make_pair",
    "open_scene",
    "parse_orbit_name",
    "read_orbit_file",
    "seconds_since",
    "verify_checksums",
]
