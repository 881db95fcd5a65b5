import pickle

import numpy as np
import pytest

from tfi2i.data.attributes import Chosen, Joined, WithAndWithout, balance, grouped
from tfi2i.data.folders import domains
from tfi2i.errors import UserError

HAIR = ("Black", "Blond", "Brown")


class Faces:
    """Labels in memory; every pixel of an image is its number."""

    attributes = (*HAIR, "Male")
    exclusive = (HAIR,)
    rows = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 1, 0, 1]], np.float32)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return {"image": np.full((8, 8, 3), range(len(self))[index], np.uint8), "label": self.rows[index]}

    def name(self, index):
        return f"face_{index}"

    def labels(self):
        return self.rows.copy()


class DrawnFaces(Faces):
    """The same, drawn with any labels: 10 times its number, and a bit for each attribute above 100."""

    def __init__(self, split):
        self.split = split

    def edited(self, index, label):
        assert label[:3].sum() == 1, "the group holds exactly one"
        return np.full((8, 8, 3), 10 * index + 100 * (label @ [0, 1, 2, 0]) + label[3], np.float32)


class Moods(Faces):
    attributes = ("happy", "angry")
    exclusive = (("happy", "angry"),)
    rows = np.array([[1, 0], [0, 1], [1, 0]], np.float32)


def first_pixels(source, key):
    return [int(source[index][key][0, 0, 0]) for index in range(len(source))]


def test_a_choice_of_attributes():
    chosen = Chosen(Faces(), ["Male", "Brown", "Black"])
    assert chosen.attributes == ("Male", "Brown", "Black") and chosen.exclusive == ()
    np.testing.assert_array_equal(chosen.labels(), [[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 0, 0]])
    np.testing.assert_array_equal([sample["label"] for sample in chosen], chosen.labels())
    assert first_pixels(chosen, "image") == [0, 1, 2, 3] and chosen.name(2) == "face_2" and len(chosen) == 4
    assert Chosen(Faces(), [*reversed(HAIR)]).exclusive == (HAIR,)
    assert pickle.loads(pickle.dumps(chosen)).attributes == chosen.attributes
    assert not hasattr(chosen, "edited")


@pytest.mark.parametrize(
    "names, message",
    [
        (["Male", "blond"], "unknown attribute: blond; did you mean Blond?"),
        (["Bl"], "unknown attribute: Bl; expected one of Black, Blond, Brown, Male"),
        (["Male", "Male"], "each once, received Male, Male"),
        ([], "received none"),
    ],
)
def test_wrong_choices(names, message):
    with pytest.raises(UserError) as error:
        Chosen(Faces(), names)
    assert message in str(error.value)


def test_groups():
    groups = grouped(Faces.attributes, "Black+Blond + Brown, ")
    assert groups == (HAIR,) and grouped(Faces.attributes, "") == ()
    assert (
        grouped(("a", "b", "c", "d"), "a+c b+d") == grouped(("a", "b", "c", "d"), "a+c,b+d") == (("a", "c"), ("b", "d"))
    )
    for text, message in (
        ("Black+Blnd", "unknown attribute: Blnd; did you mean Blond"),
        ("Black+Blond, Brown+Black", "Black occurs twice in"),
        ("Black+Black", "Black occurs twice in"),
        ("Black+Blond, Male", "Male stands alone in"),
        ("Black+", "unknown attribute: ;"),
    ):
        with pytest.raises(UserError) as error:
            grouped(Faces.attributes, text)
        assert message in str(error.value)


def test_two_domains_by_an_attribute():
    source = WithAndWithout(Faces(), "Male")
    assert source.aligned is False and (source.len_a, source.len_b, len(source)) == (2, 2, 2)
    assert first_pixels(source, "A") == [1, 2] and first_pixels(source, "B") == [0, 3]
    assert source.name(1) == "face_2"
    a, b = domains(pickle.loads(pickle.dumps(source)))
    assert sorted(a[0]) == ["image"] and b.name(1) == "face_3"
    more = WithAndWithout(Faces(), "Brown")
    assert first_pixels(more, "A") == [0, 1, 3] and first_pixels(more, "B") == [2, 2, 2]


def test_sides_without_images():
    for name, message in (("happy", "received 3 with and 0 without"), ("angry", "received 0 with and 3 without")):
        source = Moods()
        source.rows = np.array([[1, 0]] * 3, np.float32)
        with pytest.raises(UserError, match=rf"^{name}: .*{message} it; choose another"):
            WithAndWithout(source, name)


@pytest.mark.parametrize("split", ["val", "test"])
def test_where_the_truth_can_be_drawn_it_is(split):
    source = WithAndWithout(DrawnFaces(split), "Brown")
    assert source.aligned is True and source.len_a == source.len_b == 3
    assert first_pixels(source, "A") == [0, 1, 3]
    assert first_pixels(source, "B") == [0 + 200 + 1, 10 + 200, 30 + 200 + 1], "brown for black or blond; Male stays"
    assert first_pixels(WithAndWithout(DrawnFaces(split), "Male"), "B") == [10 + 100 + 1, 20 + 200 + 1]
    assert WithAndWithout(DrawnFaces("train"), "Brown").aligned is False


def test_an_edit_of_a_choice_clears_what_it_excludes():
    chosen = Chosen(DrawnFaces("test"), ["Brown", "Male"])
    assert chosen.edited(3, np.array([1, 0], np.float32))[0, 0, 0] == 30 + 200
    assert chosen.edited(3, np.array([0, 0], np.float32))[0, 0, 0] == 30 + 100
    np.testing.assert_array_equal(DrawnFaces.rows[3], [0, 1, 0, 1])  # the source's own label isn't written to
    source = WithAndWithout(chosen, "Brown")
    assert source.aligned and first_pixels(source, "B") == [0 + 200 + 1, 10 + 200, 30 + 200 + 1]


def test_sets_joined():
    joined = Joined([Faces(), Moods()])
    assert joined.attributes == (*HAIR, "Male", "happy", "angry") and joined.exclusive == (HAIR, ("happy", "angry"))
    assert len(joined) == 8 and [type(part) for part in joined.parts] == [Faces, Moods]
    assert first_pixels(joined, "image") == [0, 0, 1, 1, 2, 2, 3, 0]
    samples = list(joined)
    assert [sample["set"].tolist() for sample in samples] == [[1, 0], [0, 1]] * 4
    assert samples[0]["label"].tolist() == [1, 0, 0, 1, 0, 0] and samples[3]["label"].tolist() == [0, 0, 0, 0, 0, 1]
    np.testing.assert_array_equal([sample["label"] for sample in samples], joined.labels())
    assert samples[0]["label"].dtype == samples[0]["set"].dtype == joined.labels().dtype == np.float32
    assert [joined.name(index) for index in (0, 7)] == ["face_0", "face_0"]
    assert len(pickle.loads(pickle.dumps(joined))) == 8
    with pytest.raises(UserError, match=r"^Male: an attribute of two sets"):
        Joined([Faces(), Moods(), Chosen(Faces(), ["Male"])])


def test_balance():
    assert balance(Faces()) == {"Black": 0.25, "Blond": 0.5, "Brown": 0.25, "Male": 0.5}
