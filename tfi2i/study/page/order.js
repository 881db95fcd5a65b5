// The order of a participant's trials: random, and the same whenever the page is loaded with their number.
"use strict";

/** A function that draws numbers in [0, 1): xorshift (Marsaglia 2003), begun with a hash of `text` (FNV-1a). */
function randomOf(text) {
  let state = 2166136261;
  for (const letter of text) state = Math.imul(state ^ letter.charCodeAt(0), 16777619);
  state ||= 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let k = 0; k < 32; k++) next(); // similar texts begin alike
  return next;
}

/** A shuffled copy (Fisher and Yates). */
function shuffled(list, random) {
  const copy = [...list];
  for (let k = copy.length - 1; k > 0; k--) {
    const other = Math.floor(random() * (k + 1));
    [copy[k], copy[other]] = [copy[other], copy[k]];
  }
  return copy;
}

/**
 * What a participant goes through: { group, steps: [{ practice, trial, shown }] }.
 * Practice first, then the trials with the checks among them; `shown` are the pictures from left to right.
 */
function orderOf(study, participant) {
  const random = randomOf(study.seed + participant);
  const group = Math.floor(random() * study.groups.length);
  const { practice, trials, checks } = study.groups[group];
  const scenes = Math.max(1, Math.floor(study.trials / trials[0].length));
  const chosen = shuffled(trials, random).slice(0, scenes).flat();
  const step = (trial, practice) => ({ practice, trial, shown: shuffled(trial.pictures, random) });
  return {
    group,
    steps: [
      ...shuffled(practice, random).map((trial) => step(trial, true)),
      ...shuffled([...chosen, ...checks], random).map((trial) => step(trial, false)),
    ],
  };
}
