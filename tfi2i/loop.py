"""Training from the command line: one loop over a model's own `train_step`, and what happens every so many steps."""

import contextlib
import dataclasses
import hashlib
import json
import math
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import keras
import tensorflow as tf
from tqdm import tqdm

from tfi2i import zoo
from tfi2i.data import images
from tfi2i.data.pipeline import stream
from tfi2i.data.prepared import Preprocess, prepared
from tfi2i.data.sources import open_source
from tfi2i.errors import NoImages, UserError
from tfi2i.evaluation import measured, protocol_of
from tfi2i.evaluation.result import score_of
from tfi2i.evaluation.settings import Settings
from tfi2i.precision import settled
from tfi2i.run import write_networks
from tfi2i.training.checkpoints import Checkpoints
from tfi2i.training.records import Records

JOIN_SECONDS = 600  # how long workers wait for one another when they start


class Diverged(RuntimeError):
    """Too many updates in a row were not finite."""


class WorkerLost(RuntimeError):
    """Another worker ended, or was not heard of for `--worker_timeout`; nobody can go on without it."""


def train(job, run, strategy=None, progress=True):
    """Trains `job` in the folder `run`, from its last checkpoint if there is one, to its last step.

    Args:
        job: `Job`; written to config.json if the run is new.
        run: folder of the run.
        strategy: a tf.distribute.Strategy; None chooses by what the machine and TF_CONFIG offer.
        progress: show a bar on stderr.

    Of several workers the first one writes in `run`, a folder that all of them must see.

    Returns: the last metrics, {name: number}.
    Raises: `UserError` for what is the user's to mend, `Diverged`, `WorkerLost`, and KeyboardInterrupt on SIGINT or
        SIGTERM, at whichever worker, once the state is safe.
    """
    run, job = Path(run), settled(job)
    recipe = job.recipe
    if job.dataset is None:
        raise UserError(f"nothing to go on from: {run} was imported, networks only, without the state of a training")
    _check_size(job.config)
    strategy = strategy or choose_strategy(recipe)
    if not recipe.no_deterministic:
        tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(recipe.seed)
    with _dtype_policy(recipe.precision), _others_named(strategy, run):
        training, testing = _open_data(job)
        if hasattr(job.config, "known"):  # --attributes=all
            job = dataclasses.replace(job, config=job.config.known(training.source))
        steps, steps_per_epoch = _schedule(job, max(1, len(training) // job.config.batch_size))
        with strategy.scope():
            model = zoo.model_class(job.model)(job.config)
            model.compile(steps_per_epoch=steps_per_epoch, average=recipe.average)
        run.mkdir(parents=True, exist_ok=True)
        with _own_folder(run, strategy) as folder:  # the run itself, or for a worker that is not the chief one aside
            if folder == run and not (run / "config.json").exists():
                job.save(run)
            model.begin(run, training, recipe.seed)
            aside = None if folder == run else folder / "checkpoints"
            checkpoints = Checkpoints(run / "checkpoints", model.state(), aside)
            start = checkpoints.restore()
            _check_common(strategy, start, run)
            records = Records(folder, (*model.loss_names, "images_per_second", "data_share"), start)
            loop = _Loop(model, job, strategy, training, testing, checkpoints, records, folder)
            return loop.run(start, steps, progress)


def _schedule(job, steps_per_epoch):
    """(steps of the training, steps of what the learning rate's schedule takes for an epoch).

    On few images the epochs of a schedule are over before `--steps` are, and a rate that falls to zero would stay there
    for all that is left: the epochs are then made as much longer as it takes.
    """
    scheduled = job.config.total_steps(steps_per_epoch)
    steps = job.recipe.steps or scheduled
    if steps > scheduled:
        steps_per_epoch = math.ceil(steps_per_epoch * steps / scheduled)
    if steps > job.config.total_steps(steps_per_epoch):  # a schedule that counts steps
        print(
            f"tfi2i: --steps={steps} goes beyond the schedule of the learning rate, which is laid out for {scheduled}; "
            f"lengthen it too, see `tfi2i train --model={job.model} --help`",
            file=sys.stderr,
        )
    return steps, steps_per_epoch


class _Loop:
    """The loop over steps, with what happens every so many of them."""

    def __init__(self, model, job, strategy, training, testing, checkpoints, records, folder):
        self.model, self.job, self.strategy = model, job, strategy
        self.training, self.testing = training, testing
        self.checkpoints, self.records, self.folder = checkpoints, records, folder
        self.protocol = protocol_of(job.config)
        self.step_function = compiled_step(model, strategy, job.recipe.xla)

    def run(self, start, steps, progress):
        recipe, logs = self.job.recipe, {}
        batches = iter(self._batches(start))
        bar = tqdm(total=steps, initial=start, unit="step", disable=not progress, dynamic_ncols=True, smoothing=0.05)
        with bar, _interruptions() as interrupted:
            if start == 0:
                self._sample(0)
                self._evaluate(0)
            clock = _Clock()
            for step in range(start + 1, steps + 1):
                with clock.data():
                    batch = self._next(batches)
                with clock.compute():
                    self.step_function(batch)
                last, stop = step == steps, self._stops(step, interrupted)
                if step % recipe.log_every == 0 or last:
                    logs = self._log(step, clock)
                    bar.set_postfix_str(_shown(logs), refresh=False)
                bar.update()
                if step % recipe.sample_every == 0 or last:
                    self._sample(step)
                evaluated = recipe.eval_every and (step % recipe.eval_every == 0 or last)
                score = self._evaluate(step) if evaluated else None
                if step % recipe.checkpoint_every == 0 or last or stop or score is not None:
                    self._checkpoint(step, score)
                if stop:
                    raise KeyboardInterrupt
            if self.training.bad:
                print(f"tfi2i: {len(self.training.bad)} pictures could not be read and were skipped", file=sys.stderr)
            if start >= steps:  # nothing was left to do, but an earlier end may have been cut short
                self._write_networks()
        return logs

    def _batches(self, start):
        job = self.job

        def share(context):
            return stream(
                self.training,
                job.config.batch_size,
                job.recipe.seed,
                start,
                worker=context.input_pipeline_id,
                workers=context.num_input_pipelines,
                replicas=self.strategy.num_replicas_in_sync // context.num_input_pipelines,
            )

        return self.strategy.distribute_datasets_from_function(share)

    def _stops(self, step, interrupted):
        """Whether to stop after this step: all workers at once, for saving takes all of them."""
        if _workers(self.strategy) == 1:
            return interrupted.is_set()
        return step % self.job.recipe.log_every == 0 and any(_of_each_worker(self.strategy, interrupted.is_set()))

    def _next(self, batches):
        try:
            return next(batches)
        except tf.errors.OpError:
            if self.training.error:
                raise self.training.error from None
            raise

    def _log(self, step, clock):
        """The means since the last time, now also in the records. Raises `Diverged`."""
        logs = {name: float(value) for name, value in self.model.logs().items()}
        for meter in self.model.metrics:
            meter.reset_state()
        if self.model.skipped_in_a_row.numpy() >= self.job.recipe.max_skipped:
            raise Diverged(
                f"{int(self.model.skipped_in_a_row.numpy())} updates in a row were not finite, at step {step}; the "
                "last good checkpoint is kept. Lower --lr, or use --precision=float32"
            )
        logs |= clock.lap(self.job.config.batch_size)
        self.records.log(step, logs)
        return logs

    def _sample(self, step):
        with self.model.averaged():
            rows = self.protocol.samples(self.model, self.testing)
        self.records.sample(step, [[_shown_pixels(pixels) for pixels in row] for row in rows])

    def _evaluate(self, step):
        """Measures the model as `tfi2i evaluate` does. Returns what --best goes by, or None without it."""
        recipe = self.job.recipe
        if not recipe.eval_every:
            return None
        settings = Settings(metrics=recipe.eval_metrics, seed=recipe.seed)
        with self.model.averaged():
            found = measured(self.model, self.testing, self.job, self.folder, settings, count=recipe.eval_images)
        self.records.evaluation(step, found["values"])
        return score_of(found["values"], recipe.best) if recipe.best else None

    def _checkpoint(self, step, score):
        if not self.job.recipe.best:
            with self.model.averaged():
                score = self.protocol.score(self.model, self.testing)
        self.checkpoints.save(step, score)
        self._write_networks()

    def _write_networks(self):
        with self.model.averaged():
            write_networks(self.model, self.folder / "networks")


def choose_strategy(recipe):
    """MultiWorkerMirroredStrategy where TF_CONFIG names workers, MirroredStrategy for several GPUs, else one device."""
    workers = json.loads(os.environ.get("TF_CONFIG", "{}")).get("cluster", {}).get("worker", [])
    if len(workers) > 1:
        _configure_heartbeats(len(workers), recipe.worker_timeout)
        return tf.distribute.MultiWorkerMirroredStrategy()
    devices, gpus = recipe.devices, tf.config.list_logical_devices("GPU")
    if devices > len(gpus):
        raise UserError(f"--devices={devices}: TensorFlow sees {len(gpus)} GPUs here")
    if len(gpus[: devices or None]) > 1:
        return tf.distribute.MirroredStrategy([gpu.name for gpu in gpus[: devices or None]])
    return tf.distribute.get_strategy()


def _configure_heartbeats(workers, seconds):
    """As the strategy itself does, but for the time: of its ten seconds a busy machine needs more to answer at all."""
    from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2
    from tensorflow.python.eager import context

    context.context().configure_coordination_service(
        service_type="standalone",
        service_leader="/job:worker/replica:0/task:0",
        cluster_register_timeout_in_ms=1000 * JOIN_SECONDS,
        heartbeat_timeout_in_ms=1000 * seconds,
        coordinated_jobs=[coordination_config_pb2.CoordinatedJob(name="worker", num_tasks=workers)],
    )


def _workers(strategy):
    return strategy.cluster_resolver.cluster_spec().num_tasks("worker") if strategy.cluster_resolver else 1


def _of_each_worker(strategy, number):
    """The numbers that all workers bring to this call, in their order; every worker must make it."""
    resolver = strategy.cluster_resolver
    mine = tf.one_hot(resolver.task_id, _workers(strategy)) * float(number)
    replicas = strategy.num_replicas_in_sync // _workers(strategy)
    values = strategy.experimental_distribute_values_from_function(lambda _: mine / replicas)
    return strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None).numpy().tolist()


def _check_common(strategy, start, run):
    """Raises `UserError` unless all workers go on from one step."""
    if _workers(strategy) == 1:
        return
    steps = _of_each_worker(strategy, start)
    if len(set(steps)) > 1:
        raise UserError(
            f"the workers found checkpoints of steps {', '.join(f'{step:.0f}' for step in steps)} in {run}; it must be "
            "one folder that all of them see"
        )


@contextlib.contextmanager
def _others_named(strategy, run):
    """Within it, what a collective operation fails with when another worker is gone is a `WorkerLost`."""
    try:
        yield
    except tf.errors.OpError as error:
        lost = isinstance(error, _LOST) or "Collective ops is aborted" in str(error)
        if _workers(strategy) == 1 or not lost:
            raise
        raise WorkerLost(
            f"another worker ended or is out of reach; start all of them again with --resume={run}, to go on from the "
            f"last checkpoint ({str(error).splitlines()[0][:200]})"
        ) from error


_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError, tf.errors.CancelledError)


def compiled_step(model, strategy, xla="off"):
    """`model.train_step` as one graph over the strategy's replicas, with XLA where `xla` says so."""
    use_xla = bool(tf.config.list_logical_devices("GPU")) if xla == "auto" else xla == "on"

    # AutoGraph would rewrite all functions of a step, and find no loop and no branch to be taken in the graph.
    @tf.autograph.experimental.do_not_convert
    def on_replica(batch):
        model.train_step(batch)

    def step(batch):
        strategy.run(on_replica, args=(batch,))

    if strategy.num_replicas_in_sync == 1:
        # The strategy's `run` adds nothing on one device, and XLA compiles the step whole.
        return tf.function(step, jit_compile=use_xla, autograph=False)
    # XLA can't compile a step across devices; TensorFlow picks clusters within each.
    tf.config.optimizer.set_jit("autoclustering" if use_xla else False)
    return tf.function(step, autograph=False)


def _open_data(job):
    """The training and the test images; without a test split, the samples come from the training images."""
    options = {"multiple": job.config.stride, "skip_bad": job.recipe.skip_bad}
    source = open_source(job.dataset, "train", job.config, task=job.task)
    try:
        testing = open_source(job.dataset, "test", job.config, task=job.task)
    except NoImages:  # a folder with nothing but training images
        print("tfi2i: no test images; the samples and the best checkpoint go by training images", file=sys.stderr)
        testing = source
    return prepared(source, job.config, True, **options), prepared(testing, job.config, False, **options)


def _check_size(config):
    if Preprocess.of(config).crops and config.crop_size % config.stride:
        raise UserError(
            f"--crop_size={config.crop_size} doesn't fit the networks (expected a multiple of {config.stride}); "
            "change it, or their depth"
        )


def _shown_pixels(pixels):
    return images.with_channels(images.to_uint8(pixels), 3)


def _shown(logs):
    hidden = ("images_per_second", "data_share")
    terms = " ".join(f"{name} {value:.3g}" for name, value in logs.items() if name not in hidden)
    return f"{logs['images_per_second']:.1f} img/s, data {100 * logs['data_share']:.0f} %, {terms}"


class _Clock:
    """How long the loop waits for data and how long it computes."""

    def __init__(self):
        self._spent = {"data": 0.0, "compute": 0.0}
        self._steps = 0

    @contextlib.contextmanager
    def data(self):
        yield from self._timed("data")
        self._steps += 1

    @contextlib.contextmanager
    def compute(self):
        yield from self._timed("compute")

    def _timed(self, kind):
        start = time.perf_counter()
        yield
        self._spent[kind] += time.perf_counter() - start

    def lap(self, batch_size):
        total = sum(self._spent.values())
        lap = {
            "images_per_second": self._steps * batch_size / total,
            "data_share": self._spent["data"] / total,
        }
        self.__init__()
        return lap


@contextlib.contextmanager
def _interruptions():
    """A flag that Ctrl-C and SIGTERM set, so that the step in hand is finished and saved before the program ends."""
    import threading

    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return
    before = {s: signal.signal(s, lambda *_: flag.set()) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _dtype_policy(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextlib.contextmanager
def _own_folder(run, strategy):
    """Where this process writes. Every worker takes part in saving; what the chief, worker 0, writes is kept."""
    resolver = strategy.cluster_resolver
    if not resolver or not resolver.task_id:
        yield run
        return
    prefix = f"tfi2i-{hashlib.sha256(str(run.resolve()).encode()).hexdigest()[:12]}-{resolver.task_id}-"
    for stray in Path(tempfile.gettempdir()).glob(f"{prefix}*"):  # of this worker, killed
        shutil.rmtree(stray, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        yield Path(folder)
