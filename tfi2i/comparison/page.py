"""The page of a comparison: sections of pictures, the table of metrics, curves and settings, as one HTML text."""

from html import escape
from importlib.metadata import version
from pathlib import Path

from tfi2i.comparison.album import DIFFERENCE, DIFFERENCE_AT
from tfi2i.comparison.curves import COLORS
from tfi2i.comparison.scores import decimals

SMALL = 128  # pictures narrower than this are shown with their pixels as squares
CURVES = {
    "Metrics over the training": "Around a curve its 95 % interval.",
    "Losses": "Faint: as logged; above it the mean of a window of a tenth of the training.",
}
MANY = 24  # panels of curves beyond which the groups after the first are folded


def page(runs, sections, scores, curves, facts, differences, options):
    """The HTML of a comparison.

    Args:
        runs: `Run`s.
        sections: `Section`s of pictures.
        scores: `Scores`.
        curves: {title: [`Panel`]}.
        facts, differences: [(name, [value of each run])].
        options: `Options` of the comparison.
    """
    parts = [("metrics", "Metrics", _metrics(runs, scores))]
    parts += [(section.id, section.title, _section(section)) for section in sections]
    parts += [
        (f"curves-{number}", title, _curves(panels, CURVES[title]))
        for number, (title, panels) in enumerate(curves.items(), 1)
        if panels
    ]
    parts.append(("runs", "Runs", _facts(runs, facts, differences)))
    if not scores.lines:  # what there is to see first
        parts = [*parts[1:], parts[0]]
    filled = {
        "title": escape(" · ".join(run.label for run in runs)),
        "colors": _colors(),
        "runs": "".join(f"<li>{_named(run)} <small>{escape(run.job.model)}</small></li>" for run in runs),
        "nav": _nav(parts),
        "body": "\n".join(f'<section id="{escape(id)}"><h2>{escape(t)}</h2>{body}</section>' for id, t, body in parts),
        "foot": _foot(runs, options),
    }
    text = (Path(__file__).parent / "page.html").read_text(encoding="utf-8")
    before, *pieces = text.split("{{")
    for piece in pieces:  # in one pass, so that what is filled in is not filled again
        name, after = piece.split("}}", 1)
        before += filled[name] + after
    return before


def _nav(parts):
    """A link to each section; of those of styles, and of attention, to the first."""
    first = {}
    for id, title, _ in parts:
        first.setdefault(title.split(" of ")[0], id)
    return "".join(f'<a href="#{escape(id)}">{escape(name)}</a>' for name, id in first.items())


def _section(section):
    text = [f'<p class="lead">{escape(section.lead)}</p>']
    if section.means:
        text.append(f'<p class="means">Mean of what is shown: {_means(section.means)}</p>')
    if section.has_differences:
        text.append(_scale(section.id))
    if section.sheet:
        text.append(f'<p><a href="{escape(section.sheet.file)}">All in one picture</a></p>')
    across = max(len(cells) for _, cells in section.rows)
    kind = "matrix" if section.matrix else ""
    text.append(f'<div class="rows {kind}" style="--across: {across}">')
    for name, cells in section.rows:
        shown = "".join(_cell(cell, column) for column, cell in enumerate(cells))
        text.append(f'<div class="row"><h3>{escape(name)}</h3><div class="cells">{shown}</div></div>')
    return "\n".join([*text, "</div>"])


def _cell(cell, column):
    shown = _picture(cell.picture, column) if cell.picture else '<div class="empty"></div>'
    difference = _picture(cell.difference, f"{column}d", "difference") if cell.difference else ""
    label = _named(cell.run, cell.label) if cell.run else f"<b>{escape(cell.label)}</b>"
    notes = "".join(f"<span>{escape(note)}</span>" for note in cell.notes)
    caption = f"<figcaption>{label}{notes}</figcaption>" if cell.label or cell.notes else ""
    return f"<figure>{shown}{caption}{difference}</figure>"


def _picture(picture, column, kind=""):
    small = " small" if picture.width < SMALL else ""
    size = f'width="{picture.width}" height="{picture.height}"'
    return (
        f'<a class="zoom {kind}{small}" data-column="{column}" href="{escape(picture.file)}">'
        f'<img src="{escape(picture.file)}" {size} alt="{escape(picture.alt)}" loading="lazy"></a>'
    )


def _means(means):
    shown = []
    for label, metrics in means.items():
        numbers = ", ".join(f"{name} {value:.{decimals([value])}f}" for name, value in metrics.items())
        shown.append(f"<b>{escape(label)}</b> {numbers}")
    return "; ".join(shown)


def _scale(id):
    from matplotlib import colormaps

    colors = ", ".join("#{:02x}{:02x}{:02x}".format(*colormaps[DIFFERENCE](k / 8, bytes=True)[:3]) for k in range(9))
    return (
        f'<p class="scale"><label><input type="checkbox" class="with-differences" id="differences-{escape(id)}" '
        "checked> Differences from the truth</label>"
        f'<span>0 <i style="background: linear-gradient(90deg, {colors})"></i> {DIFFERENCE_AT:g} and more</span>'
        "<span>absolute, the mean over channels, of images on [-1, 1]</span></p>"
    )


def _metrics(runs, scores):
    text = []
    if scores.lines:
        text.append(_tables_of_scores(runs, scores))
    if scores.differing:
        facts = "; ".join(
            f"{fact} " + " or ".join(f"{value} ({', '.join(labels)})" for value, labels in values.items())
            for fact, values in scores.differing
        )
        text.append(
            f'<p class="warning">These numbers must not be compared: they were not measured alike: {escape(facts)}. '
            "<code>tfi2i evaluate RUN --split=… --dataset=…</code> measures a run on other pictures.</p>"
        )
    for label, command in scores.unmeasured.items():
        text.append(f"<p>{escape(label)} has not been measured; <code>{escape(command)}</code> does it.</p>")
    text += [f'<p class="warning">{escape(words)}.</p>' for words in scores.damaged.values()]
    if any(scores.protocols.values()):
        by_words = {}
        for label, words in scores.protocols.items():
            by_words.setdefault(words, []).append(label)
        shown = "".join(f"<dt>{escape(', '.join(of))}</dt><dd>{escape(words)}</dd>" for words, of in by_words.items())
        text.append(f"<details><summary>How it was measured</summary><dl>{shown}</dl></details>")
    return "\n".join(text)


def _tables_of_scores(runs, scores):
    ways = {}
    for line in scores.lines:
        ways.setdefault(line.way, []).append(line)
    head = "".join(f"<th>{_named(run)}</th>" for run in runs)
    tables = []
    for way, lines in ways.items():
        name = escape(way) if len(ways) > 1 else ""
        body = "".join(map(_row_of_scores, lines))
        tables.append(
            f'<div class="wide"><table class="scores"><thead><tr><th>{name}</th>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )
    numbers = [number for line in scores.lines for number in line.numbers if number]
    notes = ["↑ more is better, ↓ less is better; a line without an arrow is what others are to be held to."]
    if any(any(line.best) for line in scores.lines):
        notes.append("Bold: the best.")
    if any(number.low is not None for number in numbers):
        notes.append("In brackets the 95 % interval: how far a number moves had other images been drawn.")
    if any(number.low is None and number.std is not None for number in numbers):
        notes.append("± is the standard deviation over images, not the uncertainty of the mean.")
    return f'<div class="tables">{"".join(tables)}</div><p class="lead">{" ".join(notes)}</p>'


def _row_of_scores(line):
    arrow = {"higher": " ↑", "lower": " ↓", None: ""}[line.better]
    places = decimals([number.value for number in line.numbers if number is not None])
    cells = "".join(_number(*of, places) for of in zip(line.numbers, line.best, line.reasons, strict=True))
    return f"<tr><th>{escape(line.metric)}{arrow}</th>{cells}</tr>"


def _number(number, best, reason, places):
    if number is None:
        return f'<td title="{escape(reason)}">–{f"<small>{escape(reason)}</small>" if reason else ""}</td>'
    shown = f"{number.value:.{places}f}"
    if best:
        shown = f"<b>{shown}</b>"
    if number.low is not None:
        shown += f"<small>[{number.low:.{places}f}, {number.high:.{places}f}]</small>"
    elif number.std is not None:
        shown += f"<small>± {number.std:.{places}f}</small>"
    return f"<td>{shown}</td>"


def _curves(panels, how):
    """Panels in groups of the same runs."""
    groups = {}
    for panel in panels:
        groups.setdefault(panel.runs, []).append(panel)
    text = [f'<p class="lead">Over the steps. {how}</p>']
    for number, (runs, group) in enumerate(groups.items()):
        shown = "".join(
            f'<a class="zoom plot" data-column="{column}" href="{escape(panel.file)}"><img src="{escape(panel.file)}" '
            f'width="259" height="166" alt="{escape(panel.alt)}" loading="lazy"></a>'
            for column, panel in enumerate(group)
        )
        opened = "open" if not number or len(panels) <= MANY else ""
        names = " ".join(_named(run) for run in runs)
        text.append(f'<details {opened}><summary>{names}</summary><div class="plots">{shown}</div></details>')
    return "\n".join(text)


def _facts(runs, facts, differences):
    head = "".join(f"<th>{_named(run)}</th>" for run in runs)

    def rows(facts):
        filled = [(name, values) for name, values in facts if any(values)]
        cells = ["".join(f"<td>{escape(value) or '–'}</td>" for value in values) for _, values in filled]
        return "".join(f"<tr><th>{escape(of[0])}</th>{cell}</tr>" for of, cell in zip(filled, cells, strict=True))

    text = rows(facts)
    if differences:
        text += f'<tr class="way"><th colspan="{len(runs) + 1}">Settings that differ</th></tr>{rows(differences)}'
    return (
        f'<div class="wide"><table><thead><tr><td></td>{head}</tr></thead><tbody>{text}</tbody></table></div>'
        '<p class="lead">Time in steps is what the log’s images a second add up to, without sample grids and saving. A '
        "dash: the records hold nothing of it, or the model has no such setting.</p>"
    )


def _named(run, label=None):
    hollow = " hollow" if run.color // len(COLORS) % 2 else ""
    return (
        f'<span class="run"><i class="swatch{hollow}" style="--own: var(--run{run.color % len(COLORS)})"></i>'
        f"<b>{escape(label or run.label)}</b></span>"
    )


def _colors():
    light, dark = (" ".join(f"--run{k}: {pair[of]};" for k, pair in enumerate(COLORS)) for of in (0, 1))
    return f":root {{ {light} }} @media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"


def _foot(runs, options):
    command = ["tfi2i compare", *(str(run.folder) for run in runs)]
    chosen = {name: getattr(options, name) for name in ("split", "dataset", "count", "direction", "styles")}
    defaults = {"split": "test", "styles": 5}
    command += [f"--{name}={value}" for name, value in chosen.items() if value != defaults.get(name)]
    dataset = options.dataset or runs[0].job.dataset
    return (
        f"Pictures of {escape(str(dataset))}, split {escape(options.split)}. Made by tfi2i {escape(version('tfi2i'))}: "
        f"<code>{escape(' '.join(command))}</code>. Data sets and their pictures have terms of their own."
    )
