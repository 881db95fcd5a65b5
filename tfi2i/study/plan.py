"""What a study asks: which pictures meet in which trial, under names that tell nothing.

Three kinds, each as papers did it:

real_or_fake: a real picture and a method's side by side for a second, then "which was real?" (Zhang et al. 2016,
    sec. 3.1; Isola et al. 2017, sec. 4.1; Zhu et al. 2017, sec. 5.1.1). A participant is in the group of one method, as
    there: feedback in practice is then about that method's faults, and no method looks better or worse for its
    neighbours.
preference: an input and every method's answer, "which is best?" (Huang et al. 2018; Choi et al. 2018; Kim et al. 2020).
mos: one picture at a time, 1 (bad) to 5 (excellent), after examples of both ends (Ledig et al. 2017, sec. 3.3).
"""

from dataclasses import dataclass

import numpy as np

from tfi2i.errors import UserError

# What is asked of a participant where the options don't say it. real_or_fake: 10 and 40 are the papers'; a tenth of the
# trials as checks is that of Zhang et al.
DEFAULTS = {
    "real_or_fake": {
        "question": "Which of the two pictures was real?",
        "practice": 10,
        "trials": 40,
        "checks": 4,
        "exposure": 1.0,
    },
    "preference": {
        "question": "Which of the pictures below is the best translation of this one?",
        "practice": 0,
        "trials": 30,
        "checks": 3,
        "exposure": 0.0,
    },
    "mos": {"question": "How good is this picture?", "practice": 3, "trials": 60, "checks": 3, "exposure": 0.0},
}


@dataclass(frozen=True)
class Settings:
    """What a participant is asked.

    kind: "real_or_fake", "preference" or "mos".
    question: the words of it.
    practice: trials with feedback before those that count; of "mos": examples of both ends of the scale.
    trials: how many count; of "mos" pictures, brought to whole scenes.
    checks: further trials that tell who doesn't look.
    exposure: seconds for which the pictures of "real_or_fake" are seen; 0: until the answer.
    other_scene: of "real_or_fake": the real picture is that of another scene.
    seed: of the choice of scenes, the names and the order.
    """

    kind: str
    question: str
    practice: int
    trials: int
    checks: int
    exposure: float
    other_scene: bool = False
    seed: int = 0

    @classmethod
    def of(cls, kind, seed=0, other_scene=False, **given):
        """Settings of a kind; what is None is the kind's default. Raises `UserError` for what makes no sense."""
        if kind not in DEFAULTS:
            raise UserError(f"--kind={kind} (expected one of {', '.join(DEFAULTS)})")
        given = {name: value for name, value in given.items() if value is not None}
        if kind != "real_or_fake" and ("exposure" in given or other_scene):
            name = "other_scene" if other_scene else "exposure"
            raise UserError(f"--{name} is an option of --kind=real_or_fake (received --kind={kind}); leave it out")
        if kind == "preference" and given.get("practice"):
            raise UserError(
                f"--practice={given['practice']}: a preference is never wrong, so there is no feedback to give "
                "(expected --kind=real_or_fake or mos); leave it out"
            )
        for name, least in (("practice", 0), ("trials", 1), ("checks", 0), ("exposure", 0), ("seed", 0)):
            if not (value := {"seed": seed, **given}.get(name, least)) >= least:
                raise UserError(f"--{name}={value} (expected at least {least})")
        return cls(kind=kind, seed=seed, other_scene=other_scene, **{**DEFAULTS[kind], **given})


@dataclass(frozen=True)
class Plan:
    """What `planned` returns.

    pictures: {name: (way, scene)} of every picture to be written; a picture that appears twice has two names, so that
        names don't tell what it is. A way is a method, "real", "input", "noise" or "worst".
    groups: for each group of participants {"practice", "checks": [trial], "trials": [[trial]]}, as the page reads it;
        trials that belong together lie in one list. A trial is {"id", "pictures"}, of practice with "real", of a
        preference with "input", of a written check with "ask". Of "mos" also "examples": [[worst, best]].
    key: {trial: {"role", "group", "pictures": {name: way}, "scene", and of a written check "ask"}}.
    session: how many answers of each role a participant gives.
    methods: the method of each group, None where a group sees all.
    salt: what the page's random order starts from, besides the participant.
    """

    pictures: dict
    groups: list
    key: dict
    session: dict
    methods: list
    salt: str


def planned(settings, ways, count):
    """The trials of a study of `count` scenes.

    Args:
        settings: `Settings`.
        ways: the methods; of "mos" all that is rated, "real" too.

    Raises: `UserError` where there are too few scenes or methods.
    """
    random = np.random.default_rng([settings.seed, 1])
    drawn = _Trials(random)
    reserved = settings.practice if settings.kind == "mos" else max(settings.practice, settings.checks)
    if count - reserved < 1 + settings.other_scene:
        raise UserError(
            f"{count} pictures are too few (expected at least {reserved + 1 + settings.other_scene}: {reserved} for "
            "practice and checks, and others for the trials); give more, or lower --practice and --checks"
        )
    if settings.kind == "preference" and len(ways) < 2:
        raise UserError(f"a preference needs two methods (received {', '.join(ways)}); name another run or --fake")
    first, rest = range(reserved), range(reserved, count)
    if settings.kind == "real_or_fake":
        methods = [ways[k] for k in random.permutation(len(ways))]
        groups = [_real_or_fake(drawn, k, way, settings, first, rest) for k, way in enumerate(methods)]
        trials = min(settings.trials, len(rest))
    elif settings.kind == "preference":
        methods, groups = [None], [_preference(drawn, ways, settings, first, rest)]
        trials = min(settings.trials, len(rest))
    else:
        methods, groups = [None], [_opinion(drawn, ways, settings, first, rest)]
        trials = len(ways) * min(max(1, settings.trials // len(ways)), len(rest))
    session = {"practice": len(groups[0]["practice"]), "check": settings.checks, "trial": trials}
    return Plan(drawn.pictures, groups, drawn.key, session, methods, random.bytes(8).hex())


class _Trials:
    """Gives trials and pictures their random names, and remembers what they are."""

    def __init__(self, random):
        self._random, self.pictures, self.key = random, {}, {}

    def picture(self, way, scene):
        name = self._random.bytes(8).hex()
        self.pictures[name] = (way, scene)
        return name

    def trial(self, role, group, scene, shown, given=None, **more):
        """A trial as the page reads it; shown: [(way, scene)]; given: an input of the scene."""
        id, names = self._random.bytes(8).hex(), {self.picture(way, at): way for way, at in shown}
        self.key[id] = {"role": role, "group": group, "scene": scene, "pictures": names, **more}
        trial = {"id": id, "pictures": sorted(names), **more}  # by name, which is random
        if role == "practice":
            trial["real"] = next(name for name, way in names.items() if way == "real")
        return trial | ({"input": self.picture(given, scene)} if given else {})


def _real_or_fake(drawn, group, way, settings, first, rest):
    def pairs(role, scenes):
        reals = [*scenes[1:], *scenes[:1]] if settings.other_scene else scenes
        return [
            drawn.trial(role, group, scene, [("real", real), (way, scene)])
            for scene, real in zip(scenes, reals, strict=True)
        ]

    # Checks show reals of the practice: one of the trials would be known again.
    checks = [drawn.trial("check", group, k, [("real", k), ("noise", k)]) for k in first[: settings.checks]]
    practice = pairs("practice", first[: settings.practice])
    return {"practice": practice, "checks": checks, "trials": [[trial] for trial in pairs("trial", rest)]}


def _preference(drawn, ways, settings, first, rest):
    checks = []
    for k in first[: settings.checks]:
        good = ways[k % len(ways)]
        checks.append(drawn.trial("check", 0, k, [(good, k)] + [("noise", k)] * (len(ways) - 1), given="input"))
    trials = [[drawn.trial("trial", 0, k, [(way, k) for way in ways], given="input")] for k in rest]
    return {"practice": [], "checks": checks, "trials": trials}


def _opinion(drawn, ways, settings, first, rest):
    examples = [[drawn.picture("worst", k), drawn.picture("real", k)] for k in first]
    # In words: whoever presses the same key always would also be right about noise.
    checks = [drawn.trial("check", 0, None, [], ask=2 + 2 * (k % 2)) for k in range(settings.checks)]
    trials = [[drawn.trial("trial", 0, k, [(way, k)]) for way in ways] for k in rest]
    for scene in trials:
        scene.sort(key=lambda trial: trial["id"])  # random: the page must not list them by method
    return {"practice": [], "checks": checks, "trials": trials, "examples": examples}
