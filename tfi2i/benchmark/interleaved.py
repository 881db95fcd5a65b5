"""Times several subjects in one run: in each round every one has a turn of some calls, in an order drawn anew.

So a machine that slows down for a while slows all of them down, and ratios stay fair. Each subject lives in a process
of its own and waits there until it is its turn. Rounds that other programs disturbed are made again.
"""

import contextlib
import multiprocessing
import os
import random
import re
import signal
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

# Calls before the timed ones of a turn. With two, a network takes in its turns what it takes alone, in a loop, within
# 2 %. Without, one of 60 ms takes 5 % more and one of 16 ms 25 %: caches are another's, whose idle threads still spin.
UNTIMED = 2
LONG = 1.0  # a call that takes as many seconds needs none before it: what the first of a turn loses is a thousandth
TURN = 0.1  # the least seconds of timed calls in a turn; processor time is told in hundredths
STARTS = 3  # of the processes: two starts of one program can differ by more than its rounds do
QUIET = 0.05  # the share of the machine that other programs may take in a round
TRIES = 10  # times as many rounds as are asked for, at most, until so many are quiet


@dataclass
class Timed:
    """answer: of the first call, an array; seconds: of a call, one number a round."""

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


def measure(subjects, rounds=30, check=lambda answers: None, seed=0, tries=None):
    """Times calls of each subject in turn.

    Args:
        subjects: {name: (function, arguments)}; the function, of a module, is called in the subject's process and
            returns what is timed: a function without arguments that returns an array.
        rounds: turns of each subject, over `STARTS` starts of its process.
        check: is given {name: answer} after each start, before anything is timed.
        tries: times as many rounds as are asked for, at most, until so many are quiet; None is `TRIES`.

    Returns: {name: Timed} of the quietest rounds, and the largest share of the machine, 0 to 1, that other programs
    took in one of them (0 where the system doesn't tell, which Linux does).
    Raises: `RuntimeError` with the message of what failed in a subject.
    """
    draw, made = random.Random(seed), []
    for start in range(STARTS):
        wanted = rounds * (start + 1) // STARTS
        with contextlib.ExitStack() as processes:
            running, answers = {}, {}
            for name, subject in subjects.items():
                running[name] = processes.enter_context(_Process(name, *subject))
                answers[name] = running[name].receive()
            check(answers)
            made += _rounds(running, wanted - len(made), draw, tries or TRIES)
    timed = {name: Timed(answers[name], [seconds[name] for _, seconds in made]) for name in subjects}
    return timed, max(others for others, _ in made)


@dataclass(frozen=True)
class Alone:
    """answer: of the first call; seconds: of a call, one number a turn; peak: the most bytes that the process held at a
    time, its start included, None where the system doesn't tell, which Linux does."""

    answer: np.ndarray
    seconds: list[float]
    peak: int | None


def alone(subject, turns=3):
    """One subject of `measure` by itself."""
    with _Process("alone", *subject) as process:
        answer = process.receive()
        return Alone(answer, [process.turn() for _ in range(turns)], process.peak())


def _rounds(running, wanted, draw, tries):
    """The quietest of as many rounds as it takes, one that doesn't count aside: [(share of others, seconds)]."""
    _round(running, draw)
    made = []
    while sum(others <= QUIET for others, _ in made) < wanted and len(made) < tries * wanted:
        made.append(_round(running, draw))
        if made[-1][0] > QUIET:
            time.sleep(1)  # what disturbs is often over soon
    return sorted(made, key=lambda made: made[0])[:wanted]


def _round(running, draw):
    """The share of the machine that other programs took meanwhile, and {name: seconds}."""
    pids = [os.getpid(), *(process.pid for process in running.values())]
    start, others = time.perf_counter(), _seconds_of_others(pids)
    seconds = {name: running[name].turn() for name in draw.sample(list(running), len(running))}
    others = _seconds_of_others(pids) - others
    return others / (time.perf_counter() - start) / os.cpu_count(), seconds


def _seconds_of_others(pids):
    """Processor time that programs other than these have had since the machine started; 0 where it isn't told."""
    if not Path("/proc/stat").exists():
        return 0.0
    user, nice, system, _, _, *interrupts_and_stolen = Path("/proc/stat").read_text().split()[1:9]
    own = []
    for pid in [pid for parent in pids for pid in (parent, *_children(parent))]:
        with contextlib.suppress(OSError):  # it has just ended; its next turn will say so
            own.append(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])
    ticks = sum(map(int, [user, nice, system, *interrupts_and_stolen])) - sum(int(t) for pair in own for t in pair)
    return ticks / os.sysconf("SC_CLK_TCK")


def _children(pid):
    """Processes that the main thread of a subject's process has started."""
    with contextlib.suppress(OSError):
        if pid != os.getpid():
            return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


class _Process:
    """One subject's process, ended when the `with` block is left."""

    def __init__(self, name, function, arguments):
        context = multiprocessing.get_context("spawn")  # a fork would share what TensorFlow has started
        self.name, (self.ours, theirs) = name, context.Pipe()
        # Not a daemon, which may start no processes; one whose parent has gone sees the end of its pipe, and ends.
        self.process = context.Process(target=_serve, args=(theirs, function, arguments))
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
            self.process.join(10)
            killed = "; is there memory for all subjects at once?" if self.process.exitcode == -signal.SIGKILL else ""
            kind, value = "error", f"its process ended (exit status {self.process.exitcode}{killed})"
        if kind == "error":
            raise RuntimeError(f"{self.name}: {value}")
        return value

    def turn(self):
        """Seconds of a call, from one turn."""
        with contextlib.suppress(BrokenPipeError):  # of a process that has ended, which `receive` tells
            self.ours.send("turn")
        return self.receive()

    def peak(self):
        self.ours.send("peak")
        return self.receive()


def _serve(connection, function, arguments):
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # where the runtimes tell of their start; errors go to the parent
    try:
        call = function(*arguments)
        connection.send(("answer", call()))
        with contextlib.suppress(EOFError):
            while wanted := connection.recv():
                connection.send((wanted, _turn(call) if wanted == "turn" else _peak()))
    except Exception as error:
        connection.send(("error", f"{type(error).__name__}: {error}"))


def _turn(call):
    """The median seconds of as many calls as `TURN` has time for, at least one."""
    for _ in range(UNTIMED):
        if (seconds := _seconds(call)) >= LONG:
            return seconds
    times, end = [], time.perf_counter() + TURN
    while not times or time.perf_counter() < end:
        times.append(_seconds(call))
    return statistics.median(times)


def _seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _peak():
    """In bytes, from VmHWM, which Linux keeps."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return 1024 * int(found[1]) if found else None
