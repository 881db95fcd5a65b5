"""A folder of many images as few large files: what training sees of it is what it sees of the folder."""

import os
import pickle
import types

import numpy as np
import pytest

from tfi2i.cli import main
from tfi2i.data import images
from tfi2i.data.pipeline import stream
from tfi2i.data.prepared import prepared
from tfi2i.data.sources import open_source
from tfi2i.errors import UserError

KINDS = ("pairs", "domains", "images", "labelled")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """{kind: folder} of small pictures in all forms: grey, alpha, 16 bits, lying, JPEG."""
    root, rng = tmp_path_factory.mktemp("folders"), np.random.default_rng(0)

    def fill(folder, names, width=30):
        (root / folder).mkdir(parents=True)
        for k, name in enumerate(names):
            dtype, channels = (np.uint16, 1) if k == 3 else (np.uint8, 3)
            shape, most = (24, width), np.iinfo(dtype).max + 1
            alpha = rng.integers(0, most, (*shape, 1), dtype) if k == 4 else None
            images.write(root / folder / name, rng.integers(0, most, (*shape, channels), dtype), alpha)

    some, few = [f"{k}.png" for k in range(1, 13)], ["x.jpg", "y.jpg", "z.jpg"]
    fill("pairs/train", some, 60)
    fill("pairs/val", few, 60)
    for folder, names in (("trainA", some), ("trainB", few), ("testA", few), ("testB", few)):
        fill(f"domains/{folder}", names)
    fill("images", [f"{k}.png" for k in range(1, 25)])
    for split, names in (("train", some), ("test", few)):
        for label in ("cat", "dog"):
            fill(f"labelled/{split}/{label}", names)
    return {kind: root / kind for kind in KINDS}


def config(kind):
    options = {"preprocess": "resize_and_crop", "load_size": 20, "crop_size": 16, "input_nc": 3, "output_nc": 3}
    return types.SimpleNamespace(kind=kind, attribute_sets=[None], stride=1, **options)


def ready(folder, kind):
    return prepared(open_source(os.fspath(folder), "train", config(kind)), config(kind), True)


def batches(folder, kind, count):
    drawn = stream(ready(folder, kind), 3, seed=5, start_step=2).take(count)
    return [{name: part.numpy() for name, part in batch.items()} for batch in drawn]


def before_the_draws(folder, kind):
    """All that `stream`, which knows nothing of files, draws from."""
    whole = ready(folder, kind)
    parts = [whole.x, whole.y] if kind == "domains" else [whole]
    return [dict(enumerate(part[i])) for part in parts for i in range(len(part))]


def same(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize(
    ("kind", "options"),
    [(kind, []) for kind in KINDS] + [(kind, ["--load_size=20"]) for kind in KINDS[:3]],
)
def test_training_and_testing_see_the_same_to_the_bit(folders, tmp_path, kind, options, capsys):
    out = tmp_path / "out"
    assert main(["datasets", "prepare", str(folders[kind]), str(out), f"--kind={kind}", "--shards=2", *options]) == 0
    assert "images of train" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert len(list(out.glob("*array_record*"))) % 2 == 0
    same(before_the_draws(out, kind), before_the_draws(folders[kind], kind))
    ours, theirs = (open_source(os.fspath(folder), "test", config(kind)) for folder in (out, folders[kind]))
    assert [ours.name(i) for i in range(len(ours))] == [theirs.name(i) for i in range(len(theirs))]
    same([ours[i] for i in range(len(ours))], [theirs[i] for i in range(len(theirs))])
    same([pickle.loads(pickle.dumps(ours))[1]], [theirs[1]])
    if kind == "labelled":
        assert ours.attributes == theirs.attributes == ("cat", "dog") and ours.exclusive == theirs.exclusive
        np.testing.assert_array_equal(ours.labels(), theirs.labels())


def test_through_a_file_system_that_is_not_local(folders, tmp_path, monkeypatch):
    """TensorFlow's own in memory, by the calls that reach gs://."""
    monkeypatch.setenv("TFI2I_DATA_DIR", str(tmp_path / "cache"))
    out = f"ram://{tmp_path.name}/out"
    assert main(["datasets", "prepare", str(folders["images"]), out, "--kind=images"]) == 0
    same(batches(out, "images", 9), batches(folders["images"], "images", 9))
    (copy,) = (tmp_path / "cache" / "prepared").iterdir()
    before = copy.stat().st_mtime_ns
    ready(out, "images")
    assert copy.stat().st_mtime_ns == before
    with pytest.raises(UserError, match=r"ram://nothing/here: no tfi2i\.json there"):
        open_source("ram://nothing/here", "train", config("images"))


def test_what_is_brought_to_size_is_not_taken_for_another(folders, tmp_path):
    out = tmp_path / "out"
    assert main(["datasets", "prepare", str(folders["images"]), str(out), "--kind=images", "--load_size=20"]) == 0
    other = config("images")
    other.load_size = 18
    for asked, training in ((other, True), (config("images"), False)):
        source = open_source(os.fspath(out), "train", asked)
        with pytest.raises(UserError, match=r"prepared for training with --preprocess=resize_and_crop --load_size=20"):
            prepared(source, asked, training)
    grey = config("images")
    grey.output_nc = 1
    with pytest.raises(UserError, match="prepared in colour and this asks for grey"):
        prepared(open_source(os.fspath(out), "train", grey), grey, True)
    with pytest.raises(UserError, match="--task=inpainting is done on whole photos"):
        open_source(os.fspath(out), "train", task="inpainting")
    with pytest.raises(UserError, match=r"prepared with --kind=images .expected pairs"):
        open_source(os.fspath(out), "train", config("pairs"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--kind=photos"], "--kind=photos (expected one of pairs, domains, images, labelled)"),
        (["--kind=images", "--shards=0"], "--shards=0 (expected at least 1)"),
        (["--kind=images", "--shards=2"], "--shards=2 (expected at most 1, as many as there are images of train)"),
        (["--kind=images", "--split=dev"], "--split=dev (expected one or more of train, val, test"),
        (["--kind=images", "--crop_size=9"], "(expected --load_size, too)"),
        (["--kind=images", "--load_size=20", "--preprocess=none"], "--preprocess=none (expected one of"),
        (["--kind=labelled", "--load_size=20"], "labelled images are kept as they are"),
        (["--kind=pairs"], "cannot be halved"),
    ],
)
def test_what_cannot_be_done_leaves_nothing(folders, tmp_path, capsys, options, said):
    source = tmp_path / "source" / "train"
    source.mkdir(parents=True)
    images.write(source / "odd.png", np.zeros((24, 25, 3), np.uint8))
    assert main(["datasets", "prepare", str(source.parent), str(tmp_path / "out"), *options]) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
    assert main(["datasets", "prepare", str(source.parent), str(source), "--kind=images"]) == 2  # it exists
    assert [path.name for path in source.iterdir()] == ["odd.png"]
