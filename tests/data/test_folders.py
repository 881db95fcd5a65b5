import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tfi2i.data.folders import AlignedPairs, ImageFolder, PairedFolders, UnpairedFolders, open_folder
from tfi2i.data.images import write
from tfi2i.errors import UserError

SPLITS = ["train", "val", "test"]


def fill(folder, names, height=4, width=6, channels=3):
    """Writes images whose every pixel is the number of the image in the list."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        write(folder / name, np.full((height, width, channels), number, np.uint8))


def numbers(source, domain):
    return [int(source[index][domain][0, 0, 0]) for index in range(len(source))]


def names(source):
    return [source.name(index) for index in range(len(source))]


def test_aligned_pairs_are_halved_a_left_b_right(tmp_path):
    (tmp_path / "train").mkdir()
    left, right = np.full((4, 3, 3), 10, np.uint8), np.full((4, 3, 3), 200, np.uint8)
    for name in ("10.png", "9.png"):
        write(tmp_path / "train" / name, np.concatenate([left, right], axis=1))
    source = open_folder(tmp_path, "train", paired=True)
    assert isinstance(source, AlignedPairs) and names(source) == ["9", "10"]
    assert sorted(source[0]) == ["A", "B"]
    np.testing.assert_array_equal(source[0]["A"], left)
    np.testing.assert_array_equal(source[0]["B"], right)


def test_an_odd_width_names_the_file(tmp_path):
    fill(tmp_path / "train", ["odd.png"], width=7)
    source = AlignedPairs(tmp_path, "train")
    with pytest.raises(UserError, match=r"odd\.png: .*even width, received 7"):
        source[0]


LAYOUTS = ["{split}A {split}B", "{split}/A {split}/B", "A/{split} B/{split}"]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("paired", [True, False])
def test_two_folders(tmp_path, layout, paired):
    for split, images in (("train", ["1.png", "10.png", "2.png"]), ("test", ["7.png"])):
        a, b = layout.format(split=split).split()
        fill(tmp_path / a, images)
        fill(tmp_path / b, [name.replace("png", "bmp") for name in images], channels=1)
    source = open_folder(tmp_path, "train", paired)
    assert type(source) is (PairedFolders if paired else UnpairedFolders)
    assert names(source) == ["1", "2", "10"]
    assert numbers(source, "A") == numbers(source, "B") == [0, 2, 1]
    assert source[0]["A"].shape == (4, 6, 3) and source[0]["B"].shape == (4, 6, 1)
    assert names(open_folder(tmp_path, "test", paired)) == ["7"]


@pytest.mark.parametrize("present, asked", [("val", "test"), ("test", "val")])
@pytest.mark.parametrize("layout", ["{split}", *LAYOUTS])
def test_val_and_test_stand_in_for_each_other(tmp_path, present, asked, layout):
    for folder in layout.format(split=present).split():
        fill(tmp_path / folder, ["5.png"])
    assert names(open_folder(tmp_path, asked, paired=True)) == ["5"]
    with pytest.raises(UserError, match='no images found for the split "train"'):
        open_folder(tmp_path, "train", paired=True)


def test_each_has_its_own_where_val_and_test_are_both_there(tmp_path):
    for split in SPLITS:
        fill(tmp_path / split, [f"{split}.png"])
    assert [names(open_folder(tmp_path, split, paired=True)) for split in SPLITS] == [[split] for split in SPLITS]


@pytest.mark.parametrize("layout, paired", [(".", True), ("A B", True), ("A B", False)])
def test_a_tenth_of_a_flat_folder_is_held_out(tmp_path, layout, paired):
    for folder in layout.split():
        fill(tmp_path / folder, [f"{number}.png" for number in range(40)])
    train, val, test = (names(open_folder(tmp_path, split, paired)) for split in SPLITS)
    assert len(train) == 36 and len(test) == 4 and val == test
    assert sorted(train + test, key=int) == [str(number) for number in range(40)]
    assert train == sorted(train, key=int)
    gaps = np.diff([int(name) for name in test])
    assert len(set(gaps)) > 1, "the choice must not follow the order of the files"


def test_the_held_out_images_depend_on_the_names_alone(tmp_path):
    for folder, extension in (("one", "png"), ("two", "bmp")):
        fill(tmp_path / folder, [f"{number}.{extension}" for number in range(20)])
    one, two = (names(AlignedPairs(tmp_path / folder, "test")) for folder in ("one", "two"))
    assert one == two and len(one) == 2


def test_one_image_cannot_be_divided(tmp_path):
    fill(tmp_path, ["1.png"])
    with pytest.raises(UserError, match="at least 2"):
        open_folder(tmp_path, "train", paired=True)


def test_names_without_a_partner(tmp_path):
    fill(tmp_path / "trainA", [f"{number}.png" for number in range(9)])
    fill(tmp_path / "trainB", ["0.png", "x.png"])
    with pytest.raises(
        UserError, match=r"^9 images without a partner .*trainA/1\.png, .*trainA/5\.png, \.\.\.; rename"
    ):
        PairedFolders(tmp_path, "train")
    fill(tmp_path / "testA", ["0.png"])
    fill(tmp_path / "testB", ["0.png", "0.bmp"])
    with pytest.raises(UserError, match="two images for one name"):
        PairedFolders(tmp_path, "test")


def test_sizes_of_a_pair(tmp_path):
    fill(tmp_path / "trainA", ["1.png"])
    fill(tmp_path / "trainB", ["1.png"], height=5)
    source = PairedFolders(tmp_path, "train")
    with pytest.raises(UserError, match=r"trainA/1\.png and .*trainB/1\.png: .* 4 x 6 and 5 x 6"):
        source[0]


def test_unpaired_folders_of_different_lengths(tmp_path):
    for folder, count in (("trainA", 2), ("trainB", 5), ("testA", 3), ("testB", 2)):
        fill(tmp_path / folder, [f"{number}.png" for number in range(count)])
    source = UnpairedFolders(tmp_path, "train")
    assert (len(source), source.len_a, source.len_b) == (5, 2, 5)
    assert [int(sample["A"][0, 0, 0]) for sample in source] == [0, 1, 0, 1, 0]
    assert [int(sample["B"][0, 0, 0]) for sample in source] == [0, 1, 2, 3, 4]
    assert names(source) == ["0", "1", "0", "1", "0"]
    assert source.b[3]["image"][0, 0, 0] == 3
    assert numbers(UnpairedFolders(tmp_path, "test"), "B") == [0, 1, 0]


def test_unpaired_takes_aligned_pairs_but_never_halves_photos(tmp_path):
    fill(tmp_path / "pairs" / "train", ["1.png"])
    assert isinstance(open_folder(tmp_path / "pairs", "train", paired=False), AlignedPairs)
    fill(tmp_path / "photos", ["1.png", "2.png"])
    with pytest.raises(UserError, match="expected one of these layouts: trainA/"):
        open_folder(tmp_path / "photos", "train", paired=False)


def test_one_folder(tmp_path):
    fill(tmp_path, ["b.png", "a.png"], channels=1)
    source = ImageFolder(tmp_path)
    assert names(source) == ["a", "b"] and numbers(source, "image") == [1, 0]
    assert names(ImageFolder(tmp_path / "b.png")) == names(ImageFolder(tmp_path / "b*")) == ["b"]
    with pytest.raises(UserError, match="no images here"):
        ImageFolder(tmp_path / "none")


def test_one_folder_by_splits(tmp_path):
    fill(tmp_path / "flat", [f"{number}.png" for number in range(20)])
    train, test = (names(ImageFolder(tmp_path / "flat", split)) for split in ("train", "test"))
    assert (len(train), len(test)) == (18, 2) and not set(train) & set(test)
    fill(tmp_path / "divided" / "train", ["1.png"])
    fill(tmp_path / "divided" / "val", ["2.png"])
    assert [names(ImageFolder(tmp_path / "divided", split)) for split in SPLITS] == [["1"], ["2"], ["2"]]
    with pytest.raises(UserError, match=r"expected one of these layouts: train/1\.jpg \| 1\.jpg"):
        ImageFolder(tmp_path, "train")


@pytest.mark.parametrize("paired", [True, False])
def test_a_folder_in_which_nothing_fits(tmp_path, paired):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "notes.txt").touch()
    for root in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UserError) as error:
            open_folder(root, "train", paired)
        message = str(error.value)
        assert message.startswith(f"{root}: ") and "trainA/ + trainB/" in message and "\n" not in message
        assert ("A left, B right" in message) == paired


def test_an_unknown_split(tmp_path):
    with pytest.raises(UserError, match="expected one of train, val, test, received valid"):
        open_folder(tmp_path, "valid", paired=True)


def test_opening_reads_no_file(tmp_path):
    for folder in ("train", "trainA", "trainB"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.png").write_bytes(b"not an image")
    for source in (
        AlignedPairs(tmp_path, "train"),
        PairedFolders(tmp_path, "train"),
        UnpairedFolders(tmp_path, "train"),
        ImageFolder(tmp_path / "train"),
    ):
        assert len(source) == 1
        with pytest.raises(UserError, match=r"1\.png: cannot be read"):
            source[0]


@pytest.mark.parametrize("layout, paired", [("train", True), ("trainA trainB", True), ("trainA trainB", False)])
def test_sources_can_be_pickled_and_shared_by_threads(tmp_path, layout, paired):
    for folder in layout.split():
        fill(tmp_path / folder, [f"{number}.png" for number in range(12)])
    source = pickle.loads(pickle.dumps(open_folder(tmp_path, "train", paired)))
    with ThreadPoolExecutor(8) as pool:
        samples = list(pool.map(source.__getitem__, list(range(12)) * 8))
    assert [int(sample["B"][0, 0, 0]) for sample in samples] == list(range(12)) * 8
