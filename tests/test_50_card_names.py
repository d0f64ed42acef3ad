from __future__ import annotations

import card_cases
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s1card.card.names import (
    BackscatterName,
    CoherenceName,
    LegacyCoherenceName,
    legacy_key,
    parameter_hash,
    parse_card_id,
    parse_legacy,
    to_legacy,
)
from s1card.errors import UsageError

LEGACY = "S1B_IW_GRDH_1SDV_20190301T172436_20190301T172501_015164_01C5BF_40F5_CARD_BS"
COH12 = "S1A_20240101T010035__1A__20231220T010010_20231220T010035_CARD-COH12"
COH6 = "S1B_20190307T172436__1A_20190301T172410_20190301T172436_CARD-COH6"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (BackscatterName(card_cases.NAME), f"{card_cases.NAME}_CARD_BS"),
        (BackscatterName(card_cases.NAME, True), f"{card_cases.NAME}_CARD_BS_RTC"),
        (BackscatterName(card_cases.NAME, False, "0BAD"), f"{card_cases.NAME}_CARD_BS_0BAD"),
        (BackscatterName(card_cases.NAME, True, "12EF"), f"{card_cases.NAME}_CARD_BS_RTC_12EF"),
        (
            CoherenceName("20260712T055040", "20260706T055012", 88, "9A3F"),
            "S1_IW_CARD_COH6_1SDV_20260712T055040_20260706T055012_R088_9A3F",
        ),
    ],
)
def test_ids_are_built_and_parsed(name: BackscatterName | CoherenceName, text: str) -> None:
    assert str(name) == text
    assert parse_card_id(text) == name


@pytest.mark.parametrize("text", ["", "S1A_CARD_S2", "_CARD_BS", "X_CARD_BS_12g4", "a/../b_CARD_BS", COH12])
def test_other_text_is_no_id(text: str) -> None:
    with pytest.raises(UsageError, match="not the id of a card"):
        parse_card_id(text)


def test_parameter_hash_by_hand() -> None:
    # sha256 of {"crs":"EPSG:3035","spacing":"20"}, from the command line tool
    assert parameter_hash({"spacing": "20", "crs": "EPSG:3035"}) == "3CF7"
    assert parameter_hash({}) == ""


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4))
def test_parameter_hash_does_not_depend_on_order(parameters: dict[str, str]) -> None:
    assert parameter_hash(parameters) == parameter_hash(dict(reversed(parameters.items())))


def test_only_the_standard_card_has_no_hash() -> None:
    standard = card_cases.context()
    assert standard.card_id == f"{card_cases.NAME}_CARD_BS"
    others = [
        card_cases.context(parameters={"aoi": "12,41,13,42"}),
        card_cases.context(parameters={"aoi": "12,41,13,42.5"}),
        card_cases.context(recipe="my-recipe"),
        card_cases.context(kind="CARD_BS_RTC", recipe="card-bs-rtc"),
    ]
    assert len({other.card_id for other in (standard, *others)}) == 5


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (LEGACY, BackscatterName(LEGACY.removesuffix("_CARD_BS"))),
        (
            COH12,
            LegacyCoherenceName("S1A", "20240101T010035", "1A", "20231220T010010", "20231220T010035", 12),
        ),
        (COH6, LegacyCoherenceName("S1B", "20190307T172436", "1A", "20190301T172410", "20190301T172436", 6)),
    ],
)
def test_legacy_references_both_ways(text: str, name: BackscatterName | LegacyCoherenceName) -> None:
    assert parse_legacy(text) == name
    assert (to_legacy(name) if isinstance(name, BackscatterName) else str(name)) == text


def test_a_coh6_reference_has_seven_parts_and_the_main_start_second() -> None:
    # the extractor of the JRC takes them by position
    assert len(COH6.split("_")) == 7
    assert COH6.split("_")[1] == "20190307T172436"


def test_legacy_references_of_our_variants_name_the_scene_only() -> None:
    assert to_legacy(BackscatterName("S1A_X", True, "12EF")) == "S1A_X_CARD_BS"
    with pytest.raises(UsageError):
        parse_legacy("S1A_X_CARD_BS_RTC")


@pytest.mark.parametrize(
    ("reference", "store", "key"),
    [
        (LEGACY, "local", f"{LEGACY}.data/Gamma0_VH.img"),
        (LEGACY, "creodias", f"Sentinel-1/SAR/CARD-BS/2019/03/01/{LEGACY}/{LEGACY}.data/Gamma0_VH.img"),
        (LEGACY, "sobloo", f"S1B/GRD/{LEGACY}/{LEGACY}.data/Gamma0_VH.img"),
        (COH6, "creodias", f"Sentinel-1/SAR/CARD-COH6/2019/03/07/{COH6}/{COH6}.tif"),
        (COH12, "creodias", f"Sentinel-1/SAR/CARD-COH12/2024/01/01/{COH12}/{COH12}.tif"),
        (COH12, "sobloo", f"S1A/SLC/{COH12}/{COH12}.tif"),
    ],
)
def test_legacy_keys(reference: str, store: str, key: str) -> None:
    assert legacy_key(reference, "VH", store) == key


def test_unknown_store_is_named() -> None:
    with pytest.raises(UsageError, match="creodias"):
        legacy_key(LEGACY, "VV", "nowhere")
