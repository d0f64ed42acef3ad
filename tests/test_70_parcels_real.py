"""Declarations of eight countries, as their paying agencies publish them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import shapely

from s1card.errors import UsageError
from s1card.parcels.areas import ground_areas
from s1card.parcels.projection import project_parcels
from s1card.parcels.reference_system import horizontal_system
from s1card.parcels.selection import select_parcels
from s1card.parcels.source import read_parcels


@dataclass(frozen=True)
class Declarations:
    """A file and what is in it.

    Attributes:
        file: Name.
        crs: Coordinate reference system.
        first, last: Ids of the first and the last feature in the file.
        utm: The grid of cards there.
        id_column: Column of ids, None where it can be guessed.
        count: Number of parcels.
        area: Column of areas.
        unit: Its unit, m².
        rounding: By which a stated area may differ from that on the map, m².
    """

    file: str
    crs: str
    first: str
    last: str
    utm: str
    id_column: str | None = None
    count: int = 100
    area: str = ""
    unit: float = 1e4
    rounding: float = 0.5


HECTARE_DIGITS_2 = 50.0
AT = "https://data.inspire.gv.at/0095/b2bd27c3-ccd9-4e5a-98ce-28deab1266f5/elu.ExistingLandUseObject/{}/MFA-2025"
COUNTRIES = {
    "NL": Declarations("brpgewaspercelen_definitief_2023.gpkg", "EPSG:28992", "1", "100", "EPSG:32631"),
    "ES": Declarations("Cultius_DUN2023_GPKG.zip", "EPSG:25831", "1", "100", "EPSG:32631", area="ha"),
    "FI": Declarations("LandUse.ExistingLandUse.GSAAAgriculturalParcel.gpkg", "EPSG:3067", "1", "161", "EPSG:32635",
                       "TUNNUS", area="PINTA_ALA", rounding=HECTARE_DIGITS_2),
    "SI": Declarations("SI_2021.zip", "EPSG:3794", "7010691", "", "EPSG:32633", area="AREA", unit=1.0),
    "DE": Declarations("antrag.zip", "EPSG:25833", "0", "99", "EPSG:32633", "fid", area="groesse", rounding=0.5),
    "AT": Declarations("inspire_schlaege_2025-1_polygon.gpkg.zip", "EPSG:31287", AT.format(106806035), "", "EPSG:32633",
                       area="SL_FLAECHE_BRUTTO_HA"),
    "IE": Declarations("GSAA_2024.zip", "EPSG:4258", "679943CC0D142D9AFD95339A657760BD808CF65DE305799DD79C88B6163A79F8",
                       "", "EPSG:32629"),
    "BE": Declarations("LU_ExistingLandUse_SIGEC2022.gml.zip", "EPSG:3035", "9F2DCE264866BC18C1CC6083E8E83A50", "",
                       "EPSG:32631", count=10),
}  # fmt: skip


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_declaration_is_read(shared: Path, country: str) -> None:
    truth = COUNTRIES[country]
    reading = read_parcels(str(shared / "data/parcels" / truth.file), id_column=truth.id_column)
    parcels = reading.parcels
    assert (len(parcels), parcels.crs) == (truth.count, truth.crs)
    assert parcels.ids[0] == truth.first
    assert not truth.last or parcels.ids[-1] == truth.last
    assert len(set(parcels.ids)) == truth.count
    assert parcels.pid.tolist() == list(range(1, truth.count + 1))
    assert reading.skipped == ()
    assert shapely.is_valid(parcels.geometries).all()


@pytest.mark.parametrize("country", ["ES", "FI", "SI", "DE", "AT"])
def test_areas_are_those_that_the_declaration_states(shared: Path, country: str) -> None:
    """Agencies state the area on their map, which is that on the ground to 0.1 %."""
    truth = COUNTRIES[country]
    parcels = read_parcels(str(shared / "data/parcels" / truth.file), id_column=truth.id_column).parcels
    stated = parcels.attributes[truth.area] * truth.unit
    on_map = shapely.area(parcels.geometries)
    # Declared and digitised area are not the same thing everywhere: all but a few agree.
    agree = np.abs(on_map - stated) <= truth.rounding + 1e-3 * stated
    assert agree.mean() >= 0.8
    ground = ground_areas(parcels.geometries, horizontal_system(parcels.crs))
    assert np.abs(ground / on_map - 1.0).max() < 1e-3


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_declaration_has_a_place_on_the_cards_of_its_country(shared: Path, country: str) -> None:
    truth = COUNTRIES[country]
    parcels = read_parcels(str(shared / "data/parcels" / truth.file), id_column=truth.id_column).parcels
    found = project_parcels(parcels, truth.utm)
    assert (len(found), found.skipped) == (truth.count, ())
    before = ground_areas(parcels.geometries, horizontal_system(parcels.crs))
    assert ground_areas(found.geometries, horizontal_system(truth.utm)) == pytest.approx(before, rel=1e-4)
    assert found.accuracy is not None and found.accuracy <= 1.5
    selection = select_parcels(parcels)
    assert len(selection.parcels) == np.count_nonzero(before >= 3000.0)
    assert len(selection.parcels) + len(selection.skipped) == truth.count


def test_a_declaration_without_a_column_of_ids_says_which_columns_there_are(shared: Path) -> None:
    """Brandenburg's references are of blocks: 82 for 100 parcels."""
    with pytest.raises(
        UsageError, match=r"antrag\.zip: no column .* the columns are antragjahr, gp_xx, ref_ident"
    ):
        read_parcels(str(shared / "data/parcels/antrag.zip"))


def test_layers_and_leading_zeros_of_real_files(shared: Path) -> None:
    folder = shared / "data/parcels"
    finland = read_parcels(str(folder / COUNTRIES["FI"].file), id_column="TUNNUS").parcels
    assert finland.attributes["PERUSLOHKOTUNNUS"][0] == "0040000372"
    extent = read_parcels(str(folder / COUNTRIES["BE"].file), layer="ExistingLandUseDataSet").parcels
    assert len(extent) == 1
    spain = read_parcels(str(folder / COUNTRIES["ES"].file)).parcels
    assert spain.attributes["comarca"][0] == "Segrià"
