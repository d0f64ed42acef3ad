"""The noise document of an image, in the form of the processor version."""

from __future__ import annotations

from s1card.scene.records import Noise, NoiseAzimuthVector, NoiseRangeVector
from s1card.simulate.header import ads_header
from s1card.simulate.product import Image, Product
from s1card.simulate.xml import Element, array, element, listing


def noise_document(product: Product, image: Image, noise: Noise) -> Element:
    """``noise-*.xml``: range and azimuth vectors, or single vectors before IPF 2.90."""
    header = ads_header(product, image)
    if not product.has_azimuth_noise:
        single = [_range_vector("noiseVector", "noiseLut", vector) for vector in noise.range_vectors]
        return element("noise", header, listing("noiseVectorList", single))
    ranges = [_range_vector("noiseRangeVector", "noiseRangeLut", vector) for vector in noise.range_vectors]
    return element(
        "noise",
        header,
        listing("noiseRangeVectorList", ranges),
        listing("noiseAzimuthVectorList", (_azimuth_vector(vector) for vector in noise.azimuth_vectors)),
    )


def _range_vector(name: str, lut: str, vector: NoiseRangeVector) -> Element:
    return element(
        name,
        element("azimuthTime", vector.azimuth_time),
        element("line", vector.line),
        array("pixel", vector.pixel, "d"),
        array(lut, vector.value, ".6e"),
    )


def _azimuth_vector(vector: NoiseAzimuthVector) -> Element:
    return element(
        "noiseAzimuthVector",
        element("swath", vector.swath),
        element("firstAzimuthLine", vector.first_line),
        element("firstRangeSample", vector.first_pixel),
        element("lastAzimuthLine", vector.last_line),
        element("lastRangeSample", vector.last_pixel),
        array("line", vector.line, "d"),
        array("noiseAzimuthLut", vector.value, ".6e"),
    )
