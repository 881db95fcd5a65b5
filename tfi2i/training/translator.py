"""The base class of every paper's model, and the verb it adds to Keras: `turn`."""

import contextlib
import importlib
import threading

import keras
import tensorflow as tf

from tfi2i.training import draws
from tfi2i.training.optimizers import Guard, all_finite


class Translator(keras.Model):
    """A model of several players, each with its own networks and optimizer, who take turns within one `train_step`.

    A paper's class sets, in `__init__`, `players` ({name: [networks]}); it names its loss terms in `loss_names` and the
    networks that a run keeps in `kept`, returns its optimizers from `make_optimizers(steps_per_epoch)`, says in
    `generators()` what translates, and writes out its own `train_step`. Everything else here serves `turn`.

    Batches are dicts of float images in [-1, 1], (B, H, W, C), under "x" and "y": the input and its target, or,
    where the Config's `kind` is "domains", images of the domains A and B that have nothing to do with each other.
    """

    loss_names = ()
    kept = ("G",)  # the attributes that hold the networks which translation needs; a run keeps them as NAME.keras
    statistics = "image"  # what batch norms take at test time; "running" where the paper does (see `BatchNorm`)

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.trained = self.kept  # fewer, where a run or a checkpoint file holds fewer
        self.seed_generator = keras.random.SeedGenerator()
        self.built = True  # there is no `call` to be built by
        # Threads, because MirroredStrategy traces each replica in one of its own.
        self._tapes = threading.local()

    def compile(self, steps_per_epoch=None, jit_compile=False, average=0.0, **kwargs):
        """Makes the players' optimizers and the loss meters; call it under the strategy's scope.

        Args:
            steps_per_epoch: lets the learning rate follow the config's `lr_policy`, which counts epochs; None keeps it
                constant.
            jit_compile: XLA. Off unless asked for: on a CPU it is slower, and under MirroredStrategy Keras' own use
            fails.
            average: decay of an exponential moving average of the kept networks' weights, 0.999 say, which `averaged`
            puts in their place; 0 keeps none.
        """
        if kwargs.pop("steps_per_execution", 1) != 1:
            raise ValueError("steps_per_execution must be 1: a step here is several optimizer steps")
        if jit_compile and tf.distribute.get_strategy().num_replicas_in_sync > 1:
            raise ValueError("jit_compile must be False under several replicas; tfi2i.loop.compiled_step has XLA there")
        super().compile(optimizer=None, jit_compile=jit_compile, **kwargs)
        self.optimizers = {}
        for player, optimizer in self.make_optimizers(steps_per_epoch).items():
            self.optimizers[player] = guarded(optimizer)
            self.optimizers[player].build(self._weights_of(player))
        self.meters = {name: keras.metrics.Mean(name=name) for name in self.loss_names}
        self.average = average
        if average and not hasattr(self, "averages"):
            self.averages = [self._average_of(v) for v in self._averaged()]
        # In a row: how many turns were skipped because their gradients were not finite.
        self.skipped_in_a_row = self.add_weight(
            shape=(), dtype="int32", trainable=False, aggregation="only_first_replica", name="skipped_in_a_row"
        )

    def fit(self, x, *args, shuffle=False, **kwargs):
        """As in Keras; a tf.data.Dataset comes shuffled, and Keras warns at its own default of True."""
        return super().fit(x, *args, shuffle=shuffle, **kwargs)

    @classmethod
    def in_run(cls, config, run):
        """`config` with the copies that the folder `run` has of the user's files in their place."""
        return config

    def begin(self, run, training, seed):
        """What a model needs besides initial weights; called each time a run starts, before a checkpoint is restored.

        Args:
            run: folder of the run, where what was made can be kept.
            training: the prepared training images.
            seed: of everything random.
        """

    @property
    def metrics(self):
        return list(getattr(self, "meters", {}).values())

    def networks(self, training):
        """The players' networks, in order, with `training` bound (inside `train_step` Keras defaults to inference)."""
        return [_bound(net, training) for nets in self.players.values() for net in nets]

    def generators(self, stochastic=False):
        """{"AtoB": network, "BtoA": network}, as tested: float images (B, H, W, C) in [-1, 1] in and out.

        Where one input has many answers, a second input, `style` (B, S), chooses among them.

        Args:
            stochastic: keep on what noise the paper has at test time; each call then draws anew.
        """
        raise NotImplementedError

    def style_encoders(self):
        """{direction: network that maps an image of the domain it leads to, (B, H, W, C), to its style (B, S)}."""
        return {}

    def reconstructions(self):
        """{direction: network that codes an image of the domain it starts from, and decodes it again there}.

        As `generators`, with the style of that domain where there are styles. Empty for models without such codes.
        """
        return {}

    def normal(self, name, shape):
        """N(0, 1) of `shape`, (B, ...), from the state of the model, so that a resumed run draws the same.

        The replicas together draw what one device would.

        Args:
            name: which draw of the step this is, for tests that must know what was drawn.
        """
        return self._share_of(draws.normal, shape)

    def uniform(self, name, shape):
        """As `normal`, even in [0, 1)."""
        return self._share_of(draws.uniform, shape)

    def shuffled(self, name, rows):
        """Rows (B, N) in a random order, among all replicas; from the state of the model, as `normal`."""
        replica = tf.distribute.get_replica_context()
        everyones = replica.all_gather(rows, 0) if replica.num_replicas_in_sync > 1 else rows
        order = tf.argsort(draws.uniform([tf.shape(everyones)[0]], self.seed_generator.next()), stable=True)
        start = replica.replica_id_in_sync_group * tf.shape(rows)[0]
        return tf.ensure_shape(tf.gather(everyones, order[start : start + tf.shape(rows)[0]]), [None, *rows.shape[1:]])

    def _share_of(self, draw, shape):
        replica = tf.distribute.get_replica_context()
        batch, *rest = shape
        everyones = draw([replica.num_replicas_in_sync * batch, *rest], self.seed_generator.next())
        start = replica.replica_id_in_sync_group * batch
        return everyones[start : start + batch]

    @contextlib.contextmanager
    def turn(self, *players):
        """One optimizer step of one player: `with self.turn("G") as losses:`; the body puts named terms in `losses`.

        On leaving the block the sum of the terms is differentiated with respect to this player's weights alone and its
        optimizer moves them; if any gradient, on any replica, is not finite, nobody moves and the skip is counted. A
        turn may be nested in another: what it does is constant to the outer one. Several players named together share
        the losses and one backward pass, and each moves by its own optimizer.
        """
        weights = {player: self._weights_of(player) for player in players}
        losses = {}
        with self._paused_outer_tape(), tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            outer, self._tapes.current = getattr(self._tapes, "current", None), tape
            try:
                yield losses
                total = tf.add_n(list(losses.values()))
                total *= tf.cast(self._loss_scale(players), total.dtype)
            finally:
                self._tapes.current = outer
        with self._paused_outer_tape():
            gradients = self._each_scaled(tape.gradient(total, weights))
            for player in players:
                self._step(player, gradients[player], weights[player])
            self.record(**losses)

    def record(self, **values):
        """Adds scalars to the meters of their names; a value that is not finite counts as zero."""
        for name, value in values.items():
            self.meters[name].update_state(tf.where(tf.math.is_finite(value), value, 0.0))

    def logs(self):
        """The mean of every loss term since the meters were last reset."""
        return {name: meter.result() for name, meter in self.meters.items()}

    @contextlib.contextmanager
    def averaged(self):
        """The kept networks with the moving average of their weights, while the `with` block lasts.

        What is sampled, measured and kept is theirs; training goes on from the weights themselves.
        """
        if not self.average:
            yield
            return
        weights = self._averaged()
        own = [w.numpy() for w in weights]
        for weight, average in zip(weights, self.averages, strict=True):
            weight.assign(average)
        try:
            yield
        finally:
            for weight, value in zip(weights, own, strict=True):
                weight.assign(value)

    def state(self):
        """Every variable that training changes, in a fixed order: what a checkpoint must hold to resume exactly."""
        variables = list(self.variables)
        for optimizer in self.optimizers.values():
            variables += optimizer.variables
        for meter in self.metrics:
            variables += meter.variables
        return list({id(v): v.value for v in variables}.values())

    def save_to_preset(self, folder):
        """Writes the model into the new folder `folder`, for `tfi2i.from_preset`: numbers, networks with sums, card."""
        # By its name: the floor above, where configs have files and models their papers.
        importlib.import_module("tfi2i.sharing").save_to_preset(self, folder)

    def _averaged(self):
        return [v for name in self.kept for v in getattr(self, name).trainable_variables]

    def _average_of(self, variable):
        copy = keras.initializers.Constant(variable.numpy())
        state = {"trainable": False, "aggregation": "only_first_replica"}
        return self.add_weight(shape=variable.shape, dtype=variable.dtype, initializer=copy, **state)

    def _follow(self, weights, step):
        """Moves the averages of these weights, all after a player's `step` (Yazici et al. 2019, sec. 3.1).

        The decay grows to its value from nearly none, so that the start is soon forgotten.
        """
        step = tf.cast(step, keras.config.floatx())
        rate = 1.0 - tf.minimum(self.average, (1.0 + step) / (10.0 + step))
        moved = {id(w) for w in weights}
        for weight, average in zip(self._averaged(), self.averages, strict=True):
            if id(weight.value) in moved:
                average.assign_add(tf.cast(rate, average.dtype) * (weight.value - average))

    def _weights_of(self, player):
        return [v.value for net in self.players[player] for v in net.trainable_variables]

    def _loss_scale(self, players):
        """The least of theirs, so that whoever's gradients overflow lowers it."""
        return tf.reduce_min([self.optimizers[player].scale_loss(1.0) for player in players])

    def _each_scaled(self, gradients):
        """Each player's optimizer takes its own loss scale off again; powers of two, which lose no bit."""
        if len(gradients) == 1:
            return gradients
        ratios = {player: self._loss_scale([player]) / self._loss_scale(gradients) for player in gradients}
        return {
            player: [None if g is None else g * tf.cast(ratios[player], g.dtype) for g in of_player]
            for player, of_player in gradients.items()
        }

    def _step(self, player, gradients, weights):
        if any(gradient is None for gradient in gradients):
            names = [v.path for net in self.players[player] for v in net.trainable_variables]
            idle = [name for name, gradient in zip(names, gradients, strict=True) if gradient is None]
            raise ValueError(f'turn("{player}"): its losses do not depend on {", ".join(idle)}')
        replica = tf.distribute.get_replica_context()
        if replica.num_replicas_in_sync > 1:
            # Keras sums gradients over replicas, so each contributes its share; and it looks for non-finite values on
            # the first replica only, so one that has any says so to all.
            failed = replica.all_reduce(tf.distribute.ReduceOp.SUM, tf.where(all_finite(gradients), 0.0, 1.0))
            share = tf.where(failed > 0, float("nan"), 1.0 / replica.num_replicas_in_sync)
            gradients = [g * tf.cast(share, g.dtype) for g in gradients]
        optimizer = self.optimizers[player]
        before = tf.identity(optimizer.iterations.value)
        optimizer.apply(gradients, weights)
        if self.average:
            self._follow(weights, optimizer.iterations.value)
        moved = optimizer.iterations.value > before
        self.skipped_in_a_row.assign(tf.where(moved, 0, self.skipped_in_a_row.value + 1))

    def _paused_outer_tape(self):
        outer = getattr(self._tapes, "current", None)
        return outer.stop_recording() if outer else contextlib.nullcontext()


def guarded(optimizer):
    """`optimizer` behind one that skips updates that are not finite; in mixed_float16 Keras', which scales the loss."""
    if keras.config.dtype_policy().compute_dtype == "float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return Guard(optimizer, initial_scale=1.0)


def _bound(network, training):
    return lambda x: network(x, training=training)
