"""Reading what participants sent: each file checked against the key, so that nothing else is counted."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from tfi2i.errors import UserError

ROLES = ("practice", "check", "trial")


@dataclass(frozen=True)
class Answer:
    """What a participant answered to one trial.

    trial: its entry in the key.
    way: what the chosen picture is; of "mos" and written checks, None.
    score: of those, 1 to 5.
    exposure: seconds for which the pictures were seen, None where they stayed.
    views: how often they were shown; a page that was loaded anew shows them again.
    """

    trial: dict
    way: str | None
    score: int | None
    exposure: float | None
    views: int

    @property
    def passed(self):
        """Of a check: whether it was answered by somebody who looked."""
        return self.score == self.trial["ask"] if "ask" in self.trial else self.way != "noise"


@dataclass(frozen=True)
class Participant:
    """One file: the participant's random number, their group and their answers in order."""

    id: str
    group: int
    answers: list

    def of_role(self, role):
        return [answer for answer in self.answers if answer.trial["role"] == role]


def read_key(study):
    """STUDY/key.json. Raises `UserError` where there is none, or another thing."""
    path = Path(study) / "key.json"
    try:
        key = json.loads(path.read_text(encoding="utf-8"))
        if key["format"] != 1:
            raise UserError(f"{path}: its format is {key['format']} (expected 1); use the tfi2i that wrote it")
        return key
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"not a study: {study} (expected a folder with key.json, made by `tfi2i study new`)") from None
    except (ValueError, LookupError, TypeError) as error:
        raise UserError(f"{path} can't be read ({error}); restore it: without it no result means anything") from error


def read_results(key, paths):
    """[`Participant`], by their numbers, whatever the order of the files.

    Raises: `UserError` for a file that is broken or of another study, or a participant who is there twice.
    """
    found = {}
    for path in map(Path, paths):
        participant = _read(key, path)
        if participant.id in found:
            raise UserError(
                f"{path}: participant {participant.id} is in {found[participant.id][0]} too (expected a file each); "
                "keep one of the two"
            )
        found[participant.id] = path, participant
    return [found[id][1] for id in sorted(found)]


def _read(key, path):
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror} (expected a file of results)") from error
    except ValueError as error:
        raise _broken(path, f"no JSON: {error}") from error
    if not isinstance(record, dict) or record.get("format") != 1:
        raise _broken(path, "no result of a study")
    if record.get("study") != key["study"]:
        raise UserError(f"{path}: of another study (expected {key['study']}, received {record.get('study')}); move it")
    id, group, answers = (record.get(name) for name in ("participant", "group", "answers"))
    if not re.fullmatch(r"[0-9a-f]{16}", str(id)):
        raise _broken(path, f"participant {id}")
    if not _is_whole(group) or not 0 <= group < len(key["groups"]):
        raise _broken(path, f"group {group}")
    if not isinstance(answers, list):
        raise _broken(path, "no answers")
    participant = Participant(id, group, [_answer(key, path, group, given) for given in answers])
    if len({given["trial"] for given in answers}) < len(answers):
        raise _broken(path, "a trial was answered twice")
    for role in ROLES:
        expected, received = key["session"][role], len(participant.of_role(role))
        if received != expected:
            raise _broken(path, f"expected {expected} answers to {role} trials, received {received}")
    return participant


def _answer(key, path, group, given):
    id = given.get("trial") if isinstance(given, dict) else given
    trial = key["trials"].get(str(id))
    if trial is None or trial["group"] != group:
        raise _broken(path, f"trial {id} is none of the study's, or of another group")
    pictures, answer = trial["pictures"], given.get("answer")
    if not isinstance(given.get("shown"), list) or set(map(str, given["shown"])) != set(pictures):
        raise _broken(path, f"trial {id} has other pictures")
    rated = len(pictures) < 2
    if not (_is_whole(answer) and 1 <= answer <= 5) if rated else str(answer) not in pictures:
        raise _broken(path, f"the answer to trial {id} is {answer}")
    exposure, views = given.get("exposure_ms"), given.get("views")
    if not _is_whole(views) or views < 1 or not (exposure is None or isinstance(exposure, int | float)):
        raise _broken(path, f"trial {id} was seen {views} times for {exposure} ms")
    return Answer(
        trial,
        None if rated else pictures[answer],
        answer if rated else None,
        None if exposure is None else exposure / 1000,
        views,
    )


def _is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _broken(path, reason):
    return UserError(f"{path}: not a whole result ({reason}); ask the participant for the file again, or remove it")
