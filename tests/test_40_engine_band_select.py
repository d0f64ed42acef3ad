"""BandSelect: which bands stay."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from engine_cases import product_of

from s1card.engine.native import band_select
from s1card.engine.native.context import Context, Surroundings
from s1card.engine.native.product import Product, as_power
from s1card.engine.native.slc import whole
from s1card.errors import GraphError
from s1card.graph.model import Node, Parameter
from s1card.graph.operators import resolve_parameters
from s1card.window import Window


@pytest.fixture
def source() -> Product:
    product = product_of({"VV": np.full((3, 4), 3, np.uint16), "VH": np.full((3, 4), 2, np.uint16)})
    virtual = tuple(
        replace(
            band,
            name=band.name.replace("Amplitude", "Intensity"),
            unit="intensity",
            read=partial(as_power, band),
            is_virtual=True,
        )
        for band in product.bands
    )
    return replace(product, bands=product.bands + virtual)


def select(source: Product, **values: str) -> Product:
    node = Node("b", "BandSelect", parameters=tuple(Parameter(key, value) for key, value in values.items()))
    return band_select.apply([source], resolve_parameters(node), Context(Surroundings()))


def names(product: Product) -> list[str]:
    return sorted(band.name for band in product.bands)


def test_without_parameters_all_real_bands_stay(source: Product) -> None:
    assert names(select(source)) == ["Amplitude_VH", "Amplitude_VV"]


def test_a_virtual_band_that_is_named_becomes_real(source: Product) -> None:
    chosen = select(source, sourceBands="Intensity_VV")
    assert [band.name for band in chosen.real_bands()] == ["Intensity_VV"]
    assert (chosen.band("Intensity_VV").read(Window(0, 0, 3, 4)) == 9).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"selectedPolarisations": "VH"}, ["Amplitude_VH"]),
        ({"bandNamePattern": ".*_VV"}, ["Amplitude_VV"]),
        ({"bandNamePattern": "_VV|Amplitude_V."}, ["Amplitude_VH", "Amplitude_VV"]),
        ({"sourceBands": "Amplitude_VV,Intensity_VH", "selectedPolarisations": "VH"}, ["Intensity_VH"]),
    ],
)
def test_everything_that_is_said_narrows(
    source: Product, values: dict[str, str], expected: list[str]
) -> None:
    assert names(select(source, **values)) == expected


def test_nothing_left_and_unknown_names_are_errors(source: Product) -> None:
    with pytest.raises(GraphError, match="leaves no band of Amplitude_VV"):
        select(source, bandNamePattern="Sigma.*")
    with pytest.raises(GraphError, match="no band 'Sigma0_VV'; there are"):
        select(source, sourceBands="Sigma0_VV")


def test_sub_swaths_keep_their_own(source: Product) -> None:
    def part(swath: str) -> Product:
        bands = tuple(replace(b, name=b.name.replace("_", f"_{swath}_")) for b in source.real_bands())
        return replace(source, swath=swath, bands=bands)

    parts = whole((part("IW1"), part("IW2"), part("IW3")))
    assert [names(p) for p in select(parts, selectedPolarisations="VV").parts] == [
        [f"Amplitude_{swath}_VV"] for swath in ("IW1", "IW2", "IW3")
    ]
    chosen = select(parts, sourceBands="Amplitude_IW1_VV,Amplitude_IW3_VV")
    assert [p.swath for p in chosen.parts] == ["IW1", "IW3"]
    assert select(parts, selectedSubImages="IW2").swath == "IW2"
