"""What `evaluate` counts of domains that have the same labels."""

from types import SimpleNamespace

import numpy as np

from tfi2i.evaluation import two_domains


class AddOne(SimpleNamespace):
    """A translation of images that are numbers."""

    def __call__(self, image, style):
        return image + 1

    def random_styles(self, count, seed):
        return [None]


def test_accuracy_of_translations_inputs_and_real_images():
    """The judge sees the number itself; image 2 of the source is there once, the target has but one image."""
    one_hot = np.eye(5)
    labels = [one_hot[[3, 2, 4]], one_hot[[1]]]
    seen = [
        two_domains._seen(lambda image: one_hot[image], AddOne(source=0, target=1), (source, target), labels, i)
        for i, (source, target) in enumerate([(2, 1), (2, 1), (2, 1), (2, 1)])
    ]
    assert seen == [
        {"accuracy": 1.0, "accuracy_copy": 0.0, "accuracy_real": 1.0},
        {"accuracy": 0.0, "accuracy_copy": 1.0},
        {"accuracy": 0.0, "accuracy_copy": 0.0},
        {},
    ]
