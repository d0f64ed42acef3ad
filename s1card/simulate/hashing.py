"""Counter-based random numbers: a value depends on what it is for, not on the order of the work."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from scipy.special import gammaincinv

from s1card.scene.records import Floats

TABLE_SIZE = 1 << 16


@njit(cache=True, nogil=True)
def mix(value: np.uint64) -> np.uint64:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): 64 well mixed bits."""
    value = np.uint64(value) + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(cache=True, nogil=True)
def stream(seed: int, channel: int, index: int) -> np.uint64:
    """Key of a stream of numbers, for example of one line of one channel."""
    key = mix(np.uint64(seed) ^ np.uint64(0x5851F42D4C957F2D))
    return mix(mix(key + np.uint64(channel)) + np.uint64(index))


@njit(cache=True, nogil=True)
def uniform(bits: np.uint64) -> float:
    """A number in (0, 1) from 64 random bits."""
    return (np.float64(bits >> np.uint64(11)) + 0.5) * (1.0 / 9007199254740992.0)


@njit(cache=True, nogil=True)
def gamma_variate(key: np.uint64, looks: float) -> float:
    """A gamma variate of mean 1 and variance 1 / looks, looks >= 1 (Marsaglia and Tsang 2000)."""
    d = looks - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        key = mix(key)
        first = uniform(key)
        key = mix(key)
        normal = math.sqrt(-2.0 * math.log(first)) * math.cos(2.0 * math.pi * uniform(key))
        v = (1.0 + c * normal) ** 3
        key = mix(key)
        if v > 0.0 and math.log(uniform(key)) < 0.5 * normal * normal + d * (1.0 - v + math.log(v)):
            return d * v / looks


def gamma_table(looks: float) -> Floats:
    """Quantiles of the gamma distribution at the middles of 65,536 classes, brought to mean exactly 1."""
    probability = (np.arange(TABLE_SIZE) + 0.5) / TABLE_SIZE
    quantiles = np.asarray(gammaincinv(looks, probability) * (1.0 / looks))
    return np.asarray(quantiles / quantiles.mean())
