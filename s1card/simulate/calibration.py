"""The calibration document of an image."""

from __future__ import annotations

from s1card.scene.records import Calibration, CalibrationVector
from s1card.simulate.header import ads_header
from s1card.simulate.product import Image, Product
from s1card.simulate.xml import Element, array, element, listing, short


def calibration_document(product: Product, image: Image, calibration: Calibration) -> Element:
    """``calibration-*.xml``."""
    constant = element("absoluteCalibrationConstant", short(calibration.absolute_constant))
    return element(
        "calibration",
        ads_header(product, image),
        element("calibrationInformation", constant),
        listing("calibrationVectorList", (_vector(vector) for vector in calibration.vectors)),
    )


def _vector(vector: CalibrationVector) -> Element:
    return element(
        "calibrationVector",
        element("azimuthTime", vector.azimuth_time),
        element("line", vector.line),
        array("pixel", vector.pixel, "d"),
        array("sigmaNought", vector.sigma_nought, ".6e"),
        array("betaNought", vector.beta_nought, ".6e"),
        array("gamma", vector.gamma, ".6e"),
        array("dn", vector.dn, ".6e"),
    )
