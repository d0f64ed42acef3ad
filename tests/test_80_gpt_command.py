"""The command s1card-gpt: SNAP's command line, its messages and exit codes, on the native engine."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import tomllib
import warnings
from pathlib import Path

import pytest
import rasterio
from gpt_cases import done, gpt, image, refusal, same
from rasterio.errors import NotGeoreferencedWarning

from s1card.engine.native.operators import OPERATORS as NATIVE
from s1card.errors import UsageError
from s1card.gpt.arguments import Arguments, parse_arguments
from s1card.gpt.parameter_file import read_parameter_file
from s1card.gpt.surroundings import Place, surroundings_of
from s1card.simulate import GrdConfig, SimulatedScene, SlcPairConfig, simulate_grd, simulate_slc_pair

CALIBRATION = """<graph id="g"><version>1.0</version>
  <node id="Cal"><operator>Calibration</operator><sources><source>${%s}</source></sources>
    <parameters><outputGammaBand>${gamma}</outputGammaBand><outputSigmaBand>false</outputSigmaBand></parameters>
  </node></graph>"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> SimulatedScene:
    return simulate_grd(GrdConfig(lines=120, pixels=150, targets=1), tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="module")
def gamma(scene: SimulatedScene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gamma0 as the operator alone makes it."""
    target = tmp_path_factory.mktemp("gamma") / "gamma.dim"
    done(
        "Calibration",
        "-PoutputGammaBand=true",
        "-PoutputSigmaBand=false",
        f"-Ssource={scene.safe}",
        "-t",
        target,
    )
    return target


@pytest.fixture(scope="module")
def slc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SLC scene of two sub-swaths."""
    config = SlcPairConfig(bursts=2, swaths=("IW1", "IW2"), samples=400, polarizations=("VV",))
    return simulate_slc_pair(config, tmp_path_factory.mktemp("pair")).secondary[0]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder and an environment of its own; rasters in radar geometry have no georeference."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("S1CARD_DEM", "S1CARD_DEM_DATUM", "S1CARD_ORBIT"):
        monkeypatch.delenv(name, raising=False)
    warnings.simplefilter("ignore", NotGeoreferencedWarning)


def bands_of(document: Path) -> list[str]:
    return sorted(path.stem for path in document.with_suffix(".data").glob("*.img"))


class TestArguments:
    def test_every_option_is_understood_in_any_order(self) -> None:
        words = "-q 3 graph.xml -c 4096M -x a.SAFE -e -Pone=1=2 -f ENVI -Sid=b.zip -t out -Dk=v -p file -m meta c.SAFE"
        assert parse_arguments(words.split()) == Arguments(
            name="graph.xml",
            files=("a.SAFE", "c.SAFE"),
            parameters={"one": "1=2"},
            sources={"id": "b.zip"},
            properties={"k": "v"},
            target="out",
            format_name="ENVI",
            parameter_file="file",
            threads=3,
            cache=4096 << 20,
            shows_errors=True,
        )

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["-z"], "Unknown option '-z'"),
            (["Read", "-t"], "Option argument missing for option '-t'"),
            (["Read", "-Pname"], "Missing '=' in '-Pname'"),
            (["Read", "-c", "much"], "Invalid size 'much' of option '-c'"),
            (["Read", "-q", "0"], "Invalid number '0' of option '-q'"),
            (["Read", "-v", "templates"], "Velocity templates (-v) are not rendered by s1card"),
        ],
    )
    def test_wrong_options_are_refused(self, words: list[str], message: str) -> None:
        assert refusal(*words).startswith(f"Error: {message}")

    @pytest.mark.parametrize("name", ["g.xml", "g.XML", "dir/graph", "dir\\graph"])
    def test_graphs_are_known_by_extension_or_slash(self, name: str) -> None:
        assert parse_arguments([name]).names_graph
        assert not parse_arguments(["Terrain-Correction"]).names_graph

    def test_cache_threads_and_heap_become_those_of_the_engine(self, tmp_path: Path) -> None:
        place = Place({}, tmp_path)

        def of(*words: str) -> tuple[int, int]:
            made = surroundings_of(parse_arguments(words), place, own_dem=True)
            return made.memory, made.threads

        assert of("-c", "512M", "-q", "7") == (2 << 30, 7)
        assert of("-c", "3G", "-q", "1")[0] == 3 << 30
        assert of("-J-Xmx1G", "-c", "3G")[0] == 1 << 30


class TestSurroundings:
    def test_orbit_files_of_snap_are_found(self, tmp_path: Path) -> None:
        words = parse_arguments([f"-Dsnap.userdir={tmp_path}"])
        assert surroundings_of(words, Place({}, tmp_path), own_dem=True).orbit_folder is None
        (tmp_path / "auxdata/Orbits/Sentinel-1").mkdir(parents=True)
        folder = tmp_path / "auxdata/Orbits/Sentinel-1"
        assert surroundings_of(words, Place({}, tmp_path), own_dem=True).orbit_folder == folder

    def test_orbit_file_is_taken_from_snaps_folder_if_none_is_beside_the_scene(
        self, scene: SimulatedScene, tmp_path: Path
    ) -> None:
        lonely = tmp_path / "alone" / scene.safe.name
        shutil.copytree(scene.safe, lonely)
        assert "[NodeId: Apply-Orbit-File]" in refusal("Apply-Orbit-File", lonely)
        month = tmp_path / "home/.snap/auxdata/Orbits/Sentinel-1/POEORB/S1A/2021/06"
        month.mkdir(parents=True)
        shutil.copy(scene.orbit, month)
        done("Apply-Orbit-File", lonely)
        assert scene.orbit.stem in Path("target.dim").read_text("latin-1")

    def test_dem_of_the_environment_stands_for_those_that_snap_downloads(
        self, scene: SimulatedScene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        correct = ("Terrain-Correction", "-PmapProjection=AUTO:42001", scene.safe, "-f", "GeoTIFF")
        assert "Copernicus 30m Global DEM" in refusal(*correct)
        external = ("-PdemName=External DEM", f"-PexternalDEMFile={scene.dem}", "-PexternalDEMApplyEGM=false")
        done(*correct, *external, "-PexternalDEMNoDataValue=-32768", "-t", "external.tif")
        monkeypatch.setenv("S1CARD_DEM", str(scene.dem))
        monkeypatch.setenv("S1CARD_DEM_DATUM", "ellipsoid")
        done(*correct, "-t", "environment.tif")
        assert same(Path("external.tif"), Path("environment.tif"))
        monkeypatch.setenv("S1CARD_DEM", str(tmp_path / "nowhere.tif"))
        assert "S1CARD_DEM" in refusal(*correct)


class TestOperators:
    def test_default_target_and_format(self, scene: SimulatedScene) -> None:
        done("Calibration", scene.safe)
        assert bands_of(Path("target.dim")) == ["Sigma0_VH", "Sigma0_VV"]

    @pytest.mark.parametrize("option", ["-Ssource={}", "-SsourceProduct={}", "{}"])
    def test_source_by_name_or_position(self, scene: SimulatedScene, gamma: Path, option: str) -> None:
        switches = "-PoutputGammaBand=true", "-PoutputSigmaBand=false"
        done("Calibration", *switches, option.format(scene.safe), "-t", "own.dim")
        assert same(Path("own.data/Gamma0_VV.img"), gamma.with_suffix(".data") / "Gamma0_VV.img")

    @pytest.mark.parametrize(
        ("target", "format_name", "files"),
        [
            ("out.tif", "", ["out.tif"]),
            ("out", "GeoTIFF-BigTIFF", ["out.tif"]),
            ("out", "", ["out.dim", "out.data"]),
            ("out", "ENVI", ["out"]),
            ("out.dim", "GeoTIFF", ["out.dim.tif"]),
        ],
    )
    def test_formats(
        self, scene: SimulatedScene, tmp_path: Path, target: str, format_name: str, files: list[str]
    ) -> None:
        done("Calibration", scene.safe, "-t", target, *(("-f", format_name) if format_name else ()))
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files)

    def test_several_sources(self, gamma: Path, scene: SimulatedScene) -> None:
        done("Calibration", scene.safe, "-t", "sigma.dim")
        done("BandMerge", gamma, "sigma.dim", "-t", "both.dim")
        assert bands_of(Path("both.dim")) == ["Gamma0_VH", "Gamma0_VV", "Sigma0_VH", "Sigma0_VV"]

    def test_refusals_are_in_the_words_of_snap(self, scene: SimulatedScene) -> None:
        assert refusal("Calibrate", scene.safe).startswith("Error: SPI not found for operator 'Calibrate'")
        assert refusal("Calibration", scene.safe, "-PoutputGamaBand=true") == (
            "Error: Operator 'Calibration': unknown parameter 'outputGamaBand'. Did you mean 'outputGammaBand'?"
        )
        assert refusal("Calibration").startswith(
            "Error: Operator 'Calibration': one source product must be given"
        )
        assert "takes one source product, 2 are given" in refusal("Calibration", scene.safe, "other.zip")

    def test_operators_and_values_that_are_missing_are_named_with_their_node(
        self, scene: SimulatedScene
    ) -> None:
        lacking = next(n for n in ("Land-Sea-Mask", "Reproject", "Update-Geo-Reference") if n not in NATIVE)
        assert refusal(lacking, scene.safe).startswith(
            f"Error: [NodeId: {lacking}] the native engine has no operator {lacking}"
        )
        message = refusal("Terrain-Correction", scene.safe, "-PoutputComplex=true")
        assert message.startswith(
            "Error: [NodeId: Terrain-Correction] the native engine has no outputComplex=true"
        )

    def test_a_scene_that_is_none_is_an_error_of_its_read_node(self, tmp_path: Path) -> None:
        message = refusal("Calibration", tmp_path / "nothing.SAFE", "-e")
        assert message.startswith("Error: [NodeId: Read] ")
        assert "Traceback" in message
        assert "Traceback" not in refusal("Calibration", tmp_path / "nothing.SAFE")

    def test_unknown_format(self, scene: SimulatedScene) -> None:
        assert "output format 'Foo' is unknown" in refusal("Calibration", scene.safe, "-f", "Foo")
        assert "'.xyz'" in refusal("Calibration", scene.safe, "-t", "a.xyz")


class TestGraphs:
    @pytest.mark.parametrize(
        ("source", "words"),
        [
            ("sourceProduct", "{}"),
            ("sourceProduct1", "{}"),
            ("sourceProduct.1", "{}"),
            ("mine", "-Smine={}"),
        ],
    )
    def test_graph_without_read_and_write(
        self, scene: SimulatedScene, gamma: Path, source: str, words: str
    ) -> None:
        Path("graph.xml").write_text(CALIBRATION % source)
        done("graph.xml", words.format(scene.safe), "-Pgamma=true", "-t", "out.tif", "-Punknown=ignored")
        with rasterio.open("out.tif") as raster:
            assert raster.count == 2
        assert same(Path("out.tif"), gamma.with_suffix(".data") / "Gamma0_VH.img")

    def test_header_source(self, scene: SimulatedScene) -> None:
        graph = (CALIBRATION % "x").replace(
            "<node", '<header><target refid="Cal"/><source name="scene"/></header><node', 1
        )
        Path("graph.xml").write_text(graph.replace("<source>${x}</source>", '<source refid="scene"/>'))
        done("graph.xml", f"-Sscene={scene.safe}", "-Pgamma=true")
        assert bands_of(Path("target.dim")) == ["Gamma0_VH", "Gamma0_VV"]

    def test_target_is_not_used_if_the_graph_writes(self, scene: SimulatedScene) -> None:
        write = """<node id="W"><operator>Write</operator><sources><source refid="Cal"/></sources>
          <parameters><file>${out}</file><formatName>ENVI</formatName></parameters></node></graph>"""
        Path("graph.xml").write_text((CALIBRATION % "s").replace("</graph>", write))
        done("./graph.xml", f"-Ss={scene.safe}", "-Pgamma=true", "-Pout=own", "-t", "other.dim")
        assert Path("own/Gamma0_VV.img").is_file()
        assert not Path("other.dim").exists()

    def test_missing_source_and_graph(self) -> None:
        Path("graph.xml").write_text(CALIBRATION % "scene")
        assert refusal("graph.xml", "-Pgamma=true").startswith(
            "Error: [NodeId: Cal] Calibration has no source"
        )
        assert refusal("no.xml").startswith("Error: no.xml: the graph cannot be read")


class TestParameterFiles:
    def test_properties_as_java_reads_them(self, tmp_path: Path) -> None:
        file = tmp_path / "p.properties"
        file.write_text(
            "# comment\n! another\n\na=1\n b : two words \nc three\nlong = one,\\\n   two\n"
            "path=C:\\\\data\\\\x\nkey\\ with\\=odd=\\u00e4\\tb\nempty=\n"
        )
        assert {p.name: p.value for p in read_parameter_file(file)} == {
            "a": "1",
            "b": "two words",
            "c": "three",
            "long": "one,two",
            "path": "C:\\data\\x",
            "key with=odd": "ä\tb",
            "empty": "",
        }

    def test_latin_text_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "p").write_bytes("name=Fläche".encode("latin-1"))
        assert read_parameter_file(tmp_path / "p")[0].value == "Fläche"

    def test_xml_with_elements_in_elements(self, tmp_path: Path) -> None:
        (tmp_path / "p.xml").write_text("<parameters><a> 1 </a><l><i>x</i><i>y</i></l></parameters>")
        first, second = read_parameter_file(tmp_path / "p.xml")
        assert (first.name, first.value) == ("a", "1")
        assert [child.value for child in second.children] == ["x", "y"]

    def test_unreadable(self, tmp_path: Path) -> None:
        (tmp_path / "p.xml").write_text("<parameters><a></parameters>")
        with pytest.raises(UsageError, match="not well-formed"):
            read_parameter_file(tmp_path / "p.xml")
        with pytest.raises(UsageError, match="cannot be read"):
            read_parameter_file(tmp_path / "none")

    @pytest.mark.parametrize(
        "text",
        [
            "outputGammaBand=true\noutputSigmaBand=true\nother=1",
            "<parameters><outputGammaBand>true</outputGammaBand><outputSigmaBand>true</outputSigmaBand></parameters>",
        ],
    )
    def test_command_line_overrides_the_file(self, scene: SimulatedScene, text: str) -> None:
        Path("p").write_text(text)
        done("Calibration", scene.safe, "-p", "p", "-PoutputSigmaBand=false")
        assert bands_of(Path("target.dim")) == ["Gamma0_VH", "Gamma0_VV"]

    def test_file_fills_a_graph(self, scene: SimulatedScene) -> None:
        Path("graph.xml").write_text(CALIBRATION % "sourceProduct")
        Path("p").write_text("gamma=false")
        done("graph.xml", scene.safe, "-p", "p")
        assert bands_of(Path("target.dim")) == ["Sigma0_VH", "Sigma0_VV"]
        done("graph.xml", scene.safe, "-p", "p", "-Pgamma=true")
        assert bands_of(Path("target.dim")) == ["Gamma0_VH", "Gamma0_VV"]


class TestSteps:
    """A chain through BEAM-DIMAP products gives what the chain in one graph gives."""

    def test_a_chain_in_steps_is_the_same_as_in_one(self, scene: SimulatedScene, tmp_path: Path) -> None:
        options = (
            "-PdemName=External DEM",
            f"-PexternalDEMFile={scene.dem}",
            "-PexternalDEMApplyEGM=false",
            "-PexternalDEMNoDataValue=-32768",
            "-PmapProjection=AUTO:42001",
        )
        done("Apply-Orbit-File", scene.safe, "-t", "a.dim")
        done("ThermalNoiseRemoval", "a.dim", "-t", "b.dim")
        shutil.rmtree("a.data")
        Path("a.dim").unlink()
        done("Calibration", "b.dim", "-t", "c.dim")
        done("Terrain-Correction", "-Ssource=c.dim", *options, "-t", "steps.tif")
        graph = """<graph><version>1.0</version>
          <node id="r"><operator>Read</operator><sources/><parameters><file>${in}</file></parameters></node>
          <node id="o"><operator>Apply-Orbit-File</operator><sources><s refid="r"/></sources><parameters/></node>
          <node id="n"><operator>ThermalNoiseRemoval</operator><sources><s refid="o"/></sources><parameters/></node>
          <node id="c"><operator>Calibration</operator><sources><s refid="n"/></sources><parameters/></node>
          <node id="t"><operator>Terrain-Correction</operator><sources><s refid="c"/></sources><parameters>
            <demName>External DEM</demName><externalDEMFile>${dem}</externalDEMFile>
            <externalDEMApplyEGM>false</externalDEMApplyEGM><mapProjection>AUTO:42001</mapProjection>
            <externalDEMNoDataValue>-32768</externalDEMNoDataValue></parameters></node></graph>"""
        Path("whole.xml").write_text(graph)
        done("whole.xml", f"-Pin={scene.safe}", f"-Pdem={scene.dem}", "-t", "whole.tif")
        assert Path("steps.tif").stat().st_size == Path("whole.tif").stat().st_size
        assert same(Path("steps.tif"), Path("whole.tif"))

    def test_samples_are_those_of_the_file(self, scene: SimulatedScene, gamma: Path) -> None:
        """Whoever changes the file between two steps gets what he changed."""
        shutil.copy(gamma, "gamma.dim")
        shutil.copytree(gamma.with_suffix(".data"), "gamma.data")
        file = Path("gamma.data/Gamma0_VV.img")
        values = image(file)
        values[3, 4] = 4711.0
        file.write_bytes(values.astype(">f4").tobytes())
        done("LinearToFromdB", "gamma.dim", "-t", "db.dim")
        assert image(Path("db.data/Gamma0_VV_db.img"))[3, 4] == pytest.approx(36.7311, abs=1e-3)

    def test_virtual_bands_follow_the_file(self, scene: SimulatedScene) -> None:
        done("Apply-Orbit-File", scene.safe, "-t", "a.dim")
        file = Path("a.data/Amplitude_VV.img")
        values = image(file)
        values[5, 6] = 100
        file.write_bytes(values.astype(">u2").tobytes())
        done("BandSelect", "a.dim", "-PsourceBands=Intensity_VV", "-t", "b.dim")
        assert bands_of(Path("b.dim")) == ["Intensity_VV"]
        assert image(Path("b.data/Intensity_VV.img"))[5, 6] == 10000.0

    def test_what_the_first_step_did_is_known_to_the_next(self, gamma: Path) -> None:
        assert "calibrated already" in refusal("Calibration", gamma)

    def test_bands_and_region_of_the_read_node_count(self, gamma: Path, tmp_path: Path) -> None:
        graph = """<graph><version>1.0</version><node id="r"><operator>Read</operator><sources/><parameters>
          <file>${in}</file><sourceBands>Gamma0_VV</sourceBands><useAdvancedOptions>true</useAdvancedOptions>
          <pixelRegion>10,20,30,40</pixelRegion></parameters></node></graph>"""
        Path("part.xml").write_text(graph)
        done("part.xml", f"-Pin={gamma}", "-t", "part.dim")
        done("LinearToFromdB", "part.dim", "-t", "db.dim")
        assert bands_of(Path("db.dim")) == ["Gamma0_VV_db"]
        part, whole = (
            image(Path("part.data/Gamma0_VV.img")),
            image(gamma.with_suffix(".data") / "Gamma0_VV.img"),
        )
        assert (part == whole[20:60, 10:40]).all()

    def test_products_of_others_are_refused(self, tmp_path: Path) -> None:
        Path("snap.dim").write_text("<Dimap_Document name='snap.dim'><Dataset_Sources/></Dimap_Document>")
        assert "was not written by s1card" in refusal("Calibration", "snap.dim")
        assert "cannot be read" in refusal("Calibration", "missing.dim")

    def test_another_orbit_file_than_before_is_refused(
        self, scene: SimulatedScene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done("Apply-Orbit-File", scene.safe, "-t", "a.dim")
        monkeypatch.setenv("S1CARD_ORBIT", "none")
        message = refusal("Calibration", "a.dim")
        assert "the product was made with Apply-Orbit-File: POEORB" in message
        assert "[NodeId: Read]" in message

    def test_a_scene_that_is_gone_is_named(self, scene: SimulatedScene, tmp_path: Path) -> None:
        own = tmp_path / scene.safe.name
        shutil.copytree(scene.safe, own)
        done("Calibration", own, "-t", "a.dim")
        shutil.rmtree(own)
        message = refusal("LinearToFromdB", "a.dim")
        assert "cannot be opened again" in message
        assert own.name in message

    def test_truncated_samples_are_refused(self, gamma: Path) -> None:
        shutil.copy(gamma, "gamma.dim")
        shutil.copytree(gamma.with_suffix(".data"), "gamma.data")
        file = Path("gamma.data/Gamma0_VV.img")
        file.write_bytes(file.read_bytes()[:-8])
        assert "Gamma0_VV.img" in refusal("LinearToFromdB", "gamma.dim")


class TestOutput:
    def test_progress_is_that_of_snap(self, scene: SimulatedScene) -> None:
        out = done("Calibration", scene.safe)
        assert out == (
            "Executing operator...\n....10%....20%....30%....40%....50%....60%....70%....80%....90%.... done.\n"
        )
        Path("g.xml").write_text(CALIBRATION % "s")
        assert done("g.xml", f"-Ss={scene.safe}", "-Pgamma=true").startswith("Executing processing graph\n")

    def test_a_failed_run_leaves_nothing(self, scene: SimulatedScene, tmp_path: Path) -> None:
        broken = tmp_path / "in" / scene.safe.name
        shutil.copytree(scene.safe, broken)
        for raster in broken.rglob("*.tiff"):
            raster.write_bytes(raster.read_bytes()[:5000])
        message = refusal("Calibration", broken, "-t", "out.dim")
        assert message.startswith("Error: ")
        assert [path.name for path in tmp_path.iterdir()] == ["in"]

    def test_envi_joins_a_folder_that_holds_other_files(self, scene: SimulatedScene) -> None:
        Path("out/sub").mkdir(parents=True)
        Path("out/sub/keep.txt").touch()
        done("Calibration", scene.safe, "-t", "out", "-f", "ENVI")
        done(
            "Calibration",
            scene.safe,
            "-PoutputBetaBand=true",
            "-PoutputSigmaBand=false",
            "-t",
            "out",
            "-f",
            "ENVI",
        )
        assert sorted(path.name for path in Path("out").glob("*.img")) == [
            "Beta0_VH.img",
            "Beta0_VV.img",
            "Sigma0_VH.img",
            "Sigma0_VV.img",
        ]
        assert Path("out/sub/keep.txt").exists()
        assert not list(Path().glob(".*"))


class TestHelp:
    def test_help_of_all(self) -> None:
        for words in (["-h"], []):
            out = done(*words)
            listed = re.findall(r"^  (\S+) ", out.partition("Operators:\n")[2], re.MULTILINE)
            assert set(listed) == {*NATIVE, "Write"}

    @pytest.mark.parametrize("words", [("Calibration", "-h"), ("-h", "Calibration")])
    def test_help_of_one(self, words: tuple[str, str]) -> None:
        assert "-PoutputGammaBand=<boolean>" in done(*words)

    def test_help_of_an_unknown_one_is_no_error(self) -> None:
        assert done("Foo", "-h") == "Unknown operator 'Foo'.\n"

    def test_diagnosis(self) -> None:
        out = done("--diag", "-c", "4G")
        assert out.startswith("SNAP Release version 14.0.0\n")
        assert "Max memory: 4.0 GB" in out
        assert "s1card" in out


class TestSnapFolder:
    def test_programs_of_the_folder(self, tmp_path: Path) -> None:
        done("--install-as-snap", tmp_path / "snap")
        assert sorted(path.name for path in (tmp_path / "snap/etc").iterdir()) == [
            "snap.auxdata.properties",
            "snap.clusters",
            "snap.conf",
            "snap.properties",
        ]
        programs = tmp_path / "snap/bin"
        words = ["--nosplash", "--nogui", "--modules", "--list", "--refresh"]
        listed = subprocess.run(
            [programs / "snap", *words], capture_output=True, text=True, check=True
        ).stdout
        assert re.search(
            r"^eu\.esa\.microwavetbx\.microwavetbx\.kit\s+14\.0\.0\.[0-9.]+\s+Enabled$", listed, re.M
        )
        told = subprocess.run([programs / "gpt", "--diag"], capture_output=True, text=True, check=True).stdout
        assert told.startswith("SNAP Release version")
        assert subprocess.run([programs / "snap"], capture_output=True, check=False).returncode == 1

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        assert "cannot be written" in gpt("--install-as-snap", tmp_path / "file").stderr


class TestSubSwaths:
    """SLC products of several sub-swaths go through BEAM-DIMAP, too."""

    def test_steps_give_what_one_graph_gives(self, slc: Path) -> None:
        done("Apply-Orbit-File", slc, "-t", "a.dim")
        assert bands_of(Path("a.dim")) == ["i_IW1_VV", "i_IW2_VV", "q_IW1_VV", "q_IW2_VV"]
        done("Calibration", "a.dim", "-t", "b.dim", "-PsourceBands=Intensity_VV")
        assert bands_of(Path("b.dim")) == ["Sigma0_IW1_VV", "Sigma0_IW2_VV"]
        done("TOPSAR-Deburst", "b.dim", "-t", "steps.dim")
        steps = ("Read", ""), ("Apply-Orbit-File", "Read"), ("Calibration", "Apply-Orbit-File")
        nodes = "".join(
            f'<node id="{name}"><operator>{name}</operator><sources>'
            + (f'<s refid="{source}"/>' if source else "")
            + f"</sources><parameters>{f'<file>{slc}</file>' if name == 'Read' else ''}</parameters></node>"
            for name, source in (*steps, ("TOPSAR-Deburst", "Calibration"))
        )
        Path("g.xml").write_text(f"<graph><version>1.0</version>{nodes}</graph>")
        done("g.xml", "-t", "whole.dim")
        assert bands_of(Path("steps.dim")) == ["Sigma0_VV"]
        assert same(Path("steps.data/Sigma0_VV.img"), Path("whole.data/Sigma0_VV.img"))

    def test_other_formats_hold_one_size_only(self, slc: Path) -> None:
        message = refusal("Apply-Orbit-File", slc, "-t", "a.tif")
        assert "make no single raster" in message
        assert "or write BEAM-DIMAP" in message


def test_the_program_is_installed_with_the_package() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    module, name = project["project"]["scripts"]["s1card-gpt"].split(":")
    assert callable(getattr(importlib.import_module(module), name))
