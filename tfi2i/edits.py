"""What a StarGAN is asked for: the label of a picture, with some of its attributes changed, as its G takes it."""

import numpy as np

from tfi2i.data import images
from tfi2i.data.attributes import likeliest
from tfi2i.errors import UserError
from tfi2i.nn.blocks import as_tested


class Edits:
    """The edits that a model of labelled sets can make.

    Labels are float32 (len(names),) of 0 and 1 over the labels of all sets; those that belong to another set than the
    edit are left out of what G is told.
    """

    def __init__(self, model):
        self.config, self.names = model.config, model.config.names
        self._G, self._D = model.generators()["edit"], as_tested(model.D) if "D" in model.trained else None

    def __call__(self, image, label, name):
        """An image (H, W, 3) in [-1, 1] with the label given, in which the attribute `name` was edited."""
        return np.asarray(self._G([image[None], self.condition(label, name)[None]], training=False))[0]

    def condition(self, label, name):
        """G's label (label_dim,): of several sets the labels of the one that `name` belongs to, and the mask."""
        sets = self.config.attribute_sets
        if len(sets) == 1:
            return label
        of_set = np.array([name in names for names in sets], np.float32)
        known = np.repeat(of_set, [len(names) for names in sets])
        return np.concatenate([label * known, of_set]).astype(np.float32)

    def targets(self, label):
        """{name: the label with that one attribute edited}: set where others of its group hold, else turned over."""
        grouped = {name for group in self.config.groups for name in group}
        return {
            name: self.config.edited(label, name, name in grouped or not label[k]) for k, name in enumerate(self.names)
        }

    def asked(self, text):
        """[(name, present)] of "Blond_Hair,Young=0". Raises `UserError` for an unknown name, or those of two sets."""
        found = []
        for word in text.split(","):
            name, _, value = word.partition("=")
            if name not in self.names or value not in ("", "0", "1"):
                raise UserError(f"--target={word} (expected all, or NAME, NAME=1 or NAME=0 of {', '.join(self.names)})")
            found.append((name, value != "0"))
        sets = {k for name, _ in found for k, names in enumerate(self.config.attribute_sets) if name in names}
        if len(sets) > 1:
            raise UserError(f"--target={text} (expected labels of one data set: its sets are {self.config.attributes})")
        return found

    def label_of(self, image):
        """The label that D sees in an image (H, W, 3) in [-1, 1], of any size: of each group the likeliest one."""
        if self._D is None:
            raise UserError("the run has no D, which reads the labels of a picture; import D's checkpoint too")
        square = images.central_crop(image, min(image.shape[:2]))
        square = images.resize(square, *self._D.inputs[0].shape[1:3])
        logits = np.asarray(self._D(square[None], training=False)[1])[0]
        return likeliest(logits, self.names, self.config.groups)
