"""The notebooks: executed as a user executes them, and committed without what they print."""

import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


def test_committed_notebooks_hold_no_output():
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        left = [c["id"] for c in notebook["cells"] if c.get("outputs") or c.get("execution_count") or c["metadata"]]
        assert not left, f"{path.name}: outputs or metadata in cells {left}; clear them before committing"
        assert notebook["metadata"].keys() <= {"kernelspec", "language_info"}


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_draws(path, tmp_path, monkeypatch):
    import nbclient
    import nbformat

    monkeypatch.setenv("TFI2I_NOTEBOOK_EPOCHS", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("MPLBACKEND", raising=False)  # figures belong into the notebook
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    nbformat.write(notebook, tmp_path / path.name)  # pytest keeps it, to be looked at
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
