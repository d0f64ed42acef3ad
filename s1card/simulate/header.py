"""The header that annotation, calibration and noise documents share."""

from __future__ import annotations

from s1card.simulate.product import Product
from s1card.simulate.xml import Element, element


def ads_header(product: Product, polarization: str) -> Element:
    """``adsHeader`` of an image."""
    config = product.config
    return element(
        "adsHeader",
        element("missionId", config.platform),
        element("productType", "GRD"),
        element("polarisation", polarization),
        element("mode", config.image_swath),
        element("swath", config.image_swath),
        element("startTime", product.first_time),
        element("stopTime", product.last_time),
        element("absoluteOrbitNumber", product.absolute_orbit),
        element("missionDataTakeId", product.datatake_id),
        element("imageNumber", f"{config.polarizations.index(polarization) + 1:03d}"),
    )
