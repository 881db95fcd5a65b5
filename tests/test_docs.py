"""The pages: what they link to, and the tests they name, are there."""

import ast
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tfi2i.cli import VERBS, reference

ROOT = Path(__file__).parent.parent
PAGES = sorted(path for part in ("*.md", "docs/**/*.md", "export/**/*.md") for path in ROOT.glob(part))


def anchors(page):
    """Those of its headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), f"{link} isn't there"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_tests_that_a_page_names_are_there(page):
    for file, name in re.findall(r"(tests/[\w/]+\.py)::(\w+)", page.read_text(encoding="utf-8")):
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{file}::{name}"


def commands(page):
    """What a page has people type, on lines of their own: (verb, its options); not those with "..." for the rest."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in re.findall(r"^ *tfi2i ([a-z].*)$", text, re.M):
        verb, *argv = shlex.split(line, comments=True)
        if not any(part.endswith("...") for part in argv):
            argv = list(itertools.takewhile(lambda part: part != ">" and not part.startswith("["), argv))
            yield verb, [part for part in argv if part != "--help" and not re.fullmatch(r"--\w+=(N|SEED|MODEL)", part)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_a_page_are_understood(page):
    for verb, argv in commands(page):
        assert verb in VERBS, f"tfi2i {verb}"
        if "--model=gcgan" in argv:  # which the page has its reader add
            argv = [part.replace("gcgan", "cyclegan") for part in argv]
        parser = reference.parser_of(verb, argv)
        try:
            parser.parse_args(argv)
        except SystemExit:
            pytest.fail(f"not understood: tfi2i {verb} {shlex.join(argv)}")


def test_the_page_of_commands_is_of_today():
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert page == reference.page(), "make it anew: python -m tfi2i.cli.reference > docs/commands.md"


def test_there_are_pages():
    assert {"README.md", "BUILD.md", "docs/asks.md"} <= {path.relative_to(ROOT).as_posix() for path in PAGES}


def test_the_code_of_the_python_page_runs(tmp_path):
    """From top to bottom, as one program in an empty folder that holds a checkpoint."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.M | re.S)
    shutil.copy(ROOT / "tests" / "parity" / "cyclegan_resnet9" / "latest_net_G_A.pth", tmp_path)
    environment = os.environ | {"MPLBACKEND": "agg"}
    command = [sys.executable, "-W", "ignore", "-c", "\n".join(blocks)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "done=1" in done.stdout and "did you mean cyclegan?" in done.stdout
