"""The recipe: SNAP graphs read, filled, checked, explained, written."""

from s1card.graph.check import Finding, check, has_errors
from s1card.graph.explain import explain
from s1card.graph.fill import (
    Placeholder,
    fill,
    missing_values,
    override_parameter,
    placeholders,
    positional_sources,
    recipe_parameters,
    refuse_unknown,
    with_sources,
    with_target,
)
from s1card.graph.model import Graph, Header, HeaderSource, Node, Parameter, RecipeParameter, SourceRef
from s1card.graph.operators import OPERATORS, find_operator, get_operator, resolve_parameters
from s1card.graph.recipes import Recipe, find_recipe, list_recipes
from s1card.graph.values import Value
from s1card.graph.xml import read_graph, write_graph

__all__ = [
    "OPERATORS",
    "Finding",
    "Graph",
    "Header",
    "HeaderSource",
    "Node",
    "Parameter",
    "Placeholder",
    "Recipe",
    "RecipeParameter",
    "SourceRef",
    "Value",
    "check",
    "explain",
    "fill",
    "find_operator",
    "find_recipe",
    "get_operator",
    "has_errors",
    "list_recipes",
    "missing_values",
    "override_parameter",
    "placeholders",
    "positional_sources",
    "read_graph",
    "recipe_parameters",
    "refuse_unknown",
    "resolve_parameters",
    "with_sources",
    "with_target",
    "write_graph",
]
