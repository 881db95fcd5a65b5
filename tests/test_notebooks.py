"""The notebooks: executed as a user executes them, and committed without what they print."""

import json
import os
import sys
from pathlib import Path

import pytest
from exporting.rest_server import rest_server
from exporting.served_models import Models

from tfi2i import zoo

HERE = Path(__file__).parent
NOTEBOOKS = sorted((HERE.parent / "notebooks").glob("*.ipynb"))


def test_committed_notebooks_hold_no_output():
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        left = [c["id"] for c in notebook["cells"] if c.get("outputs") or c.get("execution_count") or c["metadata"]]
        assert not left, f"{path.name}: outputs or metadata in cells {left}; clear them before committing"
        assert notebook["metadata"].keys() <= {"kernelspec", "language_info"}


def test_the_readme_lists_every_notebook_and_every_model_has_one():
    readme = (HERE.parent / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in NOTEBOOKS if f"(notebooks/{path.name})" not in readme] == []
    text = "".join(path.read_text(encoding="utf-8") for path in NOTEBOOKS)
    assert [name for name in zoo.MODELS if f'\\"{name}\\"' not in text and f"--model={name}" not in text] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_page_is_of_this_notebook(path):
    page = (HERE.parent / "docs" / "notebooks" / f"{path.stem}.md").read_text(encoding="utf-8")
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"]).replace("](../", "](../../")  # links, as seen from the page's folder
        assert source in page, f"cell {cell['id']}: python notebooks/render.py {path.stem}"


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_draws(path, tmp_path, monkeypatch):
    """Trained for a few steps; the checkpoint is one of the official program, the server a test double."""
    import nbclient
    import nbformat

    given = {
        "TFI2I_NOTEBOOK_STEPS": "4",
        "TFI2I_NOTEBOOK_CHECKPOINT": str(HERE / "parity" / "cyclegan_resnet9" / "latest_net_G_A.pth"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # where `!tfi2i` is
        "no_proxy": "127.0.0.1",
    }
    with rest_server(Models(tmp_path / "exports")) as address:
        for name, value in (given | {"TFI2I_NOTEBOOK_SERVER": address}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("MPLBACKEND", raising=False)  # figures belong into the notebook
        notebook = nbformat.read(path, as_version=4)
        client = nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}})
        try:
            client.execute()
        finally:
            nbformat.write(notebook, tmp_path / path.name)  # pytest keeps it, to be looked at
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    said = "".join(output.get("text", "") for output in outputs)
    assert "tfi2i: error" not in said and "usage: tfi2i" not in said, said  # a failed `!` command stops no notebook
