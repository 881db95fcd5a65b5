"""The house: who may import whom, and that the registry, the presets and the files agree."""

import ast
from pathlib import Path

import pytest

import tfi2i
from tfi2i import zoo
from tfi2i.data.catalog import CATALOG
from tfi2i.data.derived import TASKS

HOUSE = Path(tfi2i.__file__).parent
FLOORS = {
    "errors": -1,
    "options": -1,
    "data": 0,
    "losses": 0,
    "nn": 0,
    "training": 1,
    "zoo": 2,
    "plots": 3,
    "precision": 3,
    "run": 3,
    "directions": 3,
    "edits": 3,
    "sampling": 3,
    "sharing": 3,
    "tiles": 3,
    "translation": 3,
    "evaluation": 3,
    "comparison": 3,
    "exporting": 3,
    "interop": 3,
    "study": 3,
    "loop": 4,
    "benchmark": 4,
    "cli": 5,
    "beam": 5,
}

EXTENDS = {"samunit": "munit"}  # the one paper that another is built on


def room_of(path):
    return path.relative_to(HOUSE).with_suffix("").parts[0]


def imports_of(path):
    """The names below tfi2i that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tfi2i":
            module = node.module.split(".")[1:]
            yield from ([*module, alias.name] for alias in node.names)
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1:] for alias in node.names if alias.name.startswith("tfi2i."))


FILES = [path for path in HOUSE.rglob("*.py") if path != HOUSE / "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_imports_go_down(path):
    room = room_of(path)
    for imported in imports_of(path):
        other = imported[0]
        assert FLOORS[other] <= FLOORS[room], f"{room} imports {other}"
        if FLOORS[room] == 0:
            assert other == room or FLOORS[other] < 0, f"{room} imports {other}"
        if room == "zoo" and other == "zoo" and path.stem not in ("__init__", "preset"):
            assert imported[1] in ("preset", EXTENDS.get(path.stem)), f"{path.stem} imports another paper"


def test_the_registry_is_the_folder():
    files = {path.stem for path in (HOUSE / "zoo").glob("*.py")} - {"__init__", "preset"}
    assert files == zoo.MODELS.keys()


@pytest.mark.parametrize("name", zoo.MODELS)
def test_presets(name):
    presets = zoo.presets(name)
    assert next(iter(presets)) == "quick"
    assert CATALOG[presets["quick"].dataset].obtained == CATALOG["synthetic_facades"].obtained, "needs a network"
    for preset in presets.values():
        assert preset.dataset is None or set(preset.dataset.split(",")) <= CATALOG.keys()
        assert preset.task is None or preset.task in TASKS
        assert preset.config.crop_size % preset.config.stride == 0 or preset.config.preprocess == "none"


def test_the_readme_says_what_the_command_line_knows():
    from tfi2i.cli import VERBS

    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    for verb in VERBS:
        assert f"tfi2i {verb}" in readme
    for name in zoo.MODELS:
        assert f"`{name}`" in readme
