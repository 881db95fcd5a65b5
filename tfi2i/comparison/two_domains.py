"""The same pictures through models that translate between two domains: answers, differences, styles, attention."""

import numpy as np
from tqdm import tqdm

from tfi2i.comparison.album import Cell, Section
from tfi2i.comparison.runs import shared_examples, spread
from tfi2i.data import images
from tfi2i.data.folders import domains
from tfi2i.data.prepared import to_float, to_pixels
from tfi2i.directions import directions_of, random_styles
from tfi2i.errors import UserError
from tfi2i.evaluation.similarity import l1, psnr
from tfi2i.translation import heat_over

STYLE_INPUTS = 8  # columns of a sheet of styles
ATTENTION_INPUTS = 6
LOOKS = {"G": "G looks", "D_global": "global D looks", "D_local": "local D looks"}


def sections(runs, options, album):
    """For each way a section of inputs, answers and truths; for styles and attention one a run and way.

    Args:
        runs: `Run`s that share inputs.
        options: `Options` of the comparison.
        album: `Album`.

    Returns: [`Section`]. Raises: `UserError` where no run translates in the direction asked for.
    """
    examples = shared_examples(runs, options.split, options.dataset)
    inputs, styles, attention = {}, [], []
    for run in runs:
        model = run.load()
        for way, direction in directions_of(model).items():
            if options.direction in (None, way):
                if way not in inputs:
                    inputs[way] = _Inputs(way, examples, options.count or 12, album)
                _check_size(run, direction, inputs[way].pixels(0)[0], runs[0])
                inputs[way].add(run, direction, options)
                if direction.style_dim:
                    styles.append(_styles(run, direction, inputs[way], options, album))
                if hasattr(model, "attention") and (model.config.cam_G or model.config.cam_D):
                    attention.append(_attention(run, model, direction, inputs[way], album))
    if not inputs:
        raise UserError(f"--direction={options.direction} (none of these runs translates that way); leave it out")
    ordered = [inputs[way] for way in sorted(inputs)]
    return [*(one.section(runs, len(ordered) == 1) for one in ordered), *styles, *attention]


class _Inputs:
    """The inputs of one way, and what has been made of them."""

    def __init__(self, way, examples, count, album):
        # Not those of a `Direction`, which a model of one way counts in examples that are turned for it.
        self.source, self.target = (0, 1) if way == "AtoB" else (1, 0)
        self.way, self.examples, self.album = way, examples, album
        part = domains(examples.source)[self.source] if not examples.aligned else examples
        self.indices = spread(count, len(part))
        self.names = [part.name(i) for i in self.indices]
        self.answers = {}  # run: [Cell] in the order of the inputs
        self.means = {}
        self.picked = False

    def __len__(self):
        return len(self.indices)

    def pixels(self, k):
        """Input k, and its truth or None."""
        example = self.examples[self.indices[k]]
        return example[self.source], example[self.target] if self.examples.aligned else None

    def add(self, run, direction, options):
        cells, measured = [], []
        (style,) = direction.random_styles(1)
        self.picked |= style is not None
        bar = tqdm(range(len(self)), f"{run.label} {self.way}", disable=not options.progress, dynamic_ncols=True)
        for k in bar:
            pixels, truth = self.pixels(k)
            if style is not None and truth is not None:
                style = direction.style_of(_as_input(truth, _channels(direction.style_encoder)))
            fake = direction(_as_input(pixels, _channels(direction.network)), style)
            cells.append(self._cell(run, k, fake, truth, measured))
        self.answers[run] = cells
        if measured:
            means = {name: float(np.mean([numbers[name] for numbers in measured])) for name in measured[0]}
            self.means[run.label] = means

    def _cell(self, run, k, fake, truth, measured):
        name, place = f"{k + 1:04d}_{run.color + 1}_{run.label}", self.way
        picture = self.album.picture(place, name, to_pixels(fake), f"{self.names[k]} as {run.label} translates it")
        if truth is None or truth.shape[:2] != fake.shape[:2]:
            return Cell(run.label, picture, run)
        truth = _as_input(truth, fake.shape[-1])
        numbers = {"L1": l1(fake, truth), "PSNR": psnr(fake, truth)}
        measured.append(numbers)
        alt = f"where {run.label}'s answer to {self.names[k]} differs from the truth, L1 {numbers['L1']:.3f}"
        difference = self.album.difference(place, name, fake, truth, alt)
        return Cell(run.label, picture, run, _noted(numbers), difference)

    def section(self, runs, alone):
        shown = [run for run in runs if run in self.answers]
        missing = [run.label for run in runs if run not in self.answers]
        rows = []
        for k, name in enumerate(self.names):
            pixels, truth = self.pixels(k)
            cells = [self._given("input", k, pixels, f"{name}, the input")]
            cells += [self.answers[run][k] for run in shown]
            if truth is not None:
                cells.append(self._given("truth", k, truth, f"{name}, the truth"))
            rows.append((name, cells))
        sheet = self.album.sheet("sheet" if alone else f"sheet_{self.way}", rows, f"all rows of {self.way} in one file")
        return Section(self.way, self.way, self._lead(runs[0], shown, missing), rows, sheet, self.means)

    def _given(self, label, k, pixels, alt):
        return Cell(label, self.album.picture(self.way, f"{k + 1:04d}_{label}", pixels, alt))

    def _lead(self, first, shown, missing):
        preprocess = self.examples.preprocess
        height, width = self.pixels(0)[0].shape[:2]
        text = [
            f"{len(self)} of the pictures of domain {'AB'[self.source]}, the same for all runs: {width} x {height} px, "
            f"prepared as {first.label} prepares its own ({preprocess.preprocess}, nothing random)."
        ]
        if self.picked:
            whose = "the truth's" if self.examples.aligned else "one random style for all pictures"
            text.append(f"A model of many styles is given {whose}{' style' if self.examples.aligned else ''}.")
        if self.means:
            text.append("Below an answer its L1 and its PSNR against the truth, of images on [-1, 1], unrounded.")
        if not self.examples.aligned:
            text.append("No truth is known.")
        if missing:
            text.append(f"{', '.join(missing)} {'does' if len(missing) == 1 else 'do'} not translate this way.")
        others = {run.job.config.preprocess for run in shown if hasattr(run.job.config, "preprocess")}
        if len(others) > 1:
            text.append("Not all of them were trained on pictures prepared like this.")
        return " ".join(text)


def _styles(run, direction, inputs, options, album):
    """A row a style, a column an input: the same styles for every input."""
    place, count = f"styles_{inputs.way}_{run.label}", min(STYLE_INPUTS, len(inputs))
    drawn = random_styles(direction.style_dim, options.styles)
    given = [inputs.pixels(k)[0] for k in range(count)]
    originals = [
        Cell(inputs.names[k], album.picture(place, f"input_{k + 1}", given[k], f"{inputs.names[k]}, the input"))
        for k in range(count)
    ]
    rows = [("input", originals)]
    for number, style in enumerate(drawn, 1):
        cells = []
        for k in range(count):
            fake = to_pixels(direction(_as_input(given[k], _channels(direction.network)), style))
            alt = f"{inputs.names[k]} as {run.label} translates it in random style {number}"
            cells.append(Cell("", album.picture(place, f"style_{number}_{k + 1}", fake, alt), run))
        rows.append((f"style {number}", cells))
    lead = f"{len(drawn)} random styles, the same for every input; a row should be of one style, a column of one scene."
    sheet = album.sheet(place, rows, f"styles of {run.label}, {inputs.way}, in one file")
    return Section(place, f"Styles of {run.label}, {inputs.way}", lead, rows, sheet, matrix=True)


def _attention(run, model, direction, inputs, album):
    """What G looked at in the input, and the Ds in the answer."""
    place, maps, rows = f"attention_{inputs.way}_{run.label}", model.attention(inputs.way), []
    for k in range(min(ATTENTION_INPUTS, len(inputs))):
        name, image = inputs.names[k], _as_input(inputs.pixels(k)[0], _channels(direction.network))
        fake = direction(image)
        panels = {"input": image}
        for player, heat in maps(image[None], training=False).items():
            over = image if player == "G" else fake
            panels[LOOKS[player]] = heat_over(over, np.asarray(heat)[0, ..., 0])
            if player == "G":
                panels["answer"] = fake
        cells = [
            Cell(label, album.picture(place, f"{k + 1:04d}_{label}", to_pixels(panel), f"{name}: {label}"))
            for label, panel in panels.items()
        ]
        rows.append((name, cells))
    lead = (
        "Heat maps of the networks' class activations, each brought to its own range: blue least, red most. G's lie on "
        "the input, the global and the local D's on the answer (figure 2 of the paper)."
    )
    sheet = album.sheet(place, rows, f"attention of {run.label}, {inputs.way}, in one file")
    return Section(place, f"Attention of {run.label}, {inputs.way}", lead, rows, sheet)


def _check_size(run, direction, pixels, first):
    height, width = direction.network.inputs[0].shape[1:3]
    received = pixels.shape[:2]
    if height and (height, width) != received:
        raise UserError(
            f"{run.folder}: its networks take pictures of {width} x {height} px only, and pictures are prepared as for "
            f"{first.folder}, {received[1]} x {received[0]} px; name {run.folder} first"
        )


def _as_input(pixels, channels):
    return to_float(images.with_channels(pixels, channels))


def _channels(network):
    return next(tensor.shape[-1] for tensor in network.inputs if len(tensor.shape) == 4)


def _noted(numbers):
    return f"L1 {numbers['L1']:.3f}", f"{numbers['PSNR']:.1f} dB"
