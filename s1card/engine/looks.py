"""How many independent looks a window holds, and what coherence is estimated from them in the mean.

Speckle is correlated from sample to sample, so that a window holds fewer independent looks than samples.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from s1card.scene.records import Spectrum

NODES = 200
"""Of the quadrature: the sum of all shares is 1 to 1e-12."""


def independent_looks(
    shape: tuple[int, int], azimuth: tuple[Spectrum, float], range_: tuple[Spectrum, float]
) -> float:
    """The number of independent samples that estimate coherence as a window of correlated ones does.

    Where there is no coherence the mean square of an estimate of n independent samples is 1 / n. Of correlated ones it
    is ``sum(share**2)`` over the principal components of the speckle in the window, where the share of one is the
    expectation of its part of the power:

    ``share[k] = integral from 0 to infinity of v[k] / (1 + v[k] s) prod(1 / (1 + v[j] s)) ds``

    with the eigenvalues v of the correlation matrix (powers are exponentially distributed, ``1 / power`` is the
    integral of ``exp(-s power)``).

    Args:
        shape: Lines and pixels of the window.
        azimuth, range_: Spectrum of the speckle and sampling rate (Hz) in each direction.
    """
    variances = np.outer(_variances(shape[0], *azimuth), _variances(shape[1], *range_)).ravel()
    node, weight = np.polynomial.legendre.leggauss(NODES)
    t = 0.5 * (node + 1.0)
    s = t / (1.0 - t) / variances.size
    step = 0.5 * weight / (1.0 - t) ** 2 / variances.size
    growth = 1.0 + np.outer(s, variances)
    share = (step * np.exp(-np.log(growth).sum(axis=1))) @ (variances / growth)
    return float(1.0 / np.sum(share**2))


def _variances(samples: int, spectrum: Spectrum, rate: float) -> NDArray[np.float64]:
    """Variances of the principal components of speckle in neighbouring samples of mean power 1."""
    frequency = np.linspace(-0.5, 0.5, 4001) * spectrum.bandwidth
    c = spectrum.window_coefficient
    power = (c + (1.0 - c) * np.cos(2.0 * np.pi * frequency / spectrum.bandwidth)) ** 2
    lag = np.arange(samples)
    correlation = np.cos(2.0 * np.pi * lag[:, None] * frequency / rate) @ power / power.sum()
    return np.maximum(np.linalg.eigvalsh(correlation[np.abs(lag[:, None] - lag)]), 0.0)


def expected_coherence(coherence: float, looks: float) -> float:
    """Expectation of the estimate for a true coherence and a number of independent looks.

    ``E = Gamma(L) Gamma(3/2) / Gamma(L + 1/2) 3F2(3/2, L, L; L + 1/2, 1; gamma**2) (1 - gamma**2)**L`` (Touzi et al.,
    1999, eq. 5). The terms of the series are summed where they are not negligible, around that of the mean of a
    negative binomial distribution.
    """
    square = min(max(coherence, 1e-150), 1.0) ** 2
    if square >= 1.0:
        return 1.0
    mean = looks * square / (1.0 - square)
    spread = math.sqrt(mean / (1.0 - square))
    first = max(0, int(mean - 12.0 * spread))
    start = (
        math.lgamma(first + 1.5)
        + 2.0 * (math.lgamma(looks + first) - math.lgamma(first + 1.0))
        - math.lgamma(looks)
        - math.lgamma(looks + first + 0.5)
        + first * math.log(square)
        + looks * math.log1p(-square)
    )
    k = np.arange(first, int(mean + 20.0 * spread) + 60, dtype=np.float64)
    ratio = (1.5 + k) * (looks + k) ** 2 / ((looks + 0.5 + k) * (1.0 + k) ** 2) * square
    return float(math.exp(start) + np.exp(start + np.cumsum(np.log(ratio))).sum())
