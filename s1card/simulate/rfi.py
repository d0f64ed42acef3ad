"""The interference document that products have from IPF 3.40 on; nothing was detected."""

from __future__ import annotations

from s1card.simulate.header import ads_header
from s1card.simulate.product import Product
from s1card.simulate.xml import Element, element, listing


def rfi_document(product: Product, polarization: str) -> Element:
    """``rfi-*.xml``."""
    swaths = product.config.mode_facts.swaths
    return element(
        "rfi",
        ads_header(product, polarization),
        element("rfiMitigationApplied", "None"),
        listing("rfiDetectionFromNoiseReportList", (_noise_report(product, swath) for swath in swaths)),
        listing("rfiBurstReportList", (_burst_report(product, swath) for swath in swaths)),
    )


def _noise_report(product: Product, swath: str) -> Element:
    return element(
        "rfiDetectionFromNoiseReport",
        element("swath", swath),
        element("noiseSensingTime", product.first_time),
        element("rfiDetected", False),
        element("maxKLDivergence", "3.200000e+00"),
        element("maxFisherZ", "3.500000e+00"),
        element("maxRfiPsd", "0.000000e+00"),
    )


def _burst_report(product: Product, swath: str) -> Element:
    return element(
        "rfiBurstReport",
        element("swath", swath),
        element("azimuthTime", product.first_time),
        element("inBandOutBandPowerRatio", "4.500000e+00"),
    )
