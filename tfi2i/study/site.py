"""The folder of a study: its pages, its pictures and its key."""

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from tqdm import tqdm

from tfi2i.data import images
from tfi2i.errors import UserError
from tfi2i.study.plan import planned

PAGE = Path(__file__).parent / "page"
# Servers tell when a file was made, and methods are written one after the other.
TIME_OF_FILES = 1_600_000_000
CONSENT = (
    "You are invited to a study about pictures that computers make. You will be shown pictures and asked a question "
    "about them, again and again. It takes about {minutes}.",
    "Taking part is voluntary. You can stop at any time by closing this page; nothing is sent then.",
    "What is stored: your answers, how long they took, how long the pictures were seen and a random number instead of "
    "your name. No cookies, no address, nothing about you or your computer. Until the end it is kept in this browser "
    "only.",
)


def new(material, settings, out, count=50, post=None, consent=None, progress=True):
    """Makes the folder of a study.

    Args:
        material: `Material`.
        settings: `Settings`.
        out: the folder, which must not exist or be empty; it is whole or not there.
        count: how many scenes, drawn from those there are by the seed; fewer if there are fewer.
        post: a URL that results are sent to, besides the file.
        consent: paragraphs for the first page instead of `CONSENT`.

    Returns: the contents of key.json. Raises: `UserError` where pictures are missing or don't fit together.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out={out} is there already (expected a new or empty folder); name another")
    if count < 1:
        raise UserError(f"--count={count} (expected at least 1)")
    if post is not None and (urlsplit(post).scheme not in ("http", "https") or not urlsplit(post).netloc):
        raise UserError(f"--post={post} (expected a URL that begins with https:// or http://)")
    ways = _ways(material, settings)
    _check(material, settings)
    chosen = np.random.default_rng(settings.seed).permutation(len(material))[:count].tolist()
    plan = planned(settings, list(ways), len(chosen))
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".study-", dir=out.parent) as aside:
        made = Path(aside) / "study"
        (made / "results").mkdir(parents=True)
        (made / "site" / "pictures").mkdir(parents=True)
        digests = _write_pictures(made / "site" / "pictures", plan, ways, material, chosen, settings, progress)
        public = {
            "kind": settings.kind,
            "question": settings.question,
            "exposure": settings.exposure,
            "trials": plan.session["trial"],
            "seed": plan.salt,
            "post": post,
            "about": consent or _consent(settings, plan.session),
            "groups": plan.groups,
        }
        id = hashlib.sha256(json.dumps([public, digests], sort_keys=True).encode()).hexdigest()[:12]
        for path in PAGE.iterdir():
            shutil.copyfile(path, made / "site" / path.name)
        (made / "site" / "study.js").write_text(
            f"const study = {json.dumps({'id': id, **public}, indent=1)};\n", encoding="utf-8"
        )
        for trial in plan.key.values():
            if trial["scene"] is not None:
                trial["scene"] = material.names(chosen[trial["scene"]])
        key = {
            "format": 1,
            "study": id,
            "settings": dataclasses.asdict(settings),
            "data": material.about,
            "ways": list(ways),
            "groups": plan.methods,
            "session": plan.session,
            "trials": plan.key,
            "versions": {"tfi2i": version("tfi2i")},
        }
        (made / "key.json").write_text(json.dumps(key, indent=1) + "\n", encoding="utf-8")
        if out.exists():
            out.rmdir()
        made.rename(out)
    return key


def _ways(material, settings):
    """{way: pictures} of what is asked about."""
    if settings.kind == "real_or_fake":
        return dict(material.fakes)
    if settings.kind == "preference":
        return {**material.fakes, **material.baselines}
    return {**material.fakes, **material.rated, **({"real": material.reals} if material.reals else {})}


def _check(material, settings):
    needed = {"real_or_fake": ("reals", "--real"), "preference": ("inputs", "--input"), "mos": ("reals", "--real")}
    name, option = needed[settings.kind]
    if getattr(material, name) is None and not (settings.kind == "mos" and not settings.practice):
        raise UserError(f"--kind={settings.kind} needs {name} (none received); give {option}=FOLDER")
    taken = {"real", "input", "noise", "worst", *material.rated} & material.fakes.keys()
    if taken:
        raise UserError(f"a method is called {taken.pop()}, which means something else here; rename it")


def _write_pictures(folder, plan, ways, material, chosen, settings, progress):
    """Writes every picture of a plan; returns {name: its SHA-256}. Raises `UserError` where sizes differ in a trial."""
    sources = {"input": material.inputs, "real": material.reals, **ways}
    made, digests, sizes = {}, {}, {}
    # A method after the other, so that no picture is made twice and few are in memory.
    order = sorted(plan.pictures, key=lambda name: (plan.pictures[name], name))
    for name in tqdm(order, unit="picture", disable=not progress, dynamic_ncols=True):
        way, scene = plan.pictures[name]
        if (way, scene) not in made:
            at = chosen[scene]
            if way == "noise":
                like = material.reals if settings.kind == "real_or_fake" else next(iter(ways.values()))
                random = np.random.default_rng([settings.seed, 2, scene])
                pixels = random.integers(0, 256, like[at].shape, np.uint8)
            else:
                pixels = material.worst(at) if way == "worst" else sources[way][at]
            made = {(way, scene): images.with_channels(pixels, 3)}
        pixels = made[way, scene]
        path = folder / f"{name}.png"
        images.write(path, pixels)
        os.utime(path, (TIME_OF_FILES, TIME_OF_FILES))
        digests[name], sizes[name] = hashlib.sha256(pixels.tobytes()).hexdigest(), pixels.shape[:2]
    for trial in plan.key.values():
        found = {way: sizes[name] for name, way in trial["pictures"].items() if way != "noise"}
        if len(set(found.values())) > 1:
            each = ", ".join(f"{way} {width} x {height}" for way, (height, width) in found.items())
            raise UserError(
                f"the pictures of {material.names(chosen[trial['scene']])} differ in size, which would give them away "
                f"(expected one size, received {each}); resize them"
            )
    return digests


def _consent(settings, session):
    seconds = sum(session.values()) * (settings.exposure + 3)
    minutes = max(1, round(seconds / 60))
    return [text.format(minutes="a minute" if minutes == 1 else f"{minutes} minutes") for text in CONSENT]
