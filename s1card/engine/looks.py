"""How many independent looks a window holds, and what coherence is estimated from them in the mean.

Speckle is correlated from sample to sample, so that a window holds fewer independent looks than samples.
"""

from __future__ import annotations

import math

import numpy as np

from s1card.scene.records import Spectrum


def independent_looks(samples: int, spectrum: Spectrum, rate: float) -> float:
    """Independent looks among neighbouring samples: their number over the sum of their squared correlations.

    Args:
        samples: Number of samples in a row.
        spectrum: Of the speckle in that direction.
        rate: Sampling rate, Hz.
    """
    frequency = np.linspace(-0.5, 0.5, 4001) * spectrum.bandwidth
    c = spectrum.window_coefficient
    power = (c + (1.0 - c) * np.cos(2.0 * np.pi * frequency / spectrum.bandwidth)) ** 2
    lag = np.arange(samples)
    correlation = np.cos(2.0 * np.pi * lag[:, None] * frequency / rate) @ power / power.sum()
    weight = np.where(lag == 0, 1.0, 2.0) * (samples - lag)
    return float(samples**2 / (weight @ correlation**2))


def expected_coherence(coherence: float, looks: float) -> float:
    """Expectation of the estimate for a true coherence and a number of independent looks.

    ``E = Gamma(L) Gamma(3/2) / Gamma(L + 1/2) 3F2(3/2, L, L; L + 1/2, 1; gamma**2) (1 - gamma**2)**L`` (Touzi et al.,
    1999, eq. 5), summed as a series.
    """
    square = min(max(coherence, 0.0), 1.0) ** 2
    if square >= 1.0:
        return 1.0
    start = math.lgamma(looks) + math.lgamma(1.5) - math.lgamma(looks + 0.5) + looks * math.log1p(-square)
    total, term, k = 0.0, math.exp(start), 0
    while term > 1e-16 * total or k < looks:
        total += term
        term *= (1.5 + k) * (looks + k) ** 2 / ((looks + 0.5 + k) * (1.0 + k) ** 2) * square
        k += 1
    return total
