"""The classifier that `evaluate` trains, and keeps."""

import numpy as np

from tfi2i.data.prepared import PreparedLabelled, Preprocess
from tfi2i.data.synthetic import SyntheticDigits
from tfi2i.evaluation import classifier


def test_a_second_call_reads_what_the_first_has_trained(tmp_path, monkeypatch):
    monkeypatch.setattr(classifier, "EPOCHS", 1)
    preprocess = Preprocess(preprocess="square", crop_size=16, no_flip=True)
    examples = PreparedLabelled(SyntheticDigits("train", 16, length=64).b, preprocess, True)
    first, second = (classifier.independent(examples, tmp_path) for _ in range(2))
    image = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 3)).astype("float32")
    np.testing.assert_array_equal(first.network(image, training=False), second.network(image, training=False))
    assert len(list(tmp_path.iterdir())) == 1 and second(image[0]).sum() == 1
