"""What people answered, as numbers: a rate, a share or a mean opinion for each method, with its interval."""

import json
from importlib.metadata import version
from pathlib import Path
from statistics import NormalDist

import numpy as np

from tfi2i.errors import UserError
from tfi2i.evaluation.interval import LEVEL, of_mean
from tfi2i.study.results import read_key, read_results

FEW = 10  # participants, below whom the bootstrap has too few to draw from
MISSED = 0.25  # the share of checks beyond which a participant is left out
TOLERANCE = 0.5  # the share of the exposure by which pictures may have been seen longer or shorter

METRICS = {"real_or_fake": "labelled_real", "preference": "preferred", "mos": "opinion"}
COLUMNS = {"real_or_fake": "labelled real", "preference": "preferred", "mos": "mean opinion score"}


def report(study, results=None):
    """The report of a study; also written to STUDY/report.json and STUDY/report.md.

    Args:
        study: the folder that `new` made.
        results: paths of the participants' files; default: STUDY/results/*.json.

    Returns: {"study", "kind", "values": {way: {metric: {"value", "low", "high", "n", "trials", "std", "interval"}}},
        "participants", "excluded", "unseen", ...}; rates and shares in per cent, n participants, std over them.
    Raises: `UserError` where there are no results, or one is broken, doubled or of another study.
    """
    from tfi2i.training.records import write_text

    study = Path(study)
    key = read_key(study)
    paths = sorted((study / "results").glob("*.json")) if results is None else list(results)
    if not paths:
        raise UserError(f"no results in {study / 'results'} (expected *.json, a file a participant); put them there")
    everybody = read_results(key, paths)
    kept = [participant for participant in everybody if attentive(participant)]
    numbers, unseen = [], 0
    for participant in kept:
        seen = [answer for answer in participant.of_role("trial") if was_seen(answer, key["settings"])]
        unseen += key["session"]["trial"] - len(seen)
        numbers.append(numbers_of(key, participant, seen))
    bounded = key["settings"]["kind"] != "mos"
    metric = METRICS[key["settings"]["kind"]]
    values = {way: {metric: measured([n[way] for n in numbers if n.get(way)], bounded)} for way in key["ways"]}
    found = {
        "study": key["study"],
        "kind": key["settings"]["kind"],
        "values": values,
        "participants": len(kept),
        "excluded": len(everybody) - len(kept),
        "unseen": unseen,
        "data": key["data"],
        "settings": key["settings"],
        "protocol": _protocol(key),
        "versions": {"tfi2i": version("tfi2i")},
    }
    write_text(study / "report.json", json.dumps(found, indent=2) + "\n")
    write_text(study / "report.md", as_markdown(found))
    return found


def attentive(participant):
    """Whether somebody missed at most MISSED of the checks."""
    checks = participant.of_role("check")
    return sum(not check.passed for check in checks) <= MISSED * len(checks)


def was_seen(answer, settings):
    """Whether the pictures were seen as they should be: once, for about as long as was set."""
    exposure = settings["exposure"]
    if not exposure:
        return True
    seen = answer.exposure is not None and abs(answer.exposure - exposure) <= TOLERANCE * exposure
    return seen and answer.views == 1


def numbers_of(key, participant, answers):
    """{way: [number an answer]}: of "real_or_fake" 100 where the participant was fooled, of a preference 100 where the
    way was chosen, else 0; of "mos" the score."""
    kind = key["settings"]["kind"]
    if kind == "real_or_fake":
        return {key["groups"][participant.group]: [100.0 * (answer.way != "real") for answer in answers]}
    if kind == "preference":
        return {way: [100.0 * (answer.way == way) for answer in answers] for way in key["ways"]}
    scores = {}
    for answer in answers:
        (way,) = answer.trial["pictures"].values()
        scores.setdefault(way, []).append(float(answer.score))
    return scores


def measured(numbers, per_cent):
    """The mean over participants of their means, with an interval that says how far other participants may move it.

    By the bootstrap over participants; below FEW of them, of rates Wilson's (1927) over all trials as if independent,
    which is too narrow where people differ, and of opinions Student's over participants.

    Args:
        numbers: a list a participant of the numbers of their answers.
        per_cent: whether these are 0 or 100.
    """
    means = np.array([np.mean(each) for each in numbers])
    pooled = np.concatenate([*numbers, []])
    found = {"n": len(means), "trials": len(pooled)}
    if not len(means):
        return {"value": None, "low": None, "high": None, "std": None, **found, "interval": None}
    if len(means) >= FEW:
        (low, high), interval = of_mean(means), "bootstrap"
    elif per_cent:
        (low, high), interval = wilson(int(np.sum(pooled > 0)), len(pooled)), "wilson"
    else:
        (low, high), interval = student(means), "student"
    std = float(np.std(means, ddof=1)) if len(means) > 1 else None
    return {"value": float(np.mean(means)), "low": low, "high": high, "std": std, **found, "interval": interval}


def wilson(successes, trials):
    """(low, high) of a rate in per cent: those at which what was seen lies at the edge of what is to be expected."""
    z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
    rate = successes / trials
    centre = (rate + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * np.sqrt(rate * (1 - rate) / trials + z**2 / (4 * trials**2))
    return 100 * max(0.0, float(centre - half)), 100 * min(1.0, float(centre + half))


def student(means):
    """(low, high) of a mean of few numbers; None for one."""
    if len(means) < 2:
        return None, None
    from scipy.stats import t

    half = t.ppf(0.5 + LEVEL / 2, len(means) - 1) * np.std(means, ddof=1) / np.sqrt(len(means))
    return float(np.mean(means) - half), float(np.mean(means) + half)


def as_markdown(found):
    """The report as a table like the papers', with how it was measured."""
    metric, unit = METRICS[found["kind"]], "" if found["kind"] == "mos" else " %"
    digits = 2 if found["kind"] == "mos" else 1

    def shown(value, unit=""):
        return "-" if value is None else f"{value:.{digits}f}{unit}"

    rows = [f"| method | {COLUMNS[found['kind']]} | 95 % interval | participants | trials |", "| --- " * 5 + "|"]
    for way, values in found["values"].items():
        value = values[metric]
        error = "" if value["std"] is None else f" ± {shown(value['std'] / np.sqrt(value['n']))}"
        between = "-" if value["low"] is None else f"{shown(value['low'])} to {shown(value['high'])}"
        mean = shown(value["value"], unit) + error
        rows.append(f"| {way} | {mean} | {between} | {value['n']} | {value['trials']} |")
    people = f"{found['participants']} participants; {found['excluded']} more left out, who missed attention checks"
    unseen = f"; {found['unseen']} answers left out, whose pictures were not seen once and as long as set"
    facts = ", ".join(f"{name} {value}" for name, value in found["data"].items() if not isinstance(value, bool))
    return "\n".join(
        [
            f"# Study {found['study']}: {found['settings']['question']}",
            "",
            *rows,
            "",
            f"{people}{unseen if found['settings']['exposure'] else ''}. Pictures: {facts}. {found['protocol']}",
            "",
        ]
    )


def _protocol(key):
    settings, session = key["settings"], key["session"]
    checks = f"{session['check']} attention checks, of which a quarter may be missed. "
    intervals = (
        "Means over participants ± standard error; 95 % intervals by the bootstrap over participants, below "
        f"{FEW} of them by {'Student' if settings['kind'] == 'mos' else 'Wilson, over trials as if independent'}."
    )
    if settings["kind"] == "real_or_fake":
        shown = f"for {settings['exposure']:g} s" if settings["exposure"] else "until the answer"
        scene = "of the same scene" if key["data"]["pairs"] and not settings["other_scene"] else "of another scene"
        return (
            f"Two-alternative forced choice, a real picture {scene} and a method's side by side {shown}, one method a "
            f"participant; {session['practice']} practice trials with feedback, {session['trial']} without; {checks}"
            f"50 % is what pictures get that nobody can tell from real ones. {intervals}"
        )
    if settings["kind"] == "preference":
        return (
            f"The input and {len(key['ways'])} answers in random places, no limit of time; {session['trial']} trials a "
            f"participant; {checks}{100 / len(key['ways']):.1f} % are chance. {intervals}"
        )
    return (
        f"One picture at a time, 1 (bad) to 5 (excellent), no limit of time; {settings['practice']} examples of 1 and "
        f"of 5 first; {session['trial']} pictures a participant; {checks}{intervals}"
    )
