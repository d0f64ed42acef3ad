"""BandMaths: bands computed from expressions of others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.band_expression import Values, evaluate
from s1card.engine.native.band_merge import largest_distance, together
from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.number_types import fit
from s1card.engine.native.product import Band, Product
from s1card.errors import GraphError
from s1card.graph.closest import suggestion
from s1card.graph.expression import Expression, Name, error_at, names_of, parse
from s1card.graph.model import Parameter
from s1card.graph.table_general import DATA_TYPES
from s1card.window import Window

Floats = NDArray[np.float64]

TOLERANCE = 1e-5
"""Largest difference of the places of several sources, degrees."""

_TYPES = {**{name: name for name in DATA_TYPES}, "": "float32", "boolean": "uint8"}
_WITHOUT_NODATA = ("real", "imaginary")


@dataclass(frozen=True, eq=False)
class Known:
    """What names in expressions may mean.

    Attributes:
        sources: The products, in the order in which ``$1``, ``$2`` ... count them.
        variables: Constants by name.
    """

    sources: tuple[Product, ...]
    variables: Mapping[str, float]

    def band(self, name: Name, text: str) -> Band | float | None:
        """What a name means; None for the place of the sample (``X`` and ``Y``).

        Raises:
            GraphError: Nothing.
        """
        for source in self._sources_of(name, text):
            found = next((band for band in source.bands if band.name == name.name), None)
            if found is not None:
                return found
        if not name.source and name.name in self.variables:
            return self.variables[name.name]
        if not name.source and name.name in ("X", "Y"):
            return None
        bands = [band.name for source in self.sources for band in source.bands]
        hint = suggestion(name.name, bands)
        advice = f"{hint} There are {', '.join(dict.fromkeys(bands))}".strip()
        raise error_at(text, name.at, f"no band or variable '{name.name}'", advice)

    def _sources_of(self, name: Name, text: str) -> tuple[Product, ...]:
        """The products in which a name is looked for.

        Raises:
            GraphError: There is no such product.
        """
        if not name.source:
            return self.sources
        if name.source == "sourceProduct":
            return self.sources[:1]
        if name.source.isdigit() and 1 <= int(name.source) <= len(self.sources):
            return self.sources[int(name.source) - 1 : int(name.source)]
        chosen = tuple(source for source in self.sources if source.name == name.source)
        if not chosen:
            count = len(self.sources)
            advice = f"The sources are counted $1 to ${count}" if count > 1 else "The only source is $1"
            raise error_at(text, name.at, f"no source '${name.source}'", advice)
        return chosen


@dataclass(frozen=True, eq=False)
class Formula:
    """An expression whose names are known."""

    expression: Expression
    meaning: Mapping[Name, Band | float | None]

    @classmethod
    def of(cls, text: str, known: Known) -> Formula:
        """The formula that a text means.

        Raises:
            GraphError: It means none.
        """
        expression = parse(text)
        return cls(expression, {name: known.band(name, text) for name in names_of(expression)})

    def evaluate(self, window: Window) -> Floats:
        """Its values, float64; NaN where a band that it needs has no data."""
        read: dict[str, Floats] = {}
        values: Values = {name: _samples(name, meant, window, read) for name, meant in self.meaning.items()}
        return np.broadcast_to(evaluate(self.expression, values), window.shape)

    @property
    def polarization(self) -> str | None:
        """The polarization of its bands, if they have one in common."""
        found = {meant.polarization for meant in self.meaning.values() if isinstance(meant, Band)}
        return found.pop() if len(found) == 1 else None


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """The target bands, in place of those of the sources.

    Raises:
        GraphError: There is no target band, an expression is wrong, or the sources lie in different places.
    """
    for source in sources[1:]:
        _require_same_place(sources[0], source)
    elements: tuple[Parameter, ...] = tuple(parameters["targetBands"])
    if not elements:
        raise GraphError("BandMaths has no target band", advice="Add <targetBands> with a <targetBand>")
    known = Known(tuple(sources), _variables(tuple(parameters["variables"])))
    bands = tuple(_target(element, known) for element in elements)
    names = [band.name for band in bands]
    if len(set(names)) < len(names):
        raise GraphError(f"BandMaths has two target bands of one name: {', '.join(names)}")
    product = replace(together(sources, bands, ()), name=f"{sources[0].name}_BandMath")
    said = "; ".join(f"{element.child('name')} = {element.child('expression')}" for element in elements)
    return product.with_fact("BandMaths", said)


def _require_same_place(first: Product, other: Product) -> None:
    if first.shape != other.shape or largest_distance(first, other) > TOLERANCE:
        raise GraphError(
            "the sources of BandMaths differ in size or place",
            subject=f"{first.name}, {other.name}",
            advice="Bring them onto one grid first",
        )


def _variables(elements: tuple[Parameter, ...]) -> dict[str, float]:
    """Constants by name; each may build on those before it.

    Raises:
        GraphError: One is no constant.
    """
    found: dict[str, float] = {}
    for element in elements:
        text = element.child("value") or element.child("expression")
        formula = Formula.of(text, Known((), found))
        values: Values = {
            name: np.asarray(meant) for name, meant in formula.meaning.items() if meant is not None
        }
        if len(values) < len(formula.meaning):
            raise GraphError(f"the variable '{element.child('name')}' of BandMaths is no constant: '{text}'")
        found[element.child("name")] = float(evaluate(formula.expression, values))
    return found


def _target(element: Parameter, known: Known) -> Band:
    name, text = element.child("name"), element.child("expression")
    if not name or not text:
        raise GraphError("a target band of BandMaths needs a name and an expression")
    dtype = _TYPES.get(element.child("type").lower())
    if dtype is None:
        raise GraphError(
            f"unknown type '{element.child('type')}' of the target band '{name}'",
            advice=f"Known: {', '.join(DATA_TYPES)}",
        )
    formula = Formula.of(text, known)
    valid = element.child("validExpression")
    nodata = _nodata(element, name)
    computed = Computed(formula, Formula.of(valid, known) if valid else None, dtype, nodata)
    return Band(
        name,
        element.child("unit"),
        partial(_read, computed),
        formula.polarization,
        dtype,
        math.nan if computed.is_float else nodata,
        description=element.child("description"),
    )


def _nodata(element: Parameter, name: str) -> float | None:
    text = element.child("noDataValue")
    try:
        return float(text) if text else None
    except ValueError:
        raise GraphError(f"the noDataValue '{text}' of the target band '{name}' is no number") from None


@dataclass(frozen=True, eq=False)
class Computed:
    """A formula with what becomes of its values.

    Attributes:
        formula: Gives the values.
        valid: Holds where they count; None for everywhere.
        dtype: Their type.
        nodata: Value that means no data, None for none but NaN.
    """

    formula: Formula
    valid: Formula | None
    dtype: str
    nodata: float | None

    @property
    def is_float(self) -> bool:
        """Whether NaN can mean no data."""
        return self.dtype.startswith("float")


def _read(computed: Computed, window: Window) -> NDArray[Any]:
    """Values of a window; infinite ones are no data."""
    values = np.array(computed.formula.evaluate(window))
    missing = ~np.isfinite(values)
    if computed.valid is not None:
        held = computed.valid.evaluate(window)
        missing |= np.isnan(held) | (held == 0.0)
    if computed.is_float:
        if computed.nodata is not None:
            missing |= values == computed.nodata
        values[missing] = np.nan
        return values.astype(computed.dtype)
    values[missing] = 0.0 if computed.nodata is None or math.isnan(computed.nodata) else computed.nodata
    return fit(np.trunc(values), computed.dtype)


def _samples(name: Name, meant: Band | float | None, window: Window, read: dict[str, Floats]) -> Floats:
    if isinstance(meant, float):
        return np.asarray(meant)
    if meant is None:
        return _places(name.name, window)
    key = f"{name.source}.{name.name}"
    if key not in read:
        samples = meant.read(window)
        values = samples.astype(np.float64)
        if meant.nodata is not None and meant.unit not in _WITHOUT_NODATA:
            values[samples == meant.nodata] = np.nan
        read[key] = values
    return read[key]


def _places(axis: str, window: Window) -> Floats:
    """Column or row of the centres of samples, from the edge of the raster."""
    rows, cols = np.mgrid[window.row : window.row_end, window.col : window.col_end]
    return np.asarray((cols if axis == "X" else rows) + 0.5)
