"""Runs notebooks and writes what they show as Markdown pages with pictures, which GitHub shows:

    python notebooks/render.py                  # all of them, about an hour on two CPU cores
    python notebooks/render.py 02_cyclegan

The pages are docs/notebooks/NAME.md. `pip install '.[test]'` has what this needs.
"""

import base64
import io
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbclient
import nbformat
from PIL import Image

HERE = Path(__file__).parent
PAGES = HERE.parent / "docs" / "notebooks"
LINES = 24  # of what a cell prints, if it is no source; the page shows the first and last half of them
WIDTH = 900  # of a picture, at most
COLOURS = 128  # of a picture's palette


def execute(path):
    """The notebook after all cells, in a folder of its own."""
    notebook = nbformat.read(path, as_version=4)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where `!tfi2i` is
    with tempfile.TemporaryDirectory() as folder:
        nbclient.NotebookClient(notebook, timeout=3600, resources={"metadata": {"path": folder}}).execute()
    return notebook


def page(notebook, name, pictures):
    """The page as Markdown.

    Args:
        pictures: a dictionary that takes {file name: PNG}.
    """
    parts = [f"<!-- Made from notebooks/{name}.ipynb by notebooks/render.py -->"]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source.replace("](../", "](../../"))  # links, as seen from the page's folder
            continue
        parts.append(f"```python\n{cell.source}\n```")
        for number, output in enumerate(cell.outputs):
            if text := printed(output):
                if parts[-1].startswith("```text"):  # what `fit` prints comes in many outputs
                    text = parts.pop().removeprefix("```text\n").removesuffix("```") + text
                parts.append(f"```text\n{text}\n```")
            if png := output.get("data", {}).get("image/png"):
                file = f"{name}_{cell.id}{number}.png"
                pictures[file] = smaller(base64.b64decode(png))
                parts.append(f"![]({file})")
    return "\n\n".join(parts) + "\n"


def printed(output):
    """What a cell printed, without warnings, colours and progress that was overwritten."""
    text = output.get("data", {}).get("text/plain", "") if "data" in output else output.get("text", "")
    if output.get("name") == "stderr" or "image/png" in output.get("data", {}):
        return ""
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    lines = [line.rstrip("\r\b").rpartition("\r")[2].rstrip() for line in text.splitlines()]
    lines = [line for line in lines if line and not re.match(r"WARNING|[IWE]0000|.*\d%\|", line)]
    if len(lines) > LINES and not text.lstrip().startswith("def "):
        lines = [*lines[: LINES // 2], "...", *lines[-LINES // 2 :]]
    return "\n".join(lines)


def smaller(png):
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.thumbnail((WIDTH, 10 * WIDTH))
    file = io.BytesIO()
    image.quantize(COLOURS).save(file, "PNG", optimize=True)
    return file.getvalue()


def main(names):
    PAGES.mkdir(exist_ok=True)
    for path in sorted(HERE.glob("*.ipynb")):
        if names and path.stem not in names:
            continue
        start, pictures = time.perf_counter(), {}
        text = page(execute(path), path.stem, pictures)
        for old in PAGES.glob(f"{path.stem}_*.png"):
            old.unlink()
        for file, png in pictures.items():
            (PAGES / file).write_bytes(png)
        (PAGES / f"{path.stem}.md").write_text(text, encoding="utf-8")
        size = sum(map(len, pictures.values())) / 1e3
        print(f"{path.stem}: {(time.perf_counter() - start) / 60:.1f} minutes, {size:.0f} kB of pictures", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
