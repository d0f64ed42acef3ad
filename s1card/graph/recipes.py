"""The recipes that come with the package, by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from s1card.errors import GraphError
from s1card.graph.closest import suggestion
from s1card.graph.xml import read_graph

# Beside this package in an installation; in a source checkout that is a link to the top-level folder,
# which is looked at as well for systems where the link is not kept.
_PACKAGE = Path(__file__).resolve().parents[1]
_FOLDERS = (_PACKAGE / "recipes", _PACKAGE.parent / "graphs")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A graph that comes with the package."""

    name: str
    path: Path
    description: str


def recipe_folder() -> Path:
    """The folder of the recipes.

    Raises:
        GraphError: The installation has none.
    """
    for folder in _FOLDERS:
        if folder.is_dir():
            return folder
    raise GraphError("this installation has no recipes", advice="Install s1card again")


def list_recipes() -> tuple[Recipe, ...]:
    """All recipes, by name."""
    paths = sorted(recipe_folder().glob("*.xml"), key=lambda path: path.stem)
    return tuple(Recipe(path.stem, path, read_graph(path).description) for path in paths)


def find_recipe(name_or_path: Path | str) -> Path:
    """The file of a recipe.

    Args:
        name_or_path: Name of a recipe that comes with the package, or path of a graph file. What ends in
            ``.xml`` or holds a slash is a path.

    Raises:
        GraphError: There is no such recipe or file.
    """
    path = Path(name_or_path)
    if path.suffix.lower() == ".xml" or len(path.parts) > 1:
        if path.is_file():
            return path
        raise GraphError("there is no such graph file", subject=str(path), advice="Check the path")
    recipe = recipe_folder() / f"{path.name}.xml"
    if path.name and recipe.is_file():
        return recipe
    known = [found.stem for found in sorted(recipe_folder().glob("*.xml"))]
    raise GraphError(
        f"there is no recipe '{name_or_path}'",
        advice=suggestion(str(name_or_path), known) or f"Recipes: {', '.join(known)}; or give a file",
    )
