"""What networks of their own see in a run's answers, and in two folders of pictures, wired to the command."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from tfi2i.cli import main
from tfi2i.errors import UserError
from tfi2i.evaluation import evaluate, evaluate_folders, inception, judges, lpips, segmenter
from tfi2i.evaluation.answers import Answers, Pictures
from tfi2i.evaluation.palettes import PALETTES
from tfi2i.evaluation.settings import Settings
from tfi2i.evaluation.similarity import Metric


class FancyInception:
    """Features that are means of the channels, and logits of two classes: light, dark."""

    identity, sha256 = "fancy", "1" * 64

    def __init__(self, weights, resize, folder):
        assert (weights, resize) == ("pt", "clean")

    def __call__(self, pictures):
        means = np.stack([np.asarray(picture, np.float32).mean((0, 1)) for picture in pictures])
        features, logits = np.zeros((len(pictures), 2048), np.float32), np.zeros((len(pictures), 1008), np.float32)
        features[:, :3] = np.broadcast_to(means, (len(pictures), 3))
        logits[:, 0] = means.mean(-1) / 10
        return features, logits


class FancyLpips:
    net, sha256, least = "alex", {"alex.pth": "0" * 64}, 1

    def __init__(self, net, folder):
        measure = lambda x, y, crop: float(self(x[None], y[None])[0])  # noqa: E731
        self.metric = Metric(measure, "", 0, 255, "lower", 1, "LPIPS fancy")

    def __call__(self, x, y):
        return np.abs(x.astype(np.float32) - y).mean((1, 2, 3)).astype(np.float32)


@pytest.fixture
def fancy(monkeypatch, tmp_path):
    monkeypatch.setattr(inception, "Inception", FancyInception)
    monkeypatch.setattr(lpips, "Lpips", FancyLpips)
    monkeypatch.setenv("TFI2I_DATA_DIR", str(tmp_path / "cache"))


def noise(count, seed=0, side=16, light=0):
    pixels = np.random.default_rng(seed).integers(0, 200, (count, side, side, 3)) + light
    return Pictures(count, lambda i: pixels[i].astype(np.uint8))


def judged(answers, metrics, **options):
    return judges.judged(lambda: {"AtoB": answers}, judges.Case(None, None, Settings(metrics=metrics, **options)))


def test_sets_that_are_lighter_are_farther_away(fancy):
    same, lighter = (
        judged(Answers(fakes=noise(40, 1, light=light), reals=noise(50)), "fid,kid,is").values["AtoB"]
        for light in (0, 30)
    )
    assert same.keys() == {"FID", "KID", "IS"} and same["FID"]["n"] == 40
    assert same["FID"]["value"] < 3 and lighter["FID"]["value"] == pytest.approx(3 * 30**2, rel=0.05)
    assert same["KID"]["value"] < lighter["KID"]["value"]


def test_styles(fancy):
    """Between answers that differ by 10 levels in each style, and not at all between inputs."""
    grey = Pictures(3, lambda i: np.zeros((16, 16, 3), np.uint8))
    styled = lambda i, k: np.full((16, 16, 3), 10 * (k % 2), np.uint8)  # noqa: E731
    found = judged(Answers(fakes=grey, reals=grey, styled=styled), "diversity,cis").values["AtoB"]
    assert found["LPIPS_diversity"]["value"] == 10 and found["LPIPS_diversity"]["n"] == 3
    assert found["LPIPS_apart"]["value"] == found["LPIPS_apart_real"]["value"] == 0
    p = np.array([np.exp(k) / (1007 + np.exp(k)) for k in (0, 1)])  # of the first class, all others sharing the rest
    rest = (1 - p) / 1007
    kl = np.mean(p * np.log(p / p.mean()) + 1007 * rest * np.log(rest / rest.mean()))
    assert found["CIS"]["value"] == pytest.approx(kl, rel=1e-4)
    assert found["IS_of_styles"]["value"] == pytest.approx(kl, rel=1e-4)
    with pytest.raises(UserError, match="--metrics=cis: one answer to each input"):
        judged(Answers(fakes=grey, reals=grey), "cis")


def test_what_all_leaves_out_has_a_reason(fancy):
    found = judged(Answers(fakes=noise(5), reals=noise(5, 1)), "all")
    assert found.values["AtoB"].keys() == {"FID", "KID", "IS"}
    assert (
        found.not_measured["lpips"]
        == found.not_measured["ms_ssim"]
        == ("the truth of no answer is known (expected pairs)")
    )
    assert "--face_network" in found.not_measured["identity"] and "many styles" in found.not_measured["diversity"]
    assert found.not_measured.keys() == judges.JUDGES.keys() - {"fid", "kid", "is"}


def test_a_way_that_cannot_be_measured_leaves_the_others(fancy):
    ways = {"beard": Answers(fakes=noise(5), reals=noise(5, 1)), "hat": Answers(fakes=noise(5), reals=noise(1, 1))}
    for metrics in ("fid", "all"):
        found = judges.judged(lambda: ways, judges.Case(None, None, Settings(metrics=metrics)))
        assert found.values["beard"]["FID"]["n"] == 5 and "hat" not in found.values
        assert "at least 2 pictures, received 1" in found.not_measured["hat fid"]
        assert "fid" not in found.not_measured


def test_photos_are_read_by_a_segmenter_and_label_maps_by_their_colours(monkeypatch):
    palette = PALETTES["facades"]
    classes = np.random.default_rng(0).integers(0, 12, (4, 16, 16))
    labels = Pictures(4, lambda i: palette.paint(classes[i]))
    wrong = Pictures(4, lambda i: palette.paint(np.where(np.arange(16) < 8, classes[i], (classes[i] + 1) % 12)))
    photos = Pictures(4, lambda i: np.full((16, 16, 3), 17 * i + 90, np.uint8) + np.uint8([0, 30, 60]))
    found = judged(Answers(fakes=wrong, reals=labels, inputs=photos, paired=wrong), "fcn").values["AtoB"]
    assert found.keys() == {"per_pixel", "per_class", "class_iou"} and found["per_pixel"]["value"] == 0.5

    monkeypatch.setattr(segmenter, "open_segmenter", lambda name, palette, input_range: lambda pixels: classes[0])
    answers = Answers(fakes=photos, reals=photos, inputs=labels, paired=photos)
    found = judged(answers, "fcn", segmenter="reader.keras").values["AtoB"]
    assert found["per_pixel"] == found["per_pixel_real"] and found["per_pixel"]["value"] < 0.5
    found = judged(Answers(fakes=photos, reals=photos, inputs=labels), "fcn", segmenter="reader.keras")
    assert found.values["AtoB"].keys() == {"per_pixel", "per_class", "class_iou"}  # no photo belongs to a label map
    with pytest.raises(UserError, match="--metrics=fcn: the truth of no answer is known"):
        judged(Answers(fakes=wrong, reals=labels, inputs=photos), "fcn")


def test_the_identity_of_faces(tmp_path):
    """A face network that sees the mean colour: the same one is nearer than its complement."""
    image = keras.Input((16, 16, 3))
    keras.Model(image, keras.layers.GlobalAveragePooling2D()(image)).save(tmp_path / "face.keras")
    red, cyan = (Pictures(3, lambda i, c=c: np.full((16, 16, 3), c, np.uint8)) for c in ((250, 20, 20), (20, 250, 250)))
    distances = [
        judged(
            Answers(fakes=fakes, reals=red, inputs=red),
            "identity",
            face_network=str(tmp_path / "face.keras"),
            face_input="-1..1",
        ).values["AtoB"]["identity_distance"]
        for fakes in (red, cyan)
    ]
    assert distances[0]["value"] == pytest.approx(0, abs=1e-6)
    assert distances[1]["value"] == pytest.approx(2, abs=0.05) and distances[1]["n"] == 3
    with pytest.raises(UserError, match="--metrics=identity: no face network"):
        judged(Answers(fakes=red, reals=red, inputs=red), "identity")


def test_a_run_by_all_judges(trained_run, fancy):
    result = evaluate(trained_run, "val", settings=Settings(metrics="all"), progress=False)
    (found,) = result.values.values()
    wanted = {"L1", "PSNR", "SSIM", "SSIM_RGB", "PSNR_Y", "SSIM_Y", "FID", "KID", "IS", "LPIPS", "per_pixel"}
    assert wanted <= found.keys() and all(measured["n"] == 100 for measured in found.values())
    assert "per_pixel_real" not in found  # this run makes label maps, which need no segmenter
    assert result.not_measured.keys() == {"ms_ssim", "cis", "diversity", "identity"}
    assert "alex.pth" in result.sha256 and "LPIPS fancy" in result.protocol and "fancy" in result.protocol


def folder(path, pictures):
    path.mkdir()
    for i, pixels in enumerate(pictures):
        Image.fromarray(pixels).save(path / f"{i}.png")
    return path


def test_two_folders(tmp_path, fancy, capsys):
    real, fake = folder(tmp_path / "real", noise(6)), folder(tmp_path / "fake", noise(6, 1))
    asked = ["evaluate", f"--real={real}", f"--fake={fake}", "--metrics=basic,fid,kid,lpips"]
    assert main(asked) == 0
    record = json.loads((fake / "evaluation.json").read_text())
    assert record["values"]["fake"].keys() == {"L1", "PSNR", "SSIM", "FID", "KID", "LPIPS"} and record["images"] == 6
    assert record["sha256"].keys() == {"real", "fake", "alex.pth", "inception"}
    assert record["settings"]["real"] == str(real)
    capsys.readouterr()
    assert main([*asked, f"--out={tmp_path / 'again.json'}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "again.json").read_text()) == record
    assert main(["evaluate", f"--real={real}", f"--fake={real}", "--metrics=psnr", f"--out={tmp_path / 'c'}"]) == 0
    assert json.loads((tmp_path / "c").read_text())["values"]["fake"]["PSNR"]["value"] is None  # of equal pictures


def test_sets_need_no_partners_and_pairs_do(tmp_path, fancy):
    real, fake = folder(tmp_path / "real", noise(6)), folder(tmp_path / "fake", noise(5, 1))
    found = evaluate_folders(real, fake, Settings(metrics="fid,is"))
    assert found.values["fake"]["FID"]["n"] == 5 and found.not_measured == {}
    assert "lpips" in evaluate_folders(real, fake, Settings(metrics="all")).not_measured
    with pytest.raises(UserError, match="1 images without a partner"):
        evaluate_folders(real, fake, Settings(metrics="fid,l1"))
    with pytest.raises(UserError, match=r"--metrics=l2 \(expected basic, all, l1"):
        evaluate_folders(real, fake, Settings(metrics="l2"))
    folder(tmp_path / "empty", [])
    with pytest.raises(UserError, match="empty"):
        evaluate_folders(real, tmp_path / "empty", Settings(metrics="fid"))


def test_the_label_maps_of_a_folder(tmp_path, monkeypatch):
    palette = PALETTES["facades"]
    classes = np.random.default_rng(0).integers(0, 12, (3, 16, 16))
    maps = [palette.paint(of) for of in classes]
    labels, photos = folder(tmp_path / "labels", maps), folder(tmp_path / "photos", noise(3))
    monkeypatch.setattr(segmenter, "open_segmenter", lambda name, palette, input_range: lambda pixels: classes[0])
    asked = Settings(metrics="fcn", segmenter="reader.keras")
    found = evaluate_folders(photos, photos, asked, tmp_path / "a.json", labels).values["fake"]
    assert 1 / 3 < found["per_pixel"]["value"] < 0.5 and "per_pixel_real" in found
    found = evaluate_folders(labels, labels, Settings(metrics="fcn"), tmp_path / "b.json").values["fake"]
    assert found["per_pixel"]["value"] == 1.0
    with pytest.raises(UserError, match="no training pairs"):
        evaluate_folders(photos, photos, Settings(metrics="fcn"), tmp_path / "c.json", labels)
