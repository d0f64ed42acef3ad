"""The radiometric calibration annotation of one image: ``annotation/calibration/calibration-*.xml``."""

from __future__ import annotations

import numpy as np

from s1card.scene.records import Calibration, CalibrationVector, Floats32
from s1card.scene.xml import Node


def parse_calibration(root: Node) -> Calibration:
    """The calibration vectors as a record.

    Args:
        root: Root element (``calibration``).

    Raises:
        SceneError: Vectors are missing, out of order, not positive, or not as long as their pixel list.
    """
    nodes = root.children("calibrationVectorList/calibrationVector")
    if not nodes:
        raise root.error("there are no calibration vectors")
    vectors = tuple(_vector(node) for node in nodes)
    if (np.diff([vector.line for vector in vectors]) <= 0).any():
        raise nodes[0].error("the calibration vectors are not in order of line")
    return Calibration(
        start_time=root.time("adsHeader/startTime"),
        stop_time=root.time("adsHeader/stopTime"),
        absolute_constant=root.number("calibrationInformation/absoluteCalibrationConstant"),
        vectors=vectors,
    )


def _vector(node: Node) -> CalibrationVector:
    pixel = node.array("pixel", np.int64)
    if (np.diff(pixel) <= 0).any():
        raise node.error("the pixels of a calibration vector do not increase")
    return CalibrationVector(
        azimuth_time=node.time("azimuthTime"),
        line=node.integer("line"),
        pixel=pixel,
        sigma_nought=_table(node, "sigmaNought", pixel.size),
        beta_nought=_table(node, "betaNought", pixel.size),
        gamma=_table(node, "gamma", pixel.size),
        dn=_table(node, "dn", pixel.size),
    )


def _table(node: Node, name: str, size: int) -> Floats32:
    values = node.array(name, np.float32)
    if values.size != size:
        raise node.error(f"{name} has {values.size} values for {size} pixels")
    if (values <= 0).any():
        raise node.error(f"{name} has values that are not positive")
    return values
