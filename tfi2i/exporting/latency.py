"""How long one image takes: each subject in turn within one run, so that what else the machine does hits all alike."""

import random
import statistics
import time

ROUNDS = (3, 30)  # at least, at most
SECONDS = 10.0  # about how long all rounds together may take


def latencies(subjects):
    """{name: {"median_ms", "fastest_ms", "rounds"}} of {name: function}, after two calls of each to warm up."""
    once = 0.0
    for call in subjects.values():
        call()
        once += _seconds(call)
    rounds = min(max(int(SECONDS / max(once, 1e-6)), ROUNDS[0]), ROUNDS[1])
    found, order = {name: [] for name in subjects}, random.Random(0)
    for _ in range(rounds):
        for name in order.sample(list(subjects), len(subjects)):
            found[name].append(1000 * _seconds(subjects[name]))
    return {
        name: {"median_ms": round(statistics.median(times), 3), "fastest_ms": round(min(times), 3), "rounds": rounds}
        for name, times in found.items()
    }


def _seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
