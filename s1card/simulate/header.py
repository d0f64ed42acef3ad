"""The header that annotation, calibration and noise documents share."""

from __future__ import annotations

from s1card.simulate.product import Image, Product
from s1card.simulate.xml import Element, element


def ads_header(product: Product, image: Image) -> Element:
    """``adsHeader`` of an image."""
    return element(
        "adsHeader",
        element("missionId", product.platform),
        element("productType", product.kind),
        element("polarisation", image.polarization),
        element("mode", product.beam),
        element("swath", image.swath),
        element("startTime", image.first_time),
        element("stopTime", image.last_time),
        element("absoluteOrbitNumber", product.numbers.absolute_orbit),
        element("missionDataTakeId", product.numbers.datatake_id),
        element("imageNumber", f"{image.number:03d}"),
    )
