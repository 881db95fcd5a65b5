// What a model is given besides a picture: codes drawn from a seed, and labels.

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function* uniform(seed) {
  for (let state = seed >>> 0; ;) {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    yield ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }
}

/**
 * A code of a style or of noise: Float32Array of `length` numbers, the same for the same seed.
 *
 * @param {string} distribution "normal", or "uniform" in [-1, 1]
 */
export function draw(seed, length, distribution) {
  const numbers = uniform(seed);
  const next = () => numbers.next().value;
  const number = {
    uniform: () => 2 * next() - 1,
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()), // Box-Muller
  }[distribution];
  return Float32Array.from({ length }, number);
}

/** The code at t in [0, 1] from a to b; of normal ones on a quarter circle, where all are as likely as the ends. */
export function between(a, b, t, distribution) {
  const [first, second] =
    distribution === "normal" ? [Math.cos((t * Math.PI) / 2), Math.sin((t * Math.PI) / 2)] : [1 - t, t];
  return a.map((value, k) => first * value + second * b[k]);
}

/**
 * The label vector: 0 or 1 for each label; of several sets those of the chosen one, and then a 1 for that set.
 *
 * @param {object} input its description: `labels`, `sets`
 * @param {Set<string>} present
 * @param {number} chosen number of the set
 */
export function labelVector({ labels, sets }, present, chosen) {
  const values = labels.map((label) => Number(present.has(label) && sets[chosen].includes(label)));
  const mask = sets.length > 1 ? sets.map((_, k) => Number(k === chosen)) : [];
  return Float32Array.from([...values, ...mask]);
}
