"""Checkpoints of everything that training changes; killed at any instant, the last one stays whole."""

import shutil
from pathlib import Path

import tensorflow as tf

from tfi2i.errors import UserError


class Checkpoints:
    """The last two states of a run, and the best, in `folder`.

    TensorFlow writes each file aside, renames it, and only then names the new checkpoint in the folder's index file; it
    checks a CRC of every tensor when it reads.

    Args:
        folder: `RUN/checkpoints`.
        variables: every variable of the training state, in a fixed order.
        aside: where to save instead, for the workers that must take part in saving but don't keep what is saved.
    """

    def __init__(self, folder, variables, aside=None):
        self.folder, self._kept = Path(folder), aside is None
        self.step = tf.Variable(0, dtype=tf.int64, name="step")
        self.best_score = tf.Variable(float("inf"), dtype=tf.float64, name="best_score")
        self.best_step = tf.Variable(0, dtype=tf.int64, name="best_step")
        # Keras' own tracking leaves out the state of random generators; an explicit list leaves out nothing.
        self._checkpoint = tf.train.Checkpoint(
            step=self.step, best_score=self.best_score, best_step=self.best_step, state=list(variables)
        )
        self._manager = tf.train.CheckpointManager(self._checkpoint, str(aside or self.folder), max_to_keep=2)

    def restore(self):
        """Restores the last checkpoint, if there is one, and returns the step it was taken at, else 0."""
        if self._kept:
            for stray in self.folder.glob("*_temp"):
                shutil.rmtree(stray, ignore_errors=True)
        latest = self._latest()
        if latest is None:
            return 0
        try:
            status = self._checkpoint.restore(latest)
            status.assert_existing_objects_matched()
            status.assert_consumed()
        except (tf.errors.OpError, AssertionError, IndexError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(
                f"the checkpoint can't be restored: {latest} ({reason}); delete {latest}.* to go on from the one before"
            ) from error
        if self._kept and int(self.best_step) == int(self.step):
            self._keep_as_best(latest)  # it may have been killed at that
        return int(self.step)

    def save(self, step, score=None):
        """Saves the state at `step`; a lower `score` than ever before makes it the best. Returns whether it does."""
        self.step.assign(step)
        best = score is not None and score < float(self.best_score)
        if best:
            self.best_score.assign(score)
            self.best_step.assign(step)
        path = self._manager.save(checkpoint_number=step)
        if best and self._kept:
            self._keep_as_best(path)
        return best

    def _latest(self):
        """The last checkpoint whose files are there, of those that the folder's index names."""
        state = tf.train.get_checkpoint_state(str(self.folder))
        paths = state.all_model_checkpoint_paths if state else []
        return next((path for path in reversed(paths) if Path(f"{path}.index").exists()), None)

    def _keep_as_best(self, path):
        best = self.folder / "best"
        aside = self.folder / "best_temp"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        for file in self.folder.glob(f"{Path(path).name}.*"):
            shutil.copy2(file, aside / file.name)
        (aside / "checkpoint").write_text(f'model_checkpoint_path: "{Path(path).name}"\n')
        shutil.rmtree(best, ignore_errors=True)
        aside.rename(best)
