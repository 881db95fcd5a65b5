"""Runs to be compared: tiny networks as they were drawn, with logs."""

import dataclasses

import pytest
from sizes import options

from tfi2i import zoo
from tfi2i.run import Job, Recipe, write_networks


@pytest.fixture(scope="session")
def make_run(tmp_path_factory):
    """A function that makes a run: make_run("munit", "synthetic_seasons", dim=8) -> its folder.

    What was made once, of the same name, is given again.
    """
    folder, made = tmp_path_factory.mktemp("compared"), {}

    def make(model, dataset, name=None, **changed):
        name = name or model
        if name not in made:
            cls = zoo.model_class(model)
            run = folder / name
            run.mkdir(parents=True)
            known = {field.name for field in dataclasses.fields(cls.Config)}
            given = {key: value for key, value in (options(model) | changed).items() if key in known}
            Job(model, cls.Config(**given), Recipe(steps=4), dataset).save(run)
            write_networks(cls(cls.Config(**given)), run / "networks")
            (run / "logs").mkdir()
            rows = "".join(f"{step},{1 / step:.4g},{step},8,0.1\n" for step in range(1, 31))
            (run / "logs" / "metrics.csv").write_text(f"step,G,D_{model},images_per_second,data_share\n{rows}")
            made[name] = run
        return made[name]

    return make


@pytest.fixture(scope="session")
def pair(make_run):
    """A pix2pix from B to A, and a CycleGAN, of the same set."""
    first = make_run("pix2pix", "synthetic_facades", direction="BtoA")
    return first, make_run("cyclegan", "synthetic_facades", ngf=8)
