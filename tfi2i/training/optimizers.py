"""Adam and the learning-rate schedules as the official (PyTorch) programs compute them."""

import math

import keras
import tensorflow as tf

LR_POLICIES = ("linear", "step", "cosine", "constant")


@keras.saving.register_keras_serializable("tfi2i")
class Adam(keras.optimizers.Adam):
    """Adam (Kingma and Ba 2015, algorithm 1) with PyTorch's placing of epsilon and of weight decay.

    The step is lr m_hat / (sqrt(v_hat) + epsilon), epsilon 1e-8 after the bias correction; Keras adds 1e-7 before it,
    so its first steps are visibly smaller where gradients are small. `l2` times the weight is added to the gradient
    before the moments, which PyTorch calls weight_decay; Keras' `weight_decay` is AdamW's and is another thing.
    """

    def __init__(self, learning_rate=2e-4, beta_1=0.5, beta_2=0.999, epsilon=1e-8, l2=0.0, **kwargs):
        super().__init__(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, **kwargs)
        self.l2 = l2

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        m, v = self._momentums[index].value, self._velocities[index].value
        step = tf.cast(self.iterations + 1, variable.dtype)
        correction_1, correction_2 = _bias_correction(self.beta_1, step), _bias_correction(self.beta_2, step)
        gradient = tf.cast(gradient, variable.dtype)
        if self.l2:
            gradient += self.l2 * variable
        # TensorFlow's kernel, one pass over each vector, has epsilon before the correction of v: with rate and epsilon
        # both times its root the step is PyTorch's. The corrections are ours, for its own lose digits near 1.
        root = tf.sqrt(correction_2)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=m.handle,
            v=v.handle,
            beta1_power=tf.zeros([], variable.dtype),
            beta2_power=tf.zeros([], variable.dtype),
            lr=tf.cast(learning_rate, variable.dtype) * root / correction_1,
            beta1=tf.constant(self.beta_1, variable.dtype),
            beta2=tf.constant(self.beta_2, variable.dtype),
            epsilon=self.epsilon * root,
            grad=gradient,
        )

    def get_config(self):
        return super().get_config() | {"l2": self.l2}


def _bias_correction(beta, step):
    """1 - beta^step, exact to the last bits where beta^step is close to 1."""
    return -tf.math.expm1(step * (math.log(beta) if beta else -math.inf))


@keras.saving.register_keras_serializable("tfi2i")
class Guard(keras.optimizers.LossScaleOptimizer):
    """Skips, inside the graph, an update that is not finite, and scales no loss.

    Keras' class would divide each gradient by a scale that stays one.
    """

    def scale_loss(self, loss):
        return loss

    def check_finite(self, grads):
        return all_finite(grads)

    def _stateful_handle_finite_grads(self, grads, trainable_variables):
        self.inner_optimizer.apply(grads, trainable_variables)

    def _stateful_handle_non_finite_grads(self):
        pass


def all_finite(gradients):
    """Are they, every number? Their sum is not where one isn't, and takes one pass that writes nothing."""
    return tf.math.is_finite(tf.add_n([tf.reduce_sum(g) for g in gradients]))


@keras.saving.register_keras_serializable("tfi2i")
class EpochSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """The published programs' `lr_policy`, which change the rate once an epoch, e = 0, 1, ...

    linear: lr (1 - max(0, e + ahead - n_epochs) / (n_epochs_decay + 1)): constant, then down. The PyTorch program of
        pix2pix and CycleGAN advances its scheduler at the start of each epoch and counts from one, hence `ahead` = 2
        and         a rate of 0 in the last epoch; DRIT's has `ahead` = 0.
    step: lr 0.1^(e // lr_decay_iters).
    cosine: lr (1 + cos(pi e / n_epochs)) / 2.
    constant: lr.
    """

    def __init__(self, lr, policy, steps_per_epoch, n_epochs=100, n_epochs_decay=100, lr_decay_iters=50, ahead=2):
        if policy not in LR_POLICIES:
            raise ValueError(f"lr_policy must be one of {', '.join(LR_POLICIES)}. Received: {policy!r}")
        self.lr, self.policy, self.steps_per_epoch = lr, policy, steps_per_epoch
        self.n_epochs, self.n_epochs_decay = n_epochs, n_epochs_decay
        self.lr_decay_iters, self.ahead = lr_decay_iters, ahead

    def __call__(self, step):
        epoch = tf.cast(step // self.steps_per_epoch, tf.float32)
        if self.policy == "linear":
            into_decay = tf.maximum(0.0, epoch + self.ahead - self.n_epochs)
            return self.lr * tf.maximum(0.0, 1.0 - into_decay / (self.n_epochs_decay + 1.0))
        if self.policy == "step":
            return self.lr * tf.pow(0.1, epoch // self.lr_decay_iters)
        if self.policy == "cosine":
            return self.lr * 0.5 * (1.0 + tf.cos(math.pi * epoch / self.n_epochs))
        return tf.constant(self.lr, tf.float32)

    def get_config(self):
        return {
            "lr": self.lr,
            "policy": self.policy,
            "steps_per_epoch": self.steps_per_epoch,
            "n_epochs": self.n_epochs,
            "n_epochs_decay": self.n_epochs_decay,
            "lr_decay_iters": self.lr_decay_iters,
            "ahead": self.ahead,
        }


@keras.saving.register_keras_serializable("tfi2i")
class StepDecay(keras.optimizers.schedules.LearningRateSchedule):
    """UNIT's and MUNIT's rate at step i = 0, 1, ...: lr gamma^((i + 1) // step_size), advanced before each update."""

    def __init__(self, lr, step_size=100_000, gamma=0.5):
        self.lr, self.step_size, self.gamma = lr, step_size, gamma

    def __call__(self, step):
        return self.lr * tf.pow(self.gamma, tf.cast((step + 1) // self.step_size, tf.float32))

    def get_config(self):
        return {"lr": self.lr, "step_size": self.step_size, "gamma": self.gamma}


@keras.saving.register_keras_serializable("tfi2i")
class HalfLinear(keras.optimizers.schedules.LearningRateSchedule):
    """U-GAT-IT's rate: constant for half of `total` steps, then less by lr / (total // 2) before each step."""

    def __init__(self, lr, total):
        self.lr, self.total = lr, total

    def __call__(self, step):
        half = max(1, self.total // 2)
        into_decay = tf.cast(tf.maximum(step + 1 - half, 0), tf.float32)
        return self.lr * tf.maximum(0.0, 1.0 - into_decay / half)

    def get_config(self):
        return {"lr": self.lr, "total": self.total}
