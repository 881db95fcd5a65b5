"""Times several subjects in one run: in each round every one makes a call, in an order drawn anew.

So a machine that slows down for a while slows all of them down, and ratios stay fair. Each subject lives in a process
of its own and waits there until it is its turn. Rounds that other programs disturbed are made again.
"""

import contextlib
import multiprocessing
import os
import random
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

PAUSE = 0.05  # seconds before each call, in which the last one's idle threads stop to spin
QUIET = 0.05  # the share of the machine that other programs may take in a round
TRIES = 4  # times as many rounds as are asked for, until so many are quiet


@dataclass
class Timed:
    """answer: of the first call, an array; seconds: one a round."""

    answer: np.ndarray
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self):
        return statistics.median(self.seconds)

    @property
    def quartiles(self):
        """The first and the third."""
        return tuple(float(q) for q in np.percentile(self.seconds, [25, 75]))

    def times_as_fast_as(self, other):
        """The ratio of the medians, and the median of the rounds' own ratios."""
        rounds = [theirs / ours for ours, theirs in zip(self.seconds, other.seconds, strict=True)]
        return other.median / self.median, statistics.median(rounds)


def measure(subjects, rounds=30, warm_up=5, seed=0):
    """Times one call of each subject a round.

    Args:
        subjects: {name: (function, arguments)}; the function, of a module, is called in the subject's process and
            returns what is timed: a function without arguments that returns an array.
        warm_up: rounds that don't count.

    Returns: {name: Timed} of the quietest rounds, and the largest share of the machine, 0 to 1, that other programs
    took in one of them (0 where the system doesn't tell, which Linux does).
    Raises: `RuntimeError` with the message of what failed in a subject.
    """
    draw = random.Random(seed)
    with contextlib.ExitStack() as processes:
        running, answers = {}, {}
        for name, subject in subjects.items():
            running[name] = processes.enter_context(_Process(name, *subject))
            answers[name] = running[name].receive()
        for _ in range(warm_up):
            _round(running, draw)
        made = []
        while sum(share <= QUIET for share, _ in made) < rounds and len(made) < TRIES * rounds:
            made.append(_round(running, draw))
    quietest = sorted(sorted(range(len(made)), key=lambda k: made[k][0])[:rounds])
    timed = {name: Timed(answers[name], [made[k][1][name] for k in quietest]) for name in subjects}
    return timed, max(made[k][0] for k in quietest)


def _round(running, draw):
    """The share of the machine that other programs took meanwhile, and {name: seconds}."""
    pids = [os.getpid(), *(process.pid for process in running.values())]
    ticks, start = _ticks_of_others(pids), time.perf_counter()
    seconds = {}
    for name in draw.sample(list(running), len(running)):
        time.sleep(PAUSE)
        seconds[name] = running[name].call()
    possible = (time.perf_counter() - start) * os.cpu_count() * os.sysconf("SC_CLK_TCK") if ticks is not None else 1
    return (_ticks_of_others(pids) - ticks) / possible if ticks is not None else 0.0, seconds


def _ticks_of_others(pids):
    """Processor time that programs other than these have had since the machine started; None where it isn't told."""
    try:
        user, nice, system, _, _, *interrupts_and_steal = map(
            int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
        )
        ours = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    except OSError:
        return None
    return user + nice + system + sum(interrupts_and_steal) - sum(int(own[11]) + int(own[12]) for own in ours)


class _Process:
    """One subject's process, ended when the `with` block is left."""

    def __init__(self, name, function, arguments):
        context = multiprocessing.get_context("spawn")  # a fork would share what TensorFlow has started
        self.name, (self.ours, theirs) = name, context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, function, arguments), daemon=True)
        self.process.start()
        self.pid = self.process.pid
        theirs.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ours.close()
        self.process.join(10)
        self.process.kill()

    def receive(self):
        try:
            kind, value = self.ours.recv()
        except EOFError:
            kind, value = "error", "its process ended"
        if kind == "error":
            raise RuntimeError(f"{self.name}: {value}")
        return value

    def call(self):
        """Seconds of one call."""
        self.ours.send("call")
        return self.receive()


def _serve(connection, function, arguments):
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # where the runtimes tell of their start; errors go to the parent
    try:
        call = function(*arguments)
        connection.send(("answer", call()))
        with contextlib.suppress(EOFError):
            while connection.recv():
                start = time.perf_counter()
                call()
                connection.send(("seconds", time.perf_counter() - start))
    except Exception as error:
        connection.send(("error", f"{type(error).__name__}: {error}"))
