"""Graphs from the wild: written in the styles of users' graphs, run by the command, and looked at.

The graphs are in ``tests/graphs``; every style that was seen in users' files occurs in one of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from end_to_end import BASE, call_s1card

from s1card.engine.compare import compare_outputs
from s1card.engine.compare.difference import read_band
from s1card.engine.compare.rasters import Band, open_output
from s1card.engine.native.engine import check_capability
from s1card.engine.native.operators import ANY, OPERATORS, UNSUPPORTED
from s1card.engine.support import _OTHERS, native_findings, operator_table, operators_markdown
from s1card.errors import GraphError
from s1card.graph import Graph, Node, Parameter, SourceRef, check, read_graph, write_graph
from s1card.graph.operators import OPERATORS as TABLE
from s1card.graph.operators import UNDESCRIBED
from s1card.raster import FORMATS
from s1card.simulate import (
    GrdConfig,
    SimulatedPair,
    SimulatedScene,
    SlcPairConfig,
    simulate_grd,
    simulate_slc_pair,
)
from s1card.window import Window

GRAPHS = Path(__file__).parent / "graphs"
PAGE = Path(__file__).parents[1] / "docs" / "operators.md"
WIDER_SET = (
    "Terrain-Flattening",
    "Speckle-Filter",
    "Multilook",
    "SliceAssembly",
    "BandMaths",
    "BandSelect",
    "BandMerge",
    "Land-Sea-Mask",
    "Resample",
    "Reproject",
    "Collocate",
    "Convert-Datatype",
)
AREA = "POLYGON((10.79 45.24, 10.81 45.24, 10.81 45.26, 10.79 45.26, 10.79 45.24))"
WIDE = "POLYGON((10 44.5, 11.5 44.5, 11.5 46, 10 46, 10 44.5))"
MAP, RADAR, DEGREES = "map", "radar", "degrees"
APART = "grd-angles-apart"
DATES = "18Jun2021_12Jun2021"


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> SimulatedScene:
    return simulate_grd(GrdConfig(lines=200, pixels=240, targets=0), tmp_path_factory.mktemp("grd"))


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> SimulatedPair:
    config = SlcPairConfig(bursts=2, samples=400, targets=0, slices=1)
    return simulate_slc_pair(config, tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="session")
def slices(tmp_path_factory: pytest.TempPathFactory) -> SimulatedPair:
    config = SlcPairConfig(bursts=2, swaths=("IW1",), samples=400, targets=0, slices=2, polarizations=("VV",))
    return simulate_slc_pair(config, tmp_path_factory.mktemp("slices"))


@dataclass(frozen=True)
class Case:
    """A graph and what it must give.

    Attributes:
        name: Its file.
        values: Of ``-P``: @SCENE, @FIRST, @SECOND, @DEM and @OUT stand for files.
        bands: Names of the bands of the output.
        place: On a map, in radar geometry, or on a map in degrees.
        spacing: Pixel size, m; 0: not looked at.
        words: Further words of the command.
        dem: Whether ``--dem`` is given; else the graph names it itself, or needs none.
        is_scaled: Whether values were brought into the range of bytes.
    """

    name: str
    values: dict[str, object]
    bands: tuple[str, ...]
    place: str = MAP
    spacing: float = 10.0
    words: tuple[str, ...] = ()
    dem: bool = True
    is_scaled: bool = False


SIGMA = ("Sigma0_VH", "Sigma0_VV")
GAMMA = ("Gamma0_VH", "Gamma0_VV")
BETA = ("Beta0_VH", "Beta0_VV")
USUAL: dict[str, object] = {"input": "@SCENE", "output": "@OUT.dim"}
OWN_DEM = {"dem_file": "@DEM"}
ANGLES = ("localIncidenceAngle", "projectedLocalIncidenceAngle", "incidenceAngleFromEllipsoid")

GRD = [
    Case("grd-sigma-degrees", USUAL, SIGMA, DEGREES),
    Case(
        "grd-numbered",
        {
            "input1": "@SCENE",
            "target1": "@OUT.dim",
            "input10": "0.5",
            "input2": "VH,VV",
            "input3": "10.0",
            "input4": "External DEM",
            "input5": "@DEM",
            "input6": "-32768",
            "input7": "false",
            "input9": "BEAM-DIMAP",
        },
        SIGMA,
        dem=False,
    ),
    Case("grd-no-read-no-write", {}, SIGMA, spacing=20.0, words=("@SCENE", "-t", "@OUT.tif")),
    Case("grd-header-source", {"output": "@OUT.dim"}, BETA, RADAR, words=("-S", "source=@SCENE"), dem=False),
    Case("grd-text-sources-backwards", {"file": "@SCENE", "out": "@OUT.tif", **OWN_DEM}, SIGMA, dem=False),
    Case("grd-list-source", {"input": "@SCENE", "output": "@OUT"}, (*BETA, *SIGMA), RADAR, dem=False),
    Case("grd-windows-latin", USUAL, GAMMA, RADAR, dem=False),
    Case("grd-old-names", USUAL, ("Sigma0_VV",), RADAR, dem=False),
    Case("grd-unknown-parameters", {"input": "@SCENE", "output": "@OUT.tif", **OWN_DEM}, SIGMA, dem=False),
    Case(
        "grd-utm-placeholder",
        {"filein1": "@SCENE", "fileout": "@OUT.dim", "input10": "UTM Zone 32", "input11": "9.0", **OWN_DEM},
        SIGMA,
        dem=False,
    ),
    Case("grd-etrs89", {**USUAL, **OWN_DEM}, SIGMA, spacing=15.0, dem=False),
    Case("grd-bare-wgs84", USUAL, SIGMA, DEGREES, 20.0),
    Case("grd-one-line-wkt", USUAL, SIGMA, DEGREES, 20.0),
    Case(
        "grd-multilook-amplitude",
        {**USUAL, "range_looks": 2, "azimuth_looks": 2, "res_m": 20, "res_deg": 0.00018},
        ("Amplitude_VH", "Amplitude_VV"),
        spacing=20.0,
    ),
    Case("grd-multilook-intensity", {"input": "@SCENE", "output": "@OUT.tif"}, SIGMA, RADAR, dem=False),
    Case("grd-decibels", USUAL, ("Sigma0_VH_db", "Sigma0_VV_db")),
    Case("grd-subset-first", {**USUAL, "region": AREA}, SIGMA),
    Case("grd-two-writes", {"filein1": "@SCENE", "target1": "@OUT.dim", "target2": "@OUT.tif"}, SIGMA, ""),
    Case("grd-border-after-noise", USUAL, SIGMA, RADAR, dem=False),
    Case(
        "grd-all-layers",
        USUAL,
        (*SIGMA, *GAMMA, *BETA, *ANGLES, "elevation", "latitude", "longitude", "layover_shadow_mask"),
    ),
    Case("grd-all-defaults", USUAL, SIGMA, RADAR, dem=False),
    Case("grd-advanced-read", USUAL, SIGMA, RADAR, dem=False),
    Case("grd-orbit-last", USUAL, SIGMA),
    Case(
        "grd-normalized",
        USUAL,
        (*SIGMA, *(f"{name}_use_projected_local_inci_angle_from_dem" for name in GAMMA)),
    ),
    Case("grd-like-the-card", {"input": "@SCENE", "output": "@OUT.tif", **OWN_DEM}, GAMMA, dem=False),
    Case(
        "grd-band-merge",
        {"input1": "@SCENE", "output": "@OUT.dim"},
        ("Sigma0_VV", "Gamma0_VH"),
        RADAR,
        dem=False,
    ),
    Case("grd-band-maths", {**USUAL, "date": "20210612"}, ("VV_20210612", "ratio", "VV_log"), spacing=20.0),
    Case("grd-speckle-flattened", USUAL, ("Gamma0_VH_db", "Gamma0_VV_db")),
    Case("grd-speckle-before-map", USUAL, ("Sigma0_VV",), RADAR, dem=False),
    Case("grd-land-mask", USUAL, SIGMA, spacing=20.0),
    Case(
        "grd-polygon-mask-no-read",
        {"polygon": WIDE},
        SIGMA,
        RADAR,
        words=("@SCENE", "-t", "@OUT.dim"),
        dem=False,
    ),
    Case("grd-resample-backwards", {"file": "@SCENE", "out": "@OUT.tif", "res": 30}, SIGMA, spacing=30.0),
    Case(
        "grd-resample-reference",
        {"output": "@OUT.dim"},
        SIGMA,
        RADAR,
        words=("-S", "source=@SCENE"),
        dem=False,
    ),
    Case(
        "grd-resample-size",
        {"input1": "@SCENE", "target1": "@OUT.dim", "input9": "BEAM-DIMAP", "width": 180, "height": 160},
        ("Sigma0_VV",),
        "",
    ),
    Case("grd-reproject-degrees", USUAL, SIGMA, ""),
    Case(
        "grd-reproject-wkt",
        {"filein1": "@SCENE", "fileout": "@OUT.dim", "zone": "15.0", "size": 25},
        GAMMA,
        spacing=25.0,
    ),
    Case(
        "grd-collocate-old-names",
        USUAL,
        (*(f"{name}_M" for name in SIGMA), *(f"{name}_S" for name in GAMMA), "collocationFlags"),
        spacing=20.0,
    ),
    Case("grd-collocate-difference", USUAL, ("difference", "seen"), spacing=20.0),
    Case(
        "grd-collocate-three",
        {"input": "@SCENE", "output": "@OUT.tif"},
        ("Sigma0_VH_M", *(f"{name}_S{k}" for name in ("Sigma0_VH", "collocationFlags") for k in (0, 1))),
        spacing=20.0,
    ),
    Case(
        "grd-collocate-from-dimap",
        {"input1": "@WHOLE", "input2": "@MASKED", "reference": "whole", "output": "@OUT.dim"},
        (*SIGMA, "Sigma0_VV_S", "Sigma0_VH_S", "collocationFlags"),
        "",
    ),
    Case(
        "grd-bytes",
        {"input": "@SCENE", "output": "@OUT.tif", "polarisation": "VV"},
        ("Sigma0_VV_db",),
        spacing=20.0,
        is_scaled=True,
    ),
    Case("grd-one-band-float", {"input1": "@SCENE", "target1": "@OUT.dim"}, ("Sigma0_VV",), RADAR, dem=False),
    Case(
        "grd-angles-apart",
        {"filein1": "@SCENE", "target1": "@OUT.dim", "target2": "@OUT.tif"},
        (*SIGMA, "localIncidenceAngle", "incidenceAngleFromEllipsoid"),
        spacing=20.0,
    ),
    Case("grd-filter-then-flatten", USUAL, GAMMA, spacing=20.0),
    Case(
        "grd-flatten-external",
        {**USUAL, "dem": "External DEM", **OWN_DEM, "dem_nodata": -32768, "egm_correction": "false"},
        (*GAMMA, *SIGMA),
        spacing=20.0,
        dem=False,
    ),
    Case("grd-flatten-multilook", USUAL, ("Gamma0_VH_db", "Gamma0_VV_db"), RADAR),
    Case(
        "grd-gamma-map-no-read",
        {},
        ("Sigma0_VV",),
        spacing=20.0,
        words=("-S", "source1=@SCENE", "-t", "@OUT.tif"),
    ),
    Case("grd-two-in-one-expression", {**USUAL, "threshold": 0.001}, ("cosine", "bright"), RADAR, dem=False),
    Case("grd-merge-and-reproject", USUAL, ("Sigma0_VV", "Gamma0_VV"), ""),
]

TWO: dict[str, object] = {"filein1": "@FIRST", "filein2": "@SECOND", "fileout": "@OUT.dim"}
ONE: dict[str, object] = {"file": "@FIRST", "outputFile": "@OUT.dim"}
SLC = [
    Case("slc-coherence", TWO, (f"coh_IW2_VV_{DATES}",), spacing=20.0),
    Case("slc-coherence-orbit-first", TWO, (f"coh_IW2_VV_{DATES}",), spacing=20.0),
    Case(
        "slc-coherence-sources",
        {"subswath": "IW2", "cohWinAz": 3, "cohWinRg": 10},
        (f"coh_IW2_VV_{DATES}",),
        RADAR,
        words=("-S", "source1=@FIRST", "-S", "source2=@SECOND", "-t", "@OUT.dim"),
    ),
    Case(
        "slc-coherence-polygon",
        {**TWO, "subSwath": "IW2", "wktAoi": AREA, "demPath": "@DEM", "demNoDataValue": -32768},
        (f"coh_IW2_VH_{DATES}", f"coh_IW2_VV_{DATES}"),
        RADAR,
    ),
    Case("slc-coherence-three-branches", {**TWO, "fileout": "@OUT.tif"}, (f"coh_VV_{DATES}",), spacing=20.0),
    Case(
        "slc-backscatter-three-branches",
        {**ONE, "polarisation": "VV,VH", "outputSigmaBand": "false", "outputGammaBand": "true", "resol": 20},
        GAMMA,
        spacing=20.0,
    ),
    Case("slc-backscatter-one-swath", ONE, ("Sigma0_IW1_VH", "Sigma0_IW1_VV"), RADAR, dem=False),
    Case(
        "slc-split-and-write",
        {
            "input": "@FIRST",
            "output": "@OUT.dim",
            "subswath": "IW3",
            "firstBurstIndex": 2,
            "lastBurstIndex": 2,
        },
        ("i_IW3_VH", "q_IW3_VH", "i_IW3_VV", "q_IW3_VV"),
        RADAR,
        dem=False,
    ),
    Case(
        "slc-interferogram",
        TWO,
        (
            f"i_ifg_VV_{DATES}",
            f"q_ifg_VV_{DATES}",
            f"coh_IW1_VV_{DATES}",
            f"topo_phase_VV_{DATES}",
            "elevation",
        ),
        RADAR,
    ),
    Case("slc-interferogram-direct", TWO, (f"i_ifg_IW1_VV_{DATES}", f"q_ifg_IW1_VV_{DATES}"), RADAR),
    Case("slc-diversity", TWO, (f"coh_IW1_VV_{DATES}",), RADAR),
    Case(
        "slc-stack",
        {"filein1": "@FIRST", "filein2": "@SECOND", "output": "@OUT.dim"},
        (
            "i_IW1_VV_ref_18Jun2021",
            "q_IW1_VV_ref_18Jun2021",
            "i_IW1_VV_sec1_12Jun2021",
            "q_IW1_VV_sec1_12Jun2021",
        ),
        RADAR,
    ),
    Case(
        "slc-bursts-from-dimap",
        {**TWO, "fileout": "@OUT.tif"},
        (f"coh_IW2_VH_{DATES}", f"coh_IW2_VV_{DATES}"),
        spacing=20.0,
    ),
    Case("slc-assembly", TWO, ("i_IW1_VV", "q_IW1_VV"), RADAR, dem=False),
    Case("slc-flattened-merged", {**ONE, "ml": 4}, ("Gamma0_VV",), spacing=40.0),
    Case("slc-assembly-detected", {**TWO, "input2": 8, "input3": 2}, ("Sigma0_IW1_VV",), RADAR, dem=False),
]

PLAUSIBLE = {
    "gamma0": (0.001, 0.3),
    "sigma0": (0.001, 0.3),
    "beta0": (0.001, 0.5),
    "amplitude": (20.0, 400.0),
    "coherence": (0.15, 0.8),
    "local incidence angle": (30.0, 48.0),
    "projected local incidence angle": (30.0, 48.0),
    "incidence angle": (30.0, 46.0),
    "height": (60.0, 500.0),
    "latitude": (45.0, 45.6),
    "longitude": (10.4, 11.2),
    "mask": (0.0, 0.0),
}
"""Where medians lie."""


def run(case: Case, files: dict[str, object], out: Path) -> list[Path]:
    """Run a case by the command; the products that it names."""

    def put(text: object) -> str:
        word = str(text)
        for name, file in {**files, "@OUT": out / "it"}.items():
            word = word.replace(name, str(file))
        return word

    words = [part for name, value in case.values.items() for part in ("-P", f"{name}={put(value)}")]
    words += [put(word) for word in case.words]
    dem = ("--dem", files["@DEM"], *BASE) if case.dem else ()
    done = call_s1card("run", GRAPHS / f"{case.name}.xml", *words, *dem, "--json")
    assert done.returncode == 0, done.stderr
    named = [Path(file) for file in json.loads(done.stdout)["files"]]
    return sorted({path.parent if path.suffix in (".img", ".hdr") else path for path in named})


@dataclass(frozen=True)
class Runs:
    """Runs every case once, however many tests look at it."""

    folder: Path
    done: dict[str, list[Path]]

    def __call__(self, name: str, files: dict[str, object]) -> list[Path]:
        if name not in self.done:
            self.done[name] = run(case_of(name), files, self.folder / name)
        return self.done[name]


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("runs"), {})


def look(case: Case, band: Band) -> None:
    """Grid and values of a band."""
    values = read_band(band, [Window(0, 0, *band.shape)])[0]
    if case.place:
        assert (band.transform is None) == (case.place == RADAR)
    if case.place == MAP and band.transform:
        assert band.transform[0] == pytest.approx(case.spacing)
    if case.place == DEGREES and band.transform:
        assert band.transform[0] * 111_319.49 == pytest.approx(case.spacing, rel=1e-3)
    good = values[np.isfinite(values)]
    assert good.size > (0.05 if case.place in (MAP, "") else 0.6) * values.size
    middle = float(np.median(good))
    if band.meaning.in_decibels and not case.is_scaled:
        middle = 10.0 ** (middle / 10.0)
    least, most = PLAUSIBLE.get(band.meaning.quantity, (-1e6, 1e6))
    if case.is_scaled:
        least, most = 50.0, 205.0
    assert least <= middle <= most, (band.name, middle)
    if "Flags" in band.name:
        assert set(np.unique(good)) <= {0, 1}
    elif band.meaning.quantity != "mask":
        assert good.std() > 0.0
    if band.meaning.quantity == "coherence":
        assert 0.0 <= good.min() <= good.max() <= 1.0


def judged(case: Case, paths: list[Path]) -> None:
    outputs = [open_output(path) for path in paths]
    assert {band.name for output in outputs for band in output.bands} == set(case.bands)
    for output in outputs:
        assert len(output.bands) == (2 if case.name == APART else len(case.bands))
        for band in output.bands:
            look(case, band)


def test_every_graph_of_the_folder_is_run() -> None:
    names = [case.name for case in (*GRD, *SLC)]
    assert sorted(names) == sorted(path.stem for path in GRAPHS.glob("*.xml"))
    assert len(names) >= 30


def test_the_wider_set_of_operators_is_run() -> None:
    """Each of its operators in some graph, and some of them in many graphs."""
    graphs = {path.stem: read_graph(path) for path in GRAPHS.glob("*.xml")}
    found = {name: {node.operator for node in graph.nodes} & set(WIDER_SET) for name, graph in graphs.items()}
    assert set().union(*found.values()) == set(WIDER_SET)
    assert sum(bool(operators) for operators in found.values()) >= 25


@pytest.mark.parametrize("case", GRD, ids=lambda case: case.name)
def test_graphs_of_detected_scenes(case: Case, scene: SimulatedScene, tmp_path: Path, runs: Runs) -> None:
    files: dict[str, object] = {"@SCENE": scene.safe, "@DEM": scene.dem}
    if case.name == "grd-collocate-from-dimap":
        steps = {"whole": "grd-reproject-degrees", "masked": "grd-land-mask"}
        files |= {f"@{name.upper()}": step(case, files, tmp_path / name) for name, case in steps.items()}
    outputs = runs(case.name, files)
    judged(case, outputs)
    assert len(outputs) == (2 if case.name in ("grd-two-writes", APART) else 1)


@pytest.mark.parametrize("case", SLC, ids=lambda case: case.name)
def test_graphs_of_complex_scenes(
    case: Case, pair: SimulatedPair, slices: SimulatedPair, tmp_path: Path, runs: Runs
) -> None:
    files: dict[str, object] = {"@FIRST": pair.reference[0], "@SECOND": pair.secondary[0], "@DEM": pair.dem}
    if case.name.startswith("slc-assembly"):
        files = {"@FIRST": slices.reference[0], "@SECOND": slices.reference[1], "@DEM": slices.dem}
    if case.name == "slc-bursts-from-dimap":
        files |= {name: cut_out(files[name], tmp_path / name[1:]) for name in ("@FIRST", "@SECOND")}
    judged(case, runs(case.name, files))


def step(name: str, files: dict[str, object], target: Path) -> Path:
    """The BEAM-DIMAP product of a graph, under a name of its own."""
    (path,) = run(replace(case_of(name), values={**USUAL, "output": f"{target}.dim"}), files, target.parent)
    return path


def cut_out(scene: object, folder: Path) -> Path:
    """A sub-swath of a scene as a BEAM-DIMAP product, as users cut them out once for many pairs."""
    folder.mkdir()
    values = {"subswath": "IW2", "firstBurstIndex": 1, "lastBurstIndex": 2}
    case = case_of("slc-split-and-write")
    (path,) = run(replace(case, values={**case.values, **values}), {"@FIRST": scene}, folder)
    return path


def case_of(name: str) -> Case:
    return next(case for case in (*GRD, *SLC) if case.name == name)


def assert_same(first: Path, second: Path) -> None:
    for product in compare_outputs(first, second):
        assert not (product.only_first or product.only_second)
        assert all(band.identical == 1.0 and band.mask_agreement == 1.0 for band in product.bands)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("grd-text-sources-backwards", "grd-orbit-last"),
        ("grd-bare-wgs84", "grd-one-line-wkt"),
        ("grd-unknown-parameters", "grd-utm-placeholder"),
    ],
)
def test_spellings_of_one_chain_give_the_same(
    first: str, second: str, scene: SimulatedScene, runs: Runs
) -> None:
    """Calibration does not move anything, so that an orbit may come after it."""
    files: dict[str, object] = {"@SCENE": scene.safe, "@DEM": scene.dem}
    outputs = [runs(name, files) for name in (first, second)]
    assert_same(outputs[0][0], outputs[1][0])


def test_orbit_before_and_after_the_split_give_the_same(pair: SimulatedPair, runs: Runs) -> None:
    files: dict[str, object] = {"@FIRST": pair.reference[0], "@SECOND": pair.secondary[0], "@DEM": pair.dem}
    names = ("slc-coherence", "slc-coherence-orbit-first")
    outputs = [runs(name, files) for name in names]
    assert_same(outputs[0][0], outputs[1][0])


def recipe(name: str, out: Path, dem: Path, **values: object) -> Path:
    words = [part for key, value in values.items() for part in ("-P", f"{key}={value}")]
    done = call_s1card(
        "run", name, *words, "-P", f"output={out}", "-P", "demNoData=-32768", "--dem", dem, *BASE
    )
    assert done.returncode == 0, done.stderr
    return out


def test_a_user_graph_of_the_same_chain_is_the_card(
    scene: SimulatedScene, tmp_path: Path, runs: Runs
) -> None:
    (ours,) = runs("grd-like-the-card", {"@SCENE": scene.safe, "@DEM": scene.dem})
    values = {"input": scene.safe, "imgResampling": "BILINEAR_INTERPOLATION"}
    assert_same(recipe("card-bs", tmp_path / "card.tif", scene.dem, **values), ours)


def test_three_branches_are_the_coherence_card(pair: SimulatedPair, tmp_path: Path, runs: Runs) -> None:
    """The user's graph leaves out what is new in SNAP 14, so that its default holds: the bias is corrected."""
    first, second = pair.reference[0], pair.secondary[0]
    files: dict[str, object] = {"@FIRST": first, "@SECOND": second, "@DEM": pair.dem}
    (ours,) = runs("slc-coherence-three-branches", files)
    values = {"reference": first, "secondary": second, "polarisations": "VV", "correctCoherenceBias": "true"}
    card = recipe("card-coh6", tmp_path / "card.tif", pair.dem, **values)
    for product in compare_outputs(card, ours):
        (band,) = product.bands
        assert band.same_grid
        assert band.mask_agreement > 0.999
        assert band.identical > 0.999


# What stands in the way.


def chain(*steps: tuple[str, dict[str, str]]) -> Graph:
    """Read, the steps one after the other, Write."""
    nodes = [Node("Read", "Read", (), (Parameter("file", "a.zip"),))]
    for operator, values in (*steps, ("Write", {"file": "b.dim"})):
        parameters = tuple(Parameter(name, value) for name, value in values.items())
        nodes.append(Node(operator, operator, (SourceRef("sourceProduct", nodes[-1].id),), parameters))
    return Graph(tuple(nodes))


def messages(graph: Graph) -> str:
    return "\n".join(f"{f.severity} {f.node} {f.message}" for f in (*check(graph), *native_findings(graph)))


@pytest.mark.parametrize("operator", sorted(UNDESCRIBED))
def test_operators_of_snap_alone_are_named(operator: str) -> None:
    graph = chain(("Calibration", {}), (operator, {}))
    assert f"warning {operator} {operator} is an operator of SNAP" in messages(graph)
    with pytest.raises(GraphError, match=operator):
        check_capability(graph)


@pytest.mark.parametrize("operator", sorted(set(TABLE) - set(OPERATORS) - {"Write"}))
def test_operators_that_the_native_engine_lacks_are_named(operator: str) -> None:
    graph = chain((operator, {}))
    text = f"warning {operator} the native engine has no operator {operator}: the engines gpt, container"
    assert text in messages(graph)
    with pytest.raises(GraphError, match=f"no operator {operator}"):
        check_capability(graph)


VALUES = [
    ("Terrain-Correction", "outputComplex", "true"),
    ("Terrain-Correction", "demResamplingMethod", "DELAUNAY_INTERPOLATION"),
    ("Terrain-Correction", "externalAuxFile", "aux.zip"),
    ("Subset", "vectorFile", "area.shp"),
    ("Subset", "polygonRegion", "POLYGON((0 0,1 0,1 1,0 0))"),
    ("Apply-Orbit-File", "orbitType", "DORIS Precise VOR (ENVISAT) (Auto Download)"),
    ("Coherence", "singleMaster", "false"),
    ("Enhanced-Spectral-Diversity", "doNotWriteTargetBands", "true"),
]


@pytest.mark.parametrize(("operator", "name", "value"), VALUES, ids=lambda word: word[:24])
def test_values_that_the_native_engine_lacks_are_named(operator: str, name: str, value: str) -> None:
    graph = chain((operator, {name: value}))
    if name in UNSUPPORTED.get(operator, {}):
        assert f"warning {operator} the native engine has no {name}={value} of {operator}" in messages(graph)
        with pytest.raises(GraphError, match=f"no {name}="):
            check_capability(graph)
    assert "the native engine has no" not in messages(chain((operator, {name: ""})))
    assert "the native engine has no" not in messages(chain((operator, {name: "${later}"})))


def test_formats_that_nobody_writes_are_named() -> None:
    graph = chain()
    write = graph.nodes[-1]
    hdf = Graph((*graph.nodes[:-1], Node("W", "Write", write.sources, (Parameter("formatName", "HDF5"),))))
    assert "the native engine writes no HDF5, only BEAM-DIMAP, COG" in messages(hdf)
    assert "writes no" not in messages(graph)


def test_the_command_names_them(tmp_path: Path) -> None:
    path = tmp_path / "graph.xml"
    steps = (("Terrain-Correction", {"outputComplex": "true"}), ("Polarimetric-Decomposition", {}))
    path.write_text(write_graph(chain(*steps)), encoding="utf-8")
    done = call_s1card("graph", "check", path, "--json")
    assert done.returncode == 0
    told = [f"{one['node']}: {one['message']}" for one in json.loads(done.stdout)]
    assert any("has no outputComplex=true of Terrain-Correction" in text for text in told)
    assert any(text.startswith("Polarimetric-Decomposition: ") for text in told)


@pytest.mark.parametrize("name", ["card-bs", "card-bs-slc", "card-coh6"])
def test_recipes_have_nothing_in_their_way(name: str) -> None:
    done = call_s1card("graph", "check", name, "--json")
    assert "native engine" not in done.stdout


# The table of operators.


def test_the_page_of_operators_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == operators_markdown(), (
        "run: s1card graph operators --markdown > docs/operators.md"
    )


def test_the_table_says_what_the_engine_does() -> None:
    rows = {row.name: row for row in operator_table()}
    assert set(rows) == {*TABLE, *UNDESCRIBED}
    assert set(_OTHERS) >= UNDESCRIBED
    for name, row in rows.items():
        assert row.description
        has = name in OPERATORS or name == "Write"
        assert (row.support != "no") == has
        assert (row.support == "partly") == (has and (name in UNSUPPORTED or name == "Write"))
        for parameter, refused in UNSUPPORTED.get(name, {}).items():
            (limit,) = [text for text in row.limits if text.startswith(f"`{parameter}`")]
            assert refused is ANY or all(f"`{value!s}`" in limit for value in refused)
    assert all(f"`{name}`" in rows["Write"].limits[-1] for name in FORMATS)
    done = call_s1card("graph", "operators", "--json")
    assert len(json.loads(done.stdout)) == len(rows)
