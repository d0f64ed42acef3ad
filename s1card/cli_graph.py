"""``s1card graph``: look at recipes before they run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from s1card.cli_options import assignment
from s1card.errors import GraphError
from s1card.graph.check import Finding, check, has_errors
from s1card.graph.explain import explain
from s1card.graph.fill import fill, recipe_parameters, refuse_unknown
from s1card.graph.model import Graph, RecipeParameter
from s1card.graph.recipes import find_recipe, list_recipes
from s1card.graph.xml import read_graph, write_graph

Values = Sequence[tuple[str, str]]
"""Names and values of ``-P``."""

_MARKS = {"error": "red", "warning": "yellow", "hint": "cyan"}

_recipe = click.argument("recipe", metavar="NAME|FILE")
_values = click.option(
    "-P", "values", type=assignment, metavar="NAME=VALUE", multiple=True, help="Set a parameter of the graph."
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON for machines.")


@click.group()
def graph() -> None:
    """List, show, check and explain SNAP graphs."""


@graph.command("list")
@_as_json
def list_command(as_json: bool) -> None:
    """List the recipes that come with s1card."""
    recipes = list_recipes()
    if as_json:
        _print_json([{"name": r.name, "description": r.description, "path": str(r.path)} for r in recipes])
        return
    _print_table(("recipe", "what it makes"), ((r.name, r.description) for r in recipes))


@graph.command("show")
@_recipe
@_values
def show_command(recipe: str, values: Values) -> None:
    """Write a graph as XML, with parameters filled in."""
    click.echo(write_graph(_filled(recipe, values)), nl=False)


@graph.command("check")
@_recipe
@_values
@_as_json
def check_command(recipe: str, values: Values, as_json: bool) -> None:
    """Find what is wrong, doubtful or unsaid in a graph, and what the native engine has not."""
    from s1card.engine.support import native_findings  # noqa: PLC0415 - the engine takes a second to load

    graph = _filled(recipe, values)
    findings = check(graph) + native_findings(graph)
    if as_json:
        _print_json([finding.as_dict() for finding in findings])
    else:
        _print_findings(findings)
    if has_errors(findings):
        count = sum(finding.severity == "error" for finding in findings)
        raise GraphError(f"the graph has {count} error{'s' * (count > 1)} and cannot run", subject=recipe)


@graph.command("operators")
@click.option("--markdown", "as_markdown", is_flag=True, help="Write the page of the documentation.")
@_as_json
def operators_command(as_markdown: bool, as_json: bool) -> None:
    """List SNAP's operators, and what the native engine has of them."""
    from s1card.engine.support import operator_table, operators_markdown  # noqa: PLC0415 - as above

    if as_markdown:
        click.echo(operators_markdown(), nl=False)
    elif as_json:
        _print_json([asdict(row) for row in operator_table()])
    else:
        head = ("operator", "native", "what it does", "not there")
        rows = (
            (r.name, r.support, r.description, "; ".join(r.limits).replace("`", "")) for r in operator_table()
        )
        _print_table(head, rows)


@graph.command("explain")
@_recipe
@_values
def explain_command(recipe: str, values: Values) -> None:
    """Say in plain words what a graph does."""
    click.echo(explain(_filled(recipe, values)), nl=False)


@graph.command("params")
@_recipe
@_as_json
def params_command(recipe: str, as_json: bool) -> None:
    """List the parameters that a graph takes with -P."""
    parameters = recipe_parameters(read_graph(find_recipe(recipe)))
    if as_json:
        _print_json([asdict(parameter) for parameter in parameters])
        return
    _print_table(
        ("parameter", "default", "unit", "allowed", "meaning"),
        (
            (p.name, _default(p), p.unit, ", ".join(p.allowed) or p.interval, p.description)
            for p in parameters
        ),
    )


def _filled(recipe: str, values: Values) -> Graph:
    graph = read_graph(find_recipe(recipe))
    refuse_unknown(graph, [name for name, _ in values])
    return fill(graph, dict(values))


def _default(parameter: RecipeParameter) -> str:
    if parameter.default is None:
        return "(must be given)"
    return parameter.default or "(empty)"


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for position, title in enumerate(head):
        table.add_column(title, no_wrap=position == 0)  # a name must be there to be copied
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    Console().print(table)


def _print_findings(findings: Sequence[Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        where = f"{finding.node}, line {finding.line}: " if finding.node else ""
        console.print(f"{finding.severity:8}", style=_MARKS[finding.severity], end="")
        console.print(where + finding.message, markup=False)
    if not findings:
        console.print("nothing to remark")
