import json

import numpy as np
import pytest

from tfi2i.data.check import check
from tfi2i.data.images import write
from tfi2i.errors import UserError


def put(path, height=4, width=6, channels=3, dtype=np.uint8, alpha=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, np.zeros((height, width, channels), dtype), alpha)


def test_formats_and_sizes_are_counted(tmp_path):
    put(tmp_path / "train" / "1.jpg")
    put(tmp_path / "train" / "2.jpg", width=8)
    put(tmp_path / "val" / "deep" / "3.png", channels=1, dtype=np.uint16)
    put(tmp_path / "4.png", alpha=np.ones((4, 6, 1), np.uint8))
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "5.png").touch()
    report = check(tmp_path)
    assert report.ok and report.images == 4
    assert report.formats == {"JPEG, 8-bit RGB": 2, "PNG, 16-bit grey": 1, "PNG, 8-bit RGB and alpha": 1}
    assert report.sizes == {"4 x 6": 3, "4 x 8": 1}


def test_all_broken_files_are_listed_with_their_reasons(tmp_path):
    put(tmp_path / "good.png", height=64, width=64)
    whole = (tmp_path / "good.png").read_bytes()
    put(tmp_path / "good.jpg", height=64, width=64)
    (tmp_path / "b" / "c").mkdir(parents=True)
    broken = {
        "1_empty.png": b"",
        "2_text.jpg": b"404 not found",
        "b/3_cut.png": whole[:-20],
        "b/c/4_cut.jpg": (tmp_path / "good.jpg").read_bytes()[:-2],
        "b/c/10_crc.png": whole[:-16] + bytes([whole[-16] ^ 1]) + whole[-15:],
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
    report = check(tmp_path)
    assert not report.ok and report.images == 2
    assert list(report.broken) == list(broken)
    assert "the file is empty" in report.broken["1_empty.png"]
    assert "begins with b'404 not found'" in report.broken["2_text.jpg"]
    assert not any(str(tmp_path) in reason for reason in report.broken.values())


@pytest.mark.parametrize("layout", ["A B", "trainA trainB", "train/A train/B", "A/val B/val"])
def test_pairs_that_do_not_match(tmp_path, layout):
    a, b = layout.split()
    for number in range(4):
        put(tmp_path / a / f"{number}.png")
        put(tmp_path / b / f"{number}.jpg", height=4 + (number == 2))
    put(tmp_path / a / "only_a.png")
    put(tmp_path / b / "only_b.png")
    assert check(tmp_path).unmatched == [
        f"{a}/only_a.png has no partner of the same name",
        f"{b}/only_b.png has no partner of the same name",
        f"{a}/2.png and {b}/2.jpg differ in size (height x width: 4 x 6 and 5 x 6)",
    ]


def test_unpaired_folders_need_not_match(tmp_path):
    for number in range(10):
        put(tmp_path / "trainA" / f"{number}.png")
        put(tmp_path / "trainB" / f"{2 * number}.png", height=9)
    assert check(tmp_path).ok


def test_report_as_text_and_json(tmp_path):
    for number in range(12):
        put(tmp_path / "A" / f"{number}.png", height=number + 1)
        put(tmp_path / "B" / f"{number}.png", height=number + 1)
    put(tmp_path / "B" / "more.png")
    (tmp_path / "B" / "empty.png").touch()
    report = check(tmp_path)
    data = json.loads(json.dumps(report.as_dict()))
    assert (
        data["images"] == 25 and data["formats"] == {"PNG, 8-bit RGB": 25} and list(data["broken"]) == ["B/empty.png"]
    )
    lines = str(report).splitlines()
    assert lines[0] == f"{tmp_path}: 25 images, 1 broken"
    assert "          and 2 other sizes" in lines
    assert sum(line.startswith("broken: B/empty.png: ") for line in lines) == 1
    assert sum(line.startswith("unmatched: B/") for line in lines) == 2


def test_nothing_to_check(tmp_path):
    for root in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UserError, match="no images in this folder or below"):
            check(root)


def test_classes_are_counted_over_all_splits(tmp_path):
    for number in range(60):
        put(tmp_path / "train" / "cat" / f"{number}.png")
    for folder in ("train/dog", "test/cat", "test/dog"):
        put(tmp_path / folder / "1.png")
    report = check(tmp_path)
    assert report.ok and report.labelled == 63
    assert report.attributes == {"cat": 61 / 63, "dog": 2 / 63} and report.warnings == []
    assert "63 labelled images, 2 attributes" in str(report).splitlines() and "    3.2%  dog" in str(report)
    put(tmp_path / "test" / "fox" / "1.png")
    report = check(tmp_path)
    assert not report.ok and report.labelled == 0
    assert "mislabelled: " in str(report) and "test/fox" in json.dumps(report.as_dict())


def test_a_table_of_attributes_and_what_is_hard_to_learn_from_it(tmp_path, capsys):
    for number in range(101):
        put(tmp_path / "images" / f"{number}.png")
    rows = [f"{number}.png,{int(number < 2)},1,{int(number < 1)},0\n" for number in range(100)]
    (tmp_path / "labels.csv").write_text("file,two,all,one,none\n" + "".join(rows))
    report = check(tmp_path)
    assert report.ok and report.labelled == 100
    assert report.attributes == {"two": 0.02, "all": 1.0, "one": 0.01, "none": 0.0}
    assert report.warnings == [
        "1 images without a row in labels.csv were left out: 100.png",
        "all images have all; there is nothing to tell it from",
        "1 of 100 images have one, too few to learn it from",
        "0 of 100 images have none, too few to learn it from",
    ]
    (tmp_path / "labels.csv").write_text("file,two\n0.png,3\n")
    assert "line 2: two of 0.png" in check(tmp_path).mislabelled[0] and not check(tmp_path).ok


@pytest.mark.parametrize("layout", ["A B", "train/A train/B", "trainA trainB", "A/train B/train", "train val"])
def test_other_layouts_have_no_labels(tmp_path, layout):
    for folder in layout.split():
        put(tmp_path / folder / "1.png")
    report = check(tmp_path)
    assert report.ok and report.labelled == 0 and not report.attributes and "labelled" not in str(report)
