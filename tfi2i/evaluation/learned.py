"""Metrics in which a network of its own looks at what a model answers: FID, KID, IS, CIS, LPIPS, the FCN score and the
identity of faces.

Each looks at 8-bit pictures, as somebody who was given them would.
"""

from dataclasses import dataclass, field

from tfi2i.errors import UserError

DIVERSITY_INPUTS, DIVERSITY_PAIRS = 100, 19  # of MUNIT's LPIPS diversity (sec. 6.2)
CIS_INPUTS, CIS_STYLES = 100, 10


class NotMeasured(Exception):
    """Why a metric can't be had: for `all` a reason to leave it out, for who asked for it by name an error."""


@dataclass
class Judged:
    """values: {way: {metric: measured}}; not_measured: {metric: reason}; sha256: {network: of its weights}."""

    values: dict = field(default_factory=dict)
    not_measured: dict = field(default_factory=dict)
    protocol: list = field(default_factory=list)
    sha256: dict = field(default_factory=dict)


def judged(answers, job, run, settings, count):
    """Measures what the words of `settings.metrics` ask for of these metrics.

    Args:
        answers: function -> {way: `Answers`}; called if there is something to measure.
        job, run: of the model; judges that are trained here are kept in the run's folder.
        count: how many images of each set to take.

    Returns: `Judged`. Raises: `UserError` where a metric that was asked for by its name can't be had.
    """
    found, judges = Judged(), {}
    wanted = [name for name in METRICS if {name, "all"} & set(settings.words)]
    ways = {way: of.first(count) for way, of in answers().items()} if wanted else {}
    for name in wanted:
        try:
            judge = METRICS[name](job, run, settings, judges)
            for way, of in ways.items():
                found.values.setdefault(way, {}).update(judge(of))
            found.protocol.append(judge.protocol)
            found.sha256 |= judge.sha256
        except (NotMeasured, UserError) as reason:
            if name in settings.words:
                raise UserError(f"--metrics={name}: {reason}") from reason
            found.not_measured[name] = str(reason)
    return found


METRICS = {"fid": None, "kid": None}
