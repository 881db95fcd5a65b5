"""What a study publishes, and participants who answer as they are told."""

import json


def published(study):
    """What study.js tells the page."""
    text = (study / "site" / "study.js").read_text()
    return json.loads(text.removeprefix("const study = ").removesuffix(";\n"))


def result(study, participant, choose, group=0):
    """A participant's file as the page would make it; choose(role, number, ways) -> the way or the score."""
    key, answers, counts = json.loads((study / "key.json").read_text()), [], {}
    for id, trial in key["trials"].items():
        number = counts.get(trial["role"], 0)
        if trial["group"] != group or number == key["session"][trial["role"]]:
            continue
        counts[trial["role"]] = number + 1
        ways = {way: name for name, way in trial["pictures"].items()}
        choice = choose(trial["role"], number, list(ways) or trial["ask"])
        exposure = 1000 * key["settings"]["exposure"] or None
        answers.append({"trial": id, "shown": list(trial["pictures"]), "answer": ways.get(choice, choice)})
        answers[-1] |= {"exposure_ms": exposure, "views": 1, "response_ms": 5}
    record = {"format": 1, "study": key["study"], "kind": key["settings"]["kind"], "participant": f"{participant:016x}"}
    return {**record, "group": group, "answers": answers}


def put(study, record, name=None):
    """Writes a participant's file to where the report looks for it."""
    path = study / "results" / f"{name or record['participant']}.json"
    path.write_text(json.dumps(record))
    return path
