import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tfi2i.data.attributes import balance
from tfi2i.data.images import write
from tfi2i.data.labelled import (
    LABELLED_LAYOUTS,
    AttributeTable,
    ClassFolders,
    DigitFile,
    open_labelled,
)
from tfi2i.errors import NoImages, UserError

SPLITS = ["train", "val", "test"]


def fill(folder, names, channels=3, dtype=np.uint8):
    """Writes images whose every pixel is the number of the image in the list."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        write(folder / name, np.full((8, 8, channels), number, dtype))


def names(source):
    return [source.name(index) for index in range(len(source))]


def numbered(count):
    return [f"{number}.png" for number in range(count)]


def write_celeba(root, rows, partition=None, count=None, images="images"):
    """rows: {file: text of its values}, for attributes Bald and Young."""
    fill(root / images, list(rows))
    lines = [str(len(rows) if count is None else count), "Bald Young", *(f"{name}  {v}" for name, v in rows.items())]
    (root / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")  # Windows' mark
    if partition is not None:
        (root / "list_eval_partition.txt").write_text("".join(f"{name} {v}\n" for name, v in partition.items()))


def write_csv(root, text, images):
    fill(root, images)
    (root / "labels.csv").write_text(text)


# Folders of classes


def test_classes_in_split_folders(tmp_path):
    for split, count in (("train", 11), ("test", 2)):
        for label in ("happy", "angry"):
            fill(tmp_path / split / label, numbered(count), channels=1, dtype=np.uint16)
    (tmp_path / "train" / "notes").mkdir()
    source = open_labelled(tmp_path, "train")
    assert isinstance(source, ClassFolders) and len(source) == 22
    assert source.attributes == ("angry", "happy") and source.exclusive == (("angry", "happy"),)
    assert names(source)[:11] == [str(number) for number in range(11)]
    sample = source[21]
    np.testing.assert_array_equal(sample["image"], np.full((8, 8, 1), 10, np.uint16))
    assert sample["image"].dtype == np.uint16 and sample["label"].dtype == np.float32
    np.testing.assert_array_equal(source.labels(), [[1, 0]] * 11 + [[0, 1]] * 11)
    np.testing.assert_array_equal(sample["label"], [0, 1])
    assert len(open_labelled(tmp_path, "test")) == len(open_labelled(tmp_path, "val")) == 4


def test_a_tenth_of_each_class_is_held_out(tmp_path):
    fill(tmp_path / "A", numbered(40))  # classes may have these names
    fill(tmp_path / "B", numbered(20))
    train, val, test = (ClassFolders(tmp_path, split) for split in SPLITS)
    assert train.labels().sum(axis=0).tolist() == [36, 18] and test.labels().sum(axis=0).tolist() == [4, 2]
    assert val.paths == test.paths and not set(train.paths) & set(test.paths)


def test_val_and_test_are_never_classes(tmp_path):
    for folder in ("train/cat", "train/dog", "val", "dog"):
        fill(tmp_path / folder, numbered(2))
    assert ClassFolders(tmp_path, "train").attributes == ("cat", "dog")
    with pytest.raises(NoImages, match=r'no images found for the split "test" .*train/CLASS/1\.jpg'):
        ClassFolders(tmp_path, "test")


def test_classes_that_differ_between_the_splits(tmp_path):
    for folder in ("train/cat", "train/dog", "test/cat", "test/fox"):
        fill(tmp_path / folder, numbered(2))
    for split in ("train", "test"):
        with pytest.raises(UserError, match=r"same classes in train/ and test/, received test/fox, train/dog in one"):
            ClassFolders(tmp_path, split)


def test_one_class_alone(tmp_path):
    fill(tmp_path / "cat", numbered(20))
    with pytest.raises(UserError, match=r"cat: the only class; expected folders with images of at least two"):
        open_labelled(tmp_path, "train")


# Tables


def test_celeba_files(tmp_path):
    rows = {"1.png": "1 -1", "2.png": "-1  1", "10.png": " 1  1", "3.png": "-1 -1"}
    write_celeba(tmp_path, rows, {"1.png": 0, "2.png": 1, "10.png": 0, "3.png": 2}, images="img_align_celeba")
    source = open_labelled(tmp_path, "train")
    assert isinstance(source, AttributeTable) and names(source) == ["1", "10"]
    assert source.attributes == ("Bald", "Young") and source.exclusive == ()
    np.testing.assert_array_equal(source.labels(), [[1, 0], [1, 1]])
    np.testing.assert_array_equal(source[1]["label"], [1, 1])
    assert source[1]["image"][0, 0, 0] == 2
    assert names(open_labelled(tmp_path, "val")) == ["2"] and names(open_labelled(tmp_path, "test")) == ["3"]


def test_val_and_test_of_a_table_stand_in_for_each_other(tmp_path):
    rows = {"1.png": "1 -1", "2.png": "-1 1"}
    write_celeba(tmp_path, rows, {"1.png": 1, "2.png": 1})
    assert names(AttributeTable(tmp_path, "test")) == ["1", "2"]
    with pytest.raises(NoImages, match=r'list_attr_celeba\.txt: no images of the split "train" \(received val\)'):
        AttributeTable(tmp_path, "train")


def test_a_csv_beside_its_images(tmp_path):
    header, *rows = "file, Blond Hair ,split,Male", "a.png,1,train,-1", "b.png,YES,val,no", '"c.png",0,test,True'
    text = "\r\n".join([header, *rows, ",,,", "d.png,false,train,0"])
    write_csv(tmp_path, text, ["a.png", "b.png", "c.png", "d.png"])
    train = open_labelled(tmp_path, "train")
    assert train.attributes == ("Blond Hair", "Male") and names(train) == ["a", "d"]
    np.testing.assert_array_equal(train.labels(), [[1, 0], [0, 0]])
    np.testing.assert_array_equal(AttributeTable(tmp_path, "val").labels(), [[1, 0]])
    np.testing.assert_array_equal(AttributeTable(tmp_path, "test").labels(), [[0, 1]])


def test_a_tenth_is_held_out_where_a_table_does_not_divide(tmp_path, capsys):
    fill(tmp_path / "csv" / "images", numbered(40))
    rows = [f"{number}.png,{number % 2}" for number in reversed(range(40))]
    (tmp_path / "csv" / "labels.CSV").write_text("file,odd\n" + "\n".join(rows))
    write_celeba(tmp_path / "celeba", {name: "1 -1" for name in numbered(40)})
    for root in (tmp_path / "csv", tmp_path / "celeba"):
        train, val, test = (open_labelled(root, split) for split in SPLITS)
        assert (len(train), len(test)) == (36, 4) and names(val) == names(test)
        assert sorted(names(train) + names(test), key=int) == [str(number) for number in range(40)]
    source = open_labelled(tmp_path / "csv", "train")
    assert source.labels()[:, 0].tolist() == [int(name) % 2 for name in names(source)]
    assert capsys.readouterr().err == ""


def test_what_a_table_leaves_open_is_left_out_and_counted(tmp_path, capsys):
    rows = ["0.png,1,1", "1.png,,0", "2.png,0,1", "gone.png,0,1"]
    write_csv(tmp_path / "csv", "file,x,y\n" + "\n".join(rows), numbered(7))
    train, test = (AttributeTable(tmp_path / "csv", split) for split in ("train", "test"))
    assert sorted(names(train) + names(test)) == ["0", "2"]
    assert capsys.readouterr().err.splitlines() == 2 * [
        "tfi2i: 4 images without a row in labels.csv were left out: 3.png, 4.png, 5.png, ...",
        "tfi2i: 1 rows of labels.csv without an image were left out: gone.png",
        "tfi2i: 1 images with a missing label in labels.csv were left out: 1.png",
    ]
    write_celeba(tmp_path / "celeba", {name: "1 -1" for name in numbered(4)}, {"0.png": 0, "3.png": 2})
    assert names(AttributeTable(tmp_path / "celeba", "train")) == ["0"]
    assert capsys.readouterr().err == (
        "tfi2i: 2 images without a row in list_eval_partition.txt were left out: 1.png, 2.png\n"
    )


WRONG_CSV = {
    "no attributes": ("file,split\na.png,train\n", r"line 1: expected a header with .* received 'split'"),
    "semicolons": ("file;x\na.png;1\n", "line 1: expected a header .* received none"),
    "empty": ("", "line 1: expected a header"),
    "nameless": ("file,x,\na.png,1,0\n", "line 1: expected a header .* received 'x', ''"),
    "column twice": ("file,x,x\na.png,1,0\n", "line 1: the column x occurs twice"),
    "short": ("file,x,y\na.png,1,0\n\nb.png,1\n", r"line 4: expected a file name and 2 values, received b\.png and 1"),
    "long": ("file,x\na.png,1,0\n", r"line 2: expected a file name and 1 values, received a\.png and 2"),
    "value": ("file,x,y\na.png,1,0\nb.png,1,Maybe\n", r"line 3: y of b\.png \(expected one of 1, .* received 'Maybe'"),
    "split": ("file,x,split\na.png,1,valid\n", r"split of a\.png \(expected one of train, val, test, received 'valid'"),
    "file twice": ("file,x\na.png,1\nb.png,1\na.png,0\n", r"line 4: a\.png occurs a second time"),
    "field": ("file,x\na.png," + "1" * 200_000, "line 2: not a CSV"),
    "nothing fits": ("file,x\nc.png,1\n", "no image .* labelled .*2 images without a row in .* a.png, b.png; 1 rows"),
}


@pytest.mark.parametrize("case", WRONG_CSV)
def test_wrong_csvs(tmp_path, case):
    text, message = WRONG_CSV[case]
    write_csv(tmp_path, text, ["a.png", "b.png"])
    with pytest.raises(UserError, match=message) as error:
        open_labelled(tmp_path, "train")
    assert str(error.value).startswith(f"{tmp_path / 'labels.csv'}: ") and "\n" not in str(error.value)


WRONG_CELEBA = {
    "no count": ("Bald Young\na.png 1 -1\n", "line 1: expected the number of images, received 'Bald Young'"),
    "empty": ("", "line 1: expected the number of images, received ''"),
    "no names": ("0\n", "line 2: expected a header .* received none"),
    "cut": ("3\nBald Young\na.png 1 -1\n", "line 1: expected 3 rows as it says, received 1"),
    "value": ("1\nBald Young\na.png 1 2\n", r"line 3: Young of a\.png \(expected one of .* received '2'"),
    "short": ("1\nBald Young\na.png 1\n", "line 3: expected a file name and 2 values"),
    "twice": ("2\nBald Young\na.png 1 -1\na.png 1 -1\n", r"line 4: a\.png occurs a second time"),
}


@pytest.mark.parametrize("case", WRONG_CELEBA)
def test_wrong_celeba_files(tmp_path, case):
    text, message = WRONG_CELEBA[case]
    fill(tmp_path / "images", ["a.png"])
    (tmp_path / "list_attr_celeba.txt").write_text(text)
    with pytest.raises(UserError, match=rf"list_attr_celeba\.txt: {message}"):
        open_labelled(tmp_path, "train")


def test_a_wrong_partition(tmp_path):
    write_celeba(tmp_path, {"a.png": "1 -1"}, {"a.png": 7})
    with pytest.raises(UserError, match=r"partition\.txt: line 1: split of a\.png \(expected one of 0, 1, 2, received"):
        open_labelled(tmp_path, "train")


def test_tables_that_cannot_be_read(tmp_path):
    write_csv(tmp_path, "", ["a.png"])
    (tmp_path / "labels.csv").write_bytes(b"file,\xff\n")
    with pytest.raises(UserError, match=r"labels\.csv: cannot be read as text in UTF-8"):
        open_labelled(tmp_path, "train")
    (tmp_path / "more.csv").touch()
    with pytest.raises(UserError, match=r"expected one CSV of labels, received labels\.csv, more\.csv"):
        open_labelled(tmp_path, "train")


# Digits


def digits(path, **changed):
    arrays = {
        "x_train": np.arange(6 * 64, dtype=np.uint16).astype(np.uint8).reshape(6, 8, 8),
        "y_train": np.array([7, 3, 12, 3, 7, 7]),
        "x_test": np.full((2, 8, 8), 9, np.uint8),
        "y_test": np.array([12, 3], np.uint8),
        **changed,
    }
    np.savez_compressed(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def test_digits(tmp_path):
    source = open_labelled(digits(tmp_path / "digits.npz"), "train")
    assert isinstance(source, DigitFile) and len(source) == 6
    assert source.attributes == ("3", "7", "12") and source.exclusive == (("3", "7", "12"),)
    np.testing.assert_array_equal(source[1]["image"][..., 0], np.arange(64, 128).reshape(8, 8))
    assert source[1]["image"].shape == (8, 8, 1) and source[1]["label"].dtype == np.float32
    assert source[1]["label"].tolist() == [1, 0, 0] and names(source)[1] == "train_00001"
    test = open_labelled(str(tmp_path / "digits.npz"), "val")
    np.testing.assert_array_equal(test.labels(), [[0, 0, 1], [1, 0, 0]])
    assert names(test) == ["test_00000", "test_00001"]
    assert len(list(source)) == 6  # ends in an IndexError


WRONG_DIGITS = {
    "missing": ({"y_test": None, "x_test": None}, "no x_test, y_test .*received x_train, y_train"),
    "float": ({"x_train": np.zeros((6, 8, 8), np.float32)}, r"x_train \(expected uint8 .*received float32 \(6, 8, 8\)"),
    "flat": ({"x_train": np.zeros((6, 64), np.uint8)}, r"x_train .*received uint8 \(6, 64\)"),
    "channels": ({"x_train": np.zeros((6, 8, 8, 2), np.uint8)}, r"x_train .*received uint8 \(6, 8, 8, 2\)"),
    "lengths": ({"y_train": np.array([3, 7])}, r"x_train .*with the 2 images of y_train, received uint8 \(6, 8, 8\)"),
    "labels": ({"y_train": np.zeros(6)}, r"y_train \(expected integers \(N,\), received float64"),
    "one-hot": ({"y_train": np.eye(6, dtype=int)}, r"y_train .*received int64 \(6, 6\)"),
    "none": ({"x_train": np.zeros((0, 8, 8), np.uint8), "y_train": np.zeros(0, int)}, r"x_train .*\(0, 8, 8\)"),
    "objects": ({"y_train": np.array([None] * 6)}, "cannot be read as arrays .*allow_pickle"),
}


@pytest.mark.parametrize("case", WRONG_DIGITS)
def test_wrong_digit_files(tmp_path, case):
    changed, message = WRONG_DIGITS[case]
    with pytest.raises(UserError, match=rf"digits\.npz: .*{message}"):
        open_labelled(digits(tmp_path / "digits.npz", **changed), "train")


def test_damaged_digit_files(tmp_path):
    path = digits(tmp_path / "digits.npz")
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[150:170] = bytes(20)
    for content in (b"", b"404 not found", whole[:-40], bytes(damaged)):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"digits\.npz: cannot be read as arrays \(.+\); replace the file"):
            DigitFile(path, "train")
    with pytest.raises(UserError, match=r"gone\.npz: cannot be read as arrays \(No such file"):
        open_labelled(tmp_path / "gone.npz", "train")


def test_classes_of_the_test_digits_alone(tmp_path):
    path = digits(tmp_path / "digits.npz", y_test=np.array([5, 3]))
    with pytest.raises(UserError, match="y_test has classes that y_train has not: 5"):
        DigitFile(path, "test")
    assert len(DigitFile(path, "train")) == 6


# All


def test_where_nothing_fits(tmp_path):
    fill(tmp_path / "photos", ["1.png"])
    fill(tmp_path / "domains" / "trainA", ["1.png"])
    fill(tmp_path / "domains" / "trainB", ["1.png"])
    for path in (tmp_path / "photos", tmp_path / "domains", tmp_path / "photos" / "1.png", tmp_path / "missing"):
        with pytest.raises(UserError) as error:
            open_labelled(path, "train")
        assert str(error.value).startswith(f"{path}: no images found") and LABELLED_LAYOUTS in str(error.value)
    for layout in (ClassFolders, AttributeTable):
        with pytest.raises(NoImages):
            layout(tmp_path / "photos", "train")


def test_an_unknown_split(tmp_path):
    for folder in ("cat", "dog"):
        fill(tmp_path / "classes" / folder, numbered(2))
    write_csv(tmp_path / "csv", "file,x\n0.png,1\n1.png,0\n", numbered(2))
    for path in (tmp_path / "classes", tmp_path / "csv", digits(tmp_path / "digits.npz")):
        with pytest.raises(UserError, match="expected one of train, val, test, received valid"):
            open_labelled(path, "valid")


def test_sources_can_be_pickled_and_shared_by_threads_and_read_late(tmp_path):
    for folder in ("cat", "dog"):
        fill(tmp_path / "classes" / "train" / folder, numbered(6))
    write_csv(tmp_path / "csv", "file,x,split\n" + "".join(f"{n}.png,1,train\n" for n in range(12)), numbered(12))
    for path, expected in (("classes", [*range(6)] * 2), ("csv", [*range(12)])):
        source = pickle.loads(pickle.dumps(open_labelled(tmp_path / path, "train")))
        with ThreadPoolExecutor(8) as pool:
            samples = list(pool.map(source.__getitem__, list(range(12)) * 4))
        assert [int(sample["image"][0, 0, 0]) for sample in samples] == expected * 4
        np.testing.assert_array_equal([sample["label"] for sample in samples[:12]], source.labels())
        source.paths[3].write_bytes(b"not an image")
        with pytest.raises(UserError, match=r"3\.png: cannot be read"):
            open_labelled(tmp_path / path, "train")[3]


def test_real_faces_and_digits(shared_data):
    train, test, val = (open_labelled(shared_data / "celeba", split) for split in ("train", "test", "val"))
    assert (len(train), len(test), len(train.attributes)) == (1500, 300, 40) and val.paths == test.paths
    shares = {name: 1500 * share + 300 * balance(test)[name] for name, share in balance(train).items()}
    expected = {
        "Black_Hair": 442,
        "Blond_Hair": 265,
        "Brown_Hair": 357,
        "Male": 755,
        "Young": 1387,
        "Smiling": 878,
        "Eyeglasses": 117,
    }
    assert {name: round(shares[name]) for name in expected} == expected
    assert train[0]["image"].shape == (218, 178, 3) and train[0]["label"].sum() == 13
    for name, count, shape in (
        ("mnist_part", 7000, (28, 28, 1)),
        ("usps", 7291, (16, 16, 1)),
        ("svhn_part", 554, (32, 32, 3)),
    ):
        digit = open_labelled(shared_data / "digits" / f"{name}.npz", "train")
        assert len(digit) == count and digit[0]["image"].shape == shape and digit.attributes == tuple("0123456789")
        assert (digit.labels().sum(axis=1) == 1).all()
