"""Chains of operators that run, or fail late, but do not do what was meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from s1card.graph.model import Graph, Node


@dataclass(frozen=True, slots=True)
class Rule:
    """An operator that should not come after another one."""

    operator: str
    after: str
    severity: Literal["error", "warning"]
    why: str


@dataclass(frozen=True, slots=True)
class OrderFinding:
    """A node that breaks a rule."""

    severity: Literal["error", "warning"]
    node: Node
    message: str


_NOT_CALIBRATED = "it works on digital numbers: put it before Calibration"
_RADAR = "it needs radar geometry: put it before Terrain-Correction"
_DECIBELS = "averages of decibels are too low: put LinearToFromdB last"
_POWER = "it takes power, not decibels: put LinearToFromdB last"
_NO_PHASE = "filtered intensities have no phase: put it before"

RULES = (
    Rule(
        "ThermalNoiseRemoval",
        "Calibration",
        "warning",
        "noise is annotated for digital numbers: put it before",
    ),
    Rule("ThermalNoiseRemoval", "SliceAssembly", "error", "SNAP refuses it: remove the noise slice by slice"),
    Rule(
        "ThermalNoiseRemoval", "TOPSAR-Deburst", "warning", "noise is annotated per burst line: put it before"
    ),
    Rule("ThermalNoiseRemoval", "Multilook", "error", "noise is annotated for single samples: put it before"),
    Rule("ThermalNoiseRemoval", "Speckle-Filter", "warning", "speckle grows with the noise: put it before"),
    Rule("ThermalNoiseRemoval", "Terrain-Correction", "error", _RADAR),
    Rule(
        "Remove-GRD-Border-Noise",
        "ThermalNoiseRemoval",
        "warning",
        "it finds the border by the noise, which is gone by then: put it before",
    ),
    Rule("Remove-GRD-Border-Noise", "Calibration", "error", _NOT_CALIBRATED),
    Rule("Remove-GRD-Border-Noise", "Terrain-Correction", "error", _RADAR),
    Rule(
        "Apply-Orbit-File", "Terrain-Correction", "warning", "the orbit has no effect any more: put it before"
    ),
    Rule(
        "Apply-Orbit-File", "Terrain-Flattening", "warning", "the area was computed without it: put it before"
    ),
    Rule(
        "Apply-Orbit-File", "Back-Geocoding", "warning", "the images were aligned without it: put it before"
    ),
    Rule("Calibration", "Terrain-Correction", "error", _RADAR),
    Rule("Calibration", "LinearToFromdB", "error", _POWER),
    Rule(
        "Calibration", "Terrain-Flattening", "error", "terrain flattening takes beta0: put Calibration before"
    ),
    Rule(
        "Calibration", "Multilook", "warning", "averages of squared digital numbers come first: put it before"
    ),
    Rule("Terrain-Flattening", "Terrain-Correction", "error", _RADAR),
    Rule(
        "Terrain-Flattening", "Multilook", "warning", "the area is computed for single samples: put it before"
    ),
    Rule("Terrain-Flattening", "Speckle-Filter", "warning", "smoothing mixes slopes: put it before"),
    Rule("Terrain-Flattening", "LinearToFromdB", "error", _POWER),
    Rule("Terrain-Correction", "Terrain-Correction", "error", "the product is on a map already"),
    Rule("Terrain-Correction", "LinearToFromdB", "warning", _DECIBELS),
    Rule("Speckle-Filter", "LinearToFromdB", "warning", _DECIBELS),
    Rule("Multilook", "Speckle-Filter", "warning", "the filter takes the looks as stated: put it before"),
    Rule(
        "Speckle-Filter",
        "Terrain-Correction",
        "warning",
        "samples that were interpolated are alike without being so: put it before",
    ),
    Rule("TOPSAR-Deburst", "Speckle-Filter", "error", "windows would cross bursts: put it before"),
    Rule("Coherence", "Speckle-Filter", "error", _NO_PHASE),
    Rule("Interferogram", "Speckle-Filter", "error", _NO_PHASE),
    Rule(
        "LinearToFromdB", "Convert-Datatype", "warning", "whole numbers are too coarse for it: put it before"
    ),
    Rule("Back-Geocoding", "TOPSAR-Deburst", "error", "it needs bursts: put TOPSAR-Deburst after"),
    Rule(
        "Enhanced-Spectral-Diversity", "TOPSAR-Deburst", "error", "it needs bursts: put TOPSAR-Deburst after"
    ),
    Rule("Coherence", "TOPSAR-Deburst", "warning", "phase removal needs bursts: put TOPSAR-Deburst after"),
    Rule(
        "Interferogram", "TOPSAR-Deburst", "warning", "phase removal needs bursts: put TOPSAR-Deburst after"
    ),
    Rule("TOPSAR-Split", "TOPSAR-Deburst", "error", "the sub-swath has no bursts any more: split first"),
)


def order_findings(graph: Graph) -> Iterator[OrderFinding]:
    """Rules that the nodes of a graph break, in the order of work."""
    for node in graph.in_order():
        before = graph.ancestors(node)
        for rule in RULES:
            earlier = next((n for n in before if n.operator == rule.after), None)
            if rule.operator == node.operator and earlier is not None:
                message = f"{node.operator} comes after {rule.after} ('{earlier.id}'); {rule.why}"
                yield OrderFinding(rule.severity, node, message)
        if node.operator == "Terrain-Flattening":
            yield from _flattening_without_beta(node, before)


def _flattening_without_beta(node: Node, before: tuple[Node, ...]) -> Iterator[OrderFinding]:
    """Terrain flattening calibrates by itself, but cannot take a product calibrated to sigma0 only."""
    for calibration in before:
        beta = calibration.value("outputBetaBand").lower()
        if calibration.operator == "Calibration" and beta != "true" and "$" not in beta:
            message = f"Terrain-Flattening takes beta0: set outputBetaBand of '{calibration.id}' to true"
            yield OrderFinding("error", node, message)
