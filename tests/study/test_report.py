"""The report of a study: known answers give known numbers, intervals are scipy's, and only whole files count."""

import json

import numpy as np
import pytest
import scipy.stats
from study.participants import put, result

from tfi2i.cli import main
from tfi2i.errors import UserError
from tfi2i.study import report
from tfi2i.study.report import as_markdown, measured, student, wilson


@pytest.fixture(scope="module")
def fooling(made):
    return made("real_or_fake", "--practice=1", "--checks=3")


@pytest.fixture
def study(fooling):
    """The same study for each test, without results."""
    yield fooling
    for path in [*(fooling / "results").iterdir(), *fooling.glob("report.*")]:
        path.unlink()


def fooled(times):
    """Takes the fake for real in the first so many trials, the real one in all others."""

    def choose(role, number, ways):
        (other,) = set(ways) - {"real"}
        return other if role == "trial" and number < times else "real"

    return choose


def test_known_answers_give_known_rates(study):
    times = [0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 1]  # of 5 trials
    for k, number in enumerate(times):
        put(study, result(study, k, fooled(number)))
    put(study, result(study, 100, fooled(2), group=1))
    found = report(study)
    first, second = json.loads((study / "key.json").read_text())["groups"]
    value = found["values"][first]["labelled_real"]
    rates = 20.0 * np.array(times)
    assert value["value"] == pytest.approx(rates.mean()) and value["std"] == pytest.approx(rates.std(ddof=1))
    assert (value["n"], value["trials"], value["interval"]) == (12, 60, "bootstrap")
    expected = scipy.stats.bootstrap(
        (rates,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert (value["low"], value["high"]) == pytest.approx(tuple(expected), abs=1.0)
    few = found["values"][second]["labelled_real"]
    assert (few["value"], few["n"], few["std"], few["interval"]) == (40.0, 1, None, "wilson")
    error = rates.std(ddof=1) / np.sqrt(12)
    row = f"| {first} | {rates.mean():.1f} % ± {error:.1f} | {value['low']:.1f} to {value['high']:.1f} | 12 | 60 |"
    assert row in (study / "report.md").read_text().splitlines()
    assert json.loads((study / "report.json").read_text()) == found


@pytest.mark.parametrize("successes, trials", [(0, 40), (1, 7), (20, 40), (399, 400), (5, 5)])
def test_wilson_is_that_of_scipy(successes, trials):
    expected = scipy.stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson(successes, trials) == pytest.approx((100 * expected.low, 100 * expected.high), abs=1e-9)


def test_student_is_that_of_scipy():
    means = np.array([3.5, 4.25, 2.0, 3.0])
    expected = scipy.stats.ttest_1samp(means, 0).confidence_interval(0.95)
    assert student(means) == pytest.approx((expected.low, expected.high))
    assert student(means[:1]) == (None, None)


def test_a_participant_counts_once_however_many_answers(study):
    found = measured([[100.0] * 4, [0.0]], per_cent=True)
    assert (found["value"], found["n"], found["trials"]) == (50.0, 2, 5)
    assert measured([], per_cent=True)["value"] is None


def test_the_order_of_the_files_changes_nothing(study):
    paths = [put(study, result(study, k, fooled(k % 5), group=k % 2)) for k in range(24)]
    found = report(study, paths)
    text = (study / "report.md").read_text()
    assert report(study, paths[::-1]) == found and report(study) == found
    assert (study / "report.md").read_text() == text == as_markdown(found)


def test_who_misses_checks_is_left_out_and_counted(study):
    def asleep(role, number, ways):
        return next(way for way in ways if way != "real")

    put(study, result(study, 1, fooled(0)))
    before = report(study)
    put(study, result(study, 2, asleep))
    found = report(study)
    assert found["values"] == before["values"]
    assert (found["participants"], found["excluded"]) == (1, 1)
    assert "1 more left out, who missed attention checks" in (study / "report.md").read_text()


def test_pictures_that_were_seen_too_long_or_twice_do_not_count(study):
    record = result(study, 1, fooled(5))
    own = [answer for answer in record["answers"] if trials_of(study)[answer["trial"]]["role"] == "trial"]
    own[0]["exposure_ms"], own[1]["views"], own[2]["exposure_ms"], own[3]["exposure_ms"] = 1600, 2, 400, 1400
    put(study, record)
    found = report(study)
    (value,) = (v["labelled_real"] for v in found["values"].values() if v["labelled_real"]["n"])
    assert (found["unseen"], value["trials"]) == (3, 2)
    assert "3 answers left out" in (study / "report.md").read_text()


def trials_of(study):
    return json.loads((study / "key.json").read_text())["trials"]


def test_preferences_are_shares(made, capsys):
    study = made("preference", "--checks=2")  # and 6 trials

    def choose(times):
        def choice(role, number, ways):
            if role == "check":
                return next(way for way in ways if way != "noise")
            return "plain" if number < times else "fancy"

        return choice

    for k, times in enumerate((6, 3, 0)):
        put(study, result(study, k, choose(times)))
    put(study, result(study, 9, lambda role, number, ways: "noise" if role == "check" else "plain"))
    assert main(["study", "report", str(study), f"--json={study / 'copy.json'}"]) == 0
    found = json.loads((study / "copy.json").read_text())
    shares = {way: value["preferred"]["value"] for way, value in found["values"].items()}
    assert shares == {"plain": 50.0, "fancy": 50.0} and found["excluded"] == 1
    bounds = found["values"]["plain"]["preferred"]
    assert (bounds["low"], bounds["high"]) == wilson(9, 18)
    text = capsys.readouterr().out
    assert "| plain | 50.0 % ± 28.9 |" in text and "50.0 % are chance" in text


def test_opinions_are_means(made):
    study = made("mos", "--practice=2", "--checks=3")  # and 18 pictures
    wanted = {"plain": 1, "fancy": 3, "real": 5}

    def choose(shift):
        def choice(role, number, ways):
            return ways if role == "check" else min(5, wanted[ways[0]] + shift)

        return choice

    for k, shift in enumerate((0, 1, 0, 1)):
        put(study, result(study, k, choose(shift)))
    put(study, result(study, 9, lambda role, number, ways: 2))  # misses the check that asks for a 4
    found = report(study)
    values = {way: value["opinion"] for way, value in found["values"].items()}
    assert {way: value["value"] for way, value in values.items()} == {"plain": 1.5, "fancy": 3.5, "real": 5.0}
    assert (values["fancy"]["low"], values["fancy"]["high"]) == pytest.approx(student(np.array([3, 4, 3, 4])))
    assert values["fancy"]["interval"] == "student" and found["excluded"] == 1


def changed(**change):
    return lambda record: record | change


def first_answer(**change):
    return lambda record: record | {"answers": [record["answers"][0] | change, *record["answers"][1:]]}


BROKEN = {
    "another study": (changed(study="0" * 12), "of another study"),
    "no result": (changed(format=2), "no result of a study"),
    "a name": (changed(participant="../../x"), "participant ../../x"),
    "another group": (changed(group=1), "of another group"),
    "no group": (changed(group=True), "group True"),
    "no answers": (changed(answers=None), "no answers"),
    "too few": (lambda record: record | {"answers": record["answers"][:-2]}, "expected 5 answers to trial trials"),
    "twice": (lambda record: record | {"answers": [*record["answers"][1:], record["answers"][1]]}, "answered twice"),
    "no trial": (first_answer(trial=["a"]), "is none of the study's"),
    "no answer": (lambda record: record | {"answers": [3]}, "trial 3 is none"),
    "other pictures": (first_answer(shown=["a", "b"]), "has other pictures"),
    "another picture": (first_answer(answer="a"), "is a"),
    "never seen": (first_answer(views=0), "was seen 0 times"),
    "a list": (lambda record: [record], "no result of a study"),
}


@pytest.mark.parametrize("break_it, message", BROKEN.values(), ids=BROKEN)
def test_broken_results_are_named(study, break_it, message):
    put(study, result(study, 1, fooled(1)))
    path = put(study, break_it(result(study, 2, fooled(1))), name="bad")
    with pytest.raises(UserError, match=message) as raised:
        report(study)
    assert str(raised.value).startswith(f"{path}: ")


def test_scores_are_one_to_five(made):
    study = made("mos", "--practice=1", "--checks=0")
    for score in (0, 6, "5", 4.5, True, None):
        path = put(study, result(study, 1, lambda role, number, ways: 3))
        record = json.loads(path.read_text())
        record["answers"][3]["answer"] = score
        path.write_text(json.dumps(record))
        with pytest.raises(UserError, match="the answer to trial"):
            report(study)


def test_what_is_no_study_or_has_no_results(study, tmp_path, capsys):
    assert main(["study", "report", str(study)]) == 2
    assert f"no results in {study / 'results'}" in capsys.readouterr().err
    assert main(["study", "report", str(tmp_path)]) == 2
    assert f"not a study: {tmp_path}" in capsys.readouterr().err
    assert main(["study", "report", str(study), str(tmp_path / "none.json")]) == 2
    assert "none.json: No such file" in capsys.readouterr().err
    (tmp_path / "half.json").write_text('{"format": 1')
    assert main(["study", "report", str(study), str(tmp_path / "half.json")]) == 2
    assert "half.json: not a whole result (no JSON" in capsys.readouterr().err
    one, two = (put(study, result(study, 7, fooled(1)), name=name) for name in ("one", "two"))
    assert main(["study", "report", str(study)]) == 2
    assert f"{two}: participant 0000000000000007 is in {one} too" in capsys.readouterr().err
    (tmp_path / "key.json").write_text("{}")
    assert main(["study", "report", str(tmp_path)]) == 2
    assert "key.json can't be read" in capsys.readouterr().err
