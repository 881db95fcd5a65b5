"""Models that make images of noise.

`log_likelihood` is the paper's measure (Goodfellow et al. 2014, sec. 5; Breuleux et al. 2011): of each test image under
a Gaussian Parzen window on samples, in nats, pixels in [0, 1]; the window's width is the one of `WIDTHS` that suits
half of the test images best, and the other half is measured. `log_likelihood_train` is what as many training images as
there are samples give in their place. The paper warns of the measure's variance.
"""

import numpy as np

from tfi2i.data import images
from tfi2i.data.prepared import prepared, to_float, to_pixels
from tfi2i.data.sources import open_source
from tfi2i.evaluation.answers import Answers, Pictures

SAMPLES = 8  # rows and columns of the sample grid
PARZEN = 2000  # samples of the window
WIDTHS = np.geomspace(0.05, 1.0, 14)


def samples(model, testing):
    """The same noise each time, as a square grid."""
    images = to_pixels(sampled(model, SAMPLES**2, seed=0))
    return [list(images[k : k + SAMPLES]) for k in range(0, len(images), SAMPLES)]


def score(model, testing):
    """None: nothing cheap says which checkpoint is the best."""
    return None


def answers(model, examples, stochastic=False):
    """{"sample": `Answers`}: as many samples as there are images."""
    made = []

    def sample(i):
        if not made:
            made.extend(to_pixels(sampled(model, len(examples), seed=1)))
        return made[i]

    reals = Pictures(len(examples), lambda i: images.to_uint8(examples[i][0]))
    return {"sample": Answers(fakes=Pictures(len(examples), sample), reals=reals)}


def measurement(model, examples, job, run, stochastic):
    training = prepared(open_source(job.dataset, "train", job.config), job.config, training=False)
    reals = np.stack([to_float(training[i][0]) for i in range(min(PARZEN, len(training)))])
    windows = {
        "log_likelihood": Parzen(sampled(model, PARZEN, seed=1), examples),
        "log_likelihood_train": Parzen(reals, examples),
    }

    def measure(i):
        if i % 2 == 0:
            return {"sample": {}}  # it chose the width
        image = to_float(examples[i][0])
        return {"sample": {name: window(image) for name, window in windows.items()}}

    side = examples.preprocess.crop_size
    protocol = (
        f"{side} x {side} px in [0, 1]; nats under a Parzen window on {PARZEN} samples, of width "
        f"{windows['log_likelihood'].width:.3f} ({windows['log_likelihood_train'].width:.3f} on training images), "
        "chosen on every other test image and measured on the rest."
    )
    return measure, protocol


def sampled(model, count, seed):
    """`count` images (count, S, S, C) in [-1, 1] of noise that depends on the seed alone."""
    (G,) = model.generators().values()
    z = np.random.default_rng(seed).standard_normal((count, G.inputs[0].shape[-1]), np.float32)
    return np.concatenate([np.asarray(G(z[k : k + 256], training=False)) for k in range(0, count, 256)])


class Parzen:
    """log p(x) = log 1/N sum_n N(x; centre_n, width^2 I), for images in [-1, 1] brought to [0, 1].

    Args:
        centres: (N, H, W, C).
        examples: every second of these images says which of `WIDTHS` is best.
    """

    def __init__(self, centres, examples):
        self._centres = (centres.reshape(len(centres), -1).astype(np.float64) + 1.0) / 2.0
        chosen = [self._squares(to_float(examples[i][0])) for i in range(0, len(examples), 2)]
        means = [np.mean([self._log_likelihood(squares, width) for squares in chosen]) for width in WIDTHS]
        self.width = float(WIDTHS[int(np.argmax(means))])

    def __call__(self, image):
        return self._log_likelihood(self._squares(image), self.width)

    def _squares(self, image):
        return np.sum(np.square(self._centres - (image.reshape(-1) + 1.0) / 2.0), axis=1)

    def _log_likelihood(self, squares, width):
        exponents = -squares / (2.0 * width**2)
        most = exponents.max()
        total = most + np.log(np.mean(np.exp(exponents - most)))
        return float(total - self._centres.shape[1] * np.log(width * np.sqrt(2.0 * np.pi)))
