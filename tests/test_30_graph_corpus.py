"""Graphs as users write them: every spelling that was seen in the wild, in all combinations."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from s1card.graph import (
    check,
    fill,
    has_errors,
    placeholders,
    read_graph,
    with_sources,
    with_target,
    write_graph,
)

WKT = (
    "GEOGCS[&quot;WGS84(DD)&quot;, &#xd;\n  DATUM[&quot;WGS84&quot;, \n"
    "    SPHEROID[&quot;WGS84&quot;, 6378137.0, 298.257223563]]]"
)

DECLARATIONS = ("", '<?xml version="1.0" encoding="UTF-8"?>\n', '<?xml version="1.0" encoding="ISO-8859-1"?>')
ROOTS = ('<graph id="Graph">', "<graph>")
SOURCES = (
    '<sourceProduct refid="{0}"/>',
    "<sourceProduct>{0}</sourceProduct>",
    "<source>\n  {0}\n</source>",
    "<sourceProducts>{0}</sourceProducts>",
    '<anything.1 refid="{0}"></anything.1>',
)
PARAMETERS = ("<parameters>", '<parameters class="com.bc.ceres.binding.dom.XppDomElement">')
STYLES = ("${{{0}}}", "${0}")
APPLICATION_DATA = (
    "",
    '<applicationData id="Presentation"><Description/><node id="Read"><position x="37" y="1"/></node>'
    "</applicationData>",
)


def graph_text(declaration: str, root: str, source: str, opening: str, style: str, data: str) -> str:
    """A chain written backwards, with comments, old names, empty elements and padded values."""
    return f"""{declaration}{root}
  <version>1.0</version>
  <!-- <node id="Read"><operator>Old</operator></node> -->
  <node id="Terrain-Correction(2)">
    <operator>Terrain-Correction</operator>
    <sources>{source.format("Calibration")}</sources>
    {opening}
      <sourceBands/>
      <demName>SRTM 1Sec HGT</demName>
      <mapProjection>{WKT}</mapProjection>
      <pixelSpacingInMeter>{style.format("res_m")}</pixelSpacingInMeter>
      <sourceBandNames></sourceBandNames>
    </parameters>
  </node>
  <node id="Calibration">
    <operator>Calibration</operator>
    <sources>{source.format("Read")}</sources>
    {opening}
      <selectedPolarisations>
         VH,VV
      </selectedPolarisations>
      <outputSigmaBand>True</outputSigmaBand>
    </parameters>
  </node>
  <node id="Read"><operator>Read</operator><sources/>
    {opening}<file>{style.format("input1")}</file><formatName>SENTINEL-1</formatName></parameters></node>
  <node id="Write"><operator>Write</operator><sources>{source.format("Terrain-Correction(2)")}</sources>
    {opening}<file>{style.format("input10")}</file><!-- format follows --></parameters></node>
  {data}
</graph>"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_spelling_means_the_same(newline: str, tmp_path: Path) -> None:
    path = tmp_path / "graph.xml"
    spellings = itertools.product(DECLARATIONS, ROOTS, SOURCES, PARAMETERS, STYLES, APPLICATION_DATA)
    for spelling in spellings:
        path.write_bytes(graph_text(*spelling).replace("\n", newline).encode())
        graph = read_graph(path)
        assert [node.id for node in graph.in_order()] == [
            "Read",
            "Calibration",
            "Terrain-Correction(2)",
            "Write",
        ]
        assert sorted(p.name for p in placeholders(graph)) == ["input1", "input10", "res_m"]
        assert len(graph.application_data) == bool(spelling[-1])
        assert read_graph(write_graph(graph)) == graph
        filled = fill(graph, {"input1": "in.zip", "input10": "out.dim", "res_m": "20"})
        assert filled.node("Write").value("file") == "out.dim"
        assert filled.node("Terrain-Correction(2)").value("pixelSpacingInMeter") == "20"
        assert (
            filled.node("Terrain-Correction(2)").value("mapProjection").startswith('GEOGCS["WGS84(DD)", \r')
        )
        assert filled.node("Calibration").value("selectedPolarisations") == "VH,VV"
        assert not has_errors(check(filled))


def test_graphs_without_read_and_write_take_them_from_the_caller() -> None:
    for ref in ("${sourceProducts}", "${sourceProduct}", "$sourceProduct.1", "${input}"):
        graph = read_graph(
            f"<graph><version>1.0</version><node id='Cal'><operator>Calibration</operator>"
            f"<sources><source>{ref}</source></sources><parameters/></node></graph>"
        )
        names = {
            "sourceProduct": "a.zip",
            "sourceProduct.1": "a.zip",
            "sourceProduct1": "a.zip",
            "input": "a.zip",
        }
        complete = with_target(with_sources(graph, names), "target.dim")
        assert [node.operator for node in complete.in_order()] == ["Read", "Calibration", "Write"]
        assert not has_errors(check(complete))


def test_nested_parameters_of_band_maths() -> None:
    graph = read_graph(
        """<graph><version>1.0</version>
        <node id="A"><operator>Read</operator><sources/><parameters><file>a</file></parameters></node>
        <node id="M"><operator>BandMaths</operator><sources><sourceProduct refid="A"/></sources>
        <parameters>
          <targetBands><targetBand><name>coh_${extension}</name><type>float32</type>
            <expression>20*log10(abs($1.i_VV &lt; 0 ? 1 : $2.q_VV))</expression><description/></targetBand>
          </targetBands>
          <variables/>
        </parameters></node></graph>"""
    )
    assert [p.name for p in placeholders(graph)] == ["extension"]
    band = fill(graph, {"extension": "VV"}).node("M").parameters[0].children[0]
    assert band.child("name") == "coh_VV"
    assert band.child("expression") == "20*log10(abs($1.i_VV < 0 ? 1 : $2.q_VV))"
    assert not has_errors(check(graph))
