"""The interference document that products have from IPF 3.40 on; nothing was detected."""

from __future__ import annotations

import numpy as np

from s1card.simulate.header import ads_header
from s1card.simulate.product import Image, Product
from s1card.simulate.xml import Element, element, listing


def rfi_document(product: Product, image: Image, reports: list[tuple[str, np.datetime64]]) -> Element:
    """``rfi-*.xml`` with reports on sub-swaths at times: one for a detected image, one a burst for a complex one."""
    return element(
        "rfi",
        ads_header(product, image),
        element("rfiMitigationApplied", "None"),
        listing("rfiDetectionFromNoiseReportList", (_noise_report(*report) for report in reports)),
        listing("rfiBurstReportList", (_burst_report(*report) for report in reports)),
    )


def _noise_report(swath: str, time: np.datetime64) -> Element:
    return element(
        "rfiDetectionFromNoiseReport",
        element("swath", swath),
        element("noiseSensingTime", time),
        element("rfiDetected", False),
        element("maxKLDivergence", "3.200000e+00"),
        element("maxFisherZ", "3.500000e+00"),
        element("maxRfiPsd", "0.000000e+00"),
    )


def _burst_report(swath: str, time: np.datetime64) -> Element:
    return element(
        "rfiBurstReport",
        element("swath", swath),
        element("azimuthTime", time),
        element("inBandOutBandPowerRatio", "4.500000e+00"),
    )
