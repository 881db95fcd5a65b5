"""Presets: written, read back, from a hub, and the card."""

import http.server
import json
import shlex
import threading
from pathlib import Path

import numpy as np
import pytest

import tfi2i
from tfi2i import run, sharing, zoo
from tfi2i.cli import main


@pytest.fixture(scope="module")
def preset(trained_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "pix2pix_tiny_facades"
    sharing.pass_on(trained_run, folder)
    return folder


def test_a_run_passed_on_answers_as_it_did(preset, trained_run):
    names = {str(path.relative_to(preset)) for path in preset.rglob("*") if path.is_file()}
    assert names == {"README.md", "config.json", "sample.png", "networks/G.keras", "networks/SHA256SUMS"}
    x = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype("float32")
    one, other = tfi2i.load(trained_run), tfi2i.from_preset(preset)
    np.testing.assert_array_equal(
        *(model.generators()["BtoA" if "BtoA" in model.generators() else "AtoB"](x) for model in (one, other))
    )


def test_a_model_saves_itself(tmp_path):
    model = tfi2i.create("cyclegan", "quick", netG="resnet_1blocks", ngf=2, ndf=2)
    model.save_to_preset(tmp_path / "mine")
    again = tfi2i.from_preset(tmp_path / "mine")
    assert again.config == model.config
    for ours, theirs in zip(model.G.get_weights(), again.G.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    text = (tmp_path / "mine" / "README.md").read_text()
    assert "No record of it" in text and "Not measured" in text


def test_without_weights_it_is_a_new_model(preset):
    fresh = tfi2i.from_preset(preset, load_weights=False)
    assert fresh.config == tfi2i.from_preset(preset).config
    assert (
        tfi2i.from_preset("cyclegan_horse2zebra", load_weights=False).config
        == zoo.preset("cyclegan", "horse2zebra").config
    )


@pytest.mark.parametrize(
    "handle, message",
    [
        ("cyclegan_horse2zebra", "no trained weights of it are published; train them by `tfi2i train --model=cyclegan"),
        ("cyclegan_horse2zebar", "did you mean cyclegan_horse2zebra?"),
        ("nothing/there", "expected a folder, hf://USER/REPOSITORY, or MODEL_PRESET"),
    ],
)
def test_what_is_not_there(handle, message):
    with pytest.raises(tfi2i.errors.UserError, match=message.replace("?", r"\?")):
        tfi2i.from_preset(handle)


def test_nothing_is_overwritten_and_nothing_half_is_left(preset, trained_run, tmp_path, monkeypatch):
    with pytest.raises(tfi2i.errors.UserError, match="there is a folder already"):
        sharing.pass_on(trained_run, preset)
    monkeypatch.setattr(sharing, "card", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        sharing.pass_on(trained_run, tmp_path / "half")
    assert not list(tmp_path.iterdir())


def test_what_is_damaged_is_not_passed_on(preset, tmp_path):
    import shutil

    shutil.copytree(preset, tmp_path / "run")
    network = tmp_path / "run" / "networks" / "G.keras"
    network.write_bytes(network.read_bytes()[:-1] + b"!")
    with pytest.raises(tfi2i.errors.UserError, match="damaged file"):
        sharing.pass_on(tmp_path / "run", tmp_path / "out")


def test_the_card_of_a_measured_run(trained_run, tmp_path, capsys):
    import shutil

    from huggingface_hub import ModelCard

    shutil.copytree(trained_run, tmp_path / "run")
    assert main(["evaluate", str(tmp_path / "run"), "--quiet"]) == 0
    assert main(["card", str(tmp_path / "run"), f"--out={tmp_path / 'pix2pix_tiny'}"]) == 0
    assert f"{tmp_path / 'pix2pix_tiny'}" in capsys.readouterr().out
    card = ModelCard.load(tmp_path / "pix2pix_tiny" / "README.md")
    values = json.loads((tmp_path / "run" / "evaluation.json").read_text())["values"]
    found = {(r.task_name, r.metric_type): r.metric_value for r in card.data.eval_results}
    assert found == {(way, m): pytest.approx(v["value"], rel=1e-5) for way, of in values.items() for m, v in of.items()}
    assert card.data.datasets == ["synthetic_facades"] and card.data.library_name == "tfi2i"
    for told in ("the package's own licence", "tfi2i train --model=pix2pix", "## Limits", "95 % interval"):
        assert told in card.text


@pytest.mark.parametrize("name", zoo.MODELS)
def test_the_training_line_trains_the_same(name):
    import argparse
    import dataclasses

    from tfi2i.cli.train import add_arguments, job_of

    quick = zoo.preset(name, "quick")
    for job in (
        run.Job(name, quick.config, run.Recipe(steps=quick.steps, seed=3), quick.dataset),
        run.Job(
            name,
            dataclasses.replace(quick.config, batch_size=2 * quick.config.batch_size),
            run.Recipe(steps=7),
            "my/own",
            None,
        ),
    ):
        argv = shlex.split(sharing.command_of(job))[2:]
        parser = argparse.ArgumentParser()
        add_arguments(parser, argv)
        assert job_of(parser.parse_args(argv)) == job


def test_faces_have_a_word_on_misuse(tmp_path):
    tfi2i.create("diat", "quick", ngf=2, ndf=2).save_to_preset(tmp_path / "diat")
    assert "don't edit" in (tmp_path / "diat" / "README.md").read_text()


class Hub(http.server.BaseHTTPRequestHandler):
    """What `snapshot_download` asks of the Hugging Face Hub, of one repository."""

    folder: Path
    commit = "0123456789abcdef0123456789abcdef01234567"

    def do_GET(self, body=True):
        path = self.path.split("?")[0]
        if path.startswith("/api/models/someone/tiny/tree/"):
            files = [p for p in self.folder.rglob("*") if p.is_file()]
            kept = [{"type": "file", "path": str(p.relative_to(self.folder)), "size": p.stat().st_size} for p in files]
            return self._answer(json.dumps([entry | {"oid": "0" * 40} for entry in kept]).encode(), body)
        if path.startswith("/api/models/someone/tiny"):
            files = [{"rfilename": str(p.relative_to(self.folder))} for p in self.folder.rglob("*") if p.is_file()]
            text = json.dumps(
                {"id": "someone/tiny", "modelId": "someone/tiny", "sha": self.commit, "siblings": files}
            ).encode()
            return self._answer(text, body)
        prefix = f"/someone/tiny/resolve/{self.commit}/"
        if path.startswith(prefix) and (file := self.folder / path.removeprefix(prefix)).is_file():
            return self._answer(file.read_bytes(), body)
        self.send_error(404)

    def do_HEAD(self):
        self.do_GET(body=False)

    def _answer(self, content, body):
        import hashlib

        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", self.commit)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_):
        pass


def test_from_a_hub(preset, tmp_path):
    """In a process of its own: huggingface_hub reads its address when it is imported."""
    import os
    import subprocess
    import sys

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Ours", (Hub,), {"folder": preset}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    program = (
        "import tfi2i\n"
        "print(tfi2i.from_preset('hf://someone/tiny').G.count_params())\n"
        "try: tfi2i.from_preset('hf://someone/other')\n"
        "except tfi2i.errors.UserError as error: print(error)\n"
    )
    environment = os.environ | {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(tmp_path / "hub"),
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "127.0.0.1",
    }
    try:
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0, done.stderr[-3000:]
    count, refused = done.stdout.splitlines()
    assert int(count) == tfi2i.from_preset(preset).G.count_params()
    assert refused.startswith("hf://someone/other can't be had: ")
