// A model that `tfi2i export` wrote, opened in the browser. It needs nothing of this page: see README.md.

/** What the visitor can mend; its message is shown as it is. */
export class Problem extends Error {}

const KINDS = ["image", "style", "noise", "label"];
const TIME_TO_OPEN = 120_000; // milliseconds; a damaged file may keep the runtime busy for ever

/**
 * The description inside a .tflite file: the member metadata.json, stored uncompressed, of the zip archive at its end.
 *
 * @param {Uint8Array} bytes
 * @returns {object} see export/README.md
 * @throws {Problem} where the file has none
 */
export function readMetadata(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (at, length) => new TextDecoder().decode(bytes.subarray(at, at + length));
  try {
    let end = bytes.length - 22; // the end record of an archive without a comment
    while (view.getUint32(end, true) !== 0x06054b50) end -= 1;
    const [entries, size, offset] = [
      view.getUint16(end + 10, true),
      view.getUint32(end + 12, true),
      view.getUint32(end + 16, true),
    ];
    const before = end - size - offset; // some writers count from the archive's begin, others from the file's
    for (let at = end - size, k = 0; k < entries; k += 1) {
      const [length, name, extra, comment] = [
        view.getUint32(at + 20, true),
        ...[28, 30, 32].map((n) => view.getUint16(at + n, true)),
      ];
      if (text(at + 46, name) === "metadata.json") {
        const local = before + view.getUint32(at + 42, true);
        const begin = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
        return JSON.parse(text(begin, length));
      }
      at += 46 + name + extra + comment;
    }
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof SyntaxError)) throw error;
  }
  throw new Problem("no description inside (expected a whole .tflite file that `tfi2i export` wrote)");
}

export class Model {
  #worker;
  #waiting = new Map();
  #count = 0;

  /**
   * @param {Uint8Array} bytes a .tflite file
   * @param {object} [options]
   * @param {string} [options.accelerator] "wasm" or "webgpu"
   * @param {object} [options.metadata] the description, where the file holds none
   * @returns {Promise<Model>}
   * @throws {Problem} where the runtime is missing, or the file is not what its description says
   */
  static async open(bytes, { accelerator = "wasm", metadata = readMetadata(bytes) } = {}) {
    checkDescription(metadata);
    const model = new Model(metadata);
    try {
      const opened = await within(TIME_TO_OPEN, model.#ask({ request: "open", bytes, accelerator }));
      checkAgainst(metadata, opened);
      model.accelerator = opened.accelerator;
      model.threads = opened.threads;
      return model;
    } catch (error) {
      model.close();
      throw error;
    }
  }

  constructor(metadata) {
    this.metadata = metadata;
    this.#worker = new Worker(new URL("worker.js", import.meta.url));
    this.#worker.onmessage = ({ data: { id, ...answer } }) => this.#settle(id, answer);
    this.#worker.onerror = (event) => {
      event.preventDefault?.();
      const reason = event.message ?? "worker.js is missing";
      for (const id of this.#waiting.keys()) this.#settle(id, { failed: "runtime", reason });
    };
  }

  /** The description of the input, or output, of a kind: "image", "style", "noise", "label"; "image", "heatmap". */
  input(kind) {
    return this.metadata.inputs.find((input) => input.kind === kind);
  }

  output(kind) {
    return this.metadata.outputs.find((output) => output.kind === kind);
  }

  /**
   * @param {Object<string, Float32Array>} inputs by name, as the description has them: images (1, H, W, C) in its range
   * @returns {Promise<{outputs: Object<string, Float32Array>, ms: number}>}
   */
  async run(inputs) {
    for (const { name, shape } of this.metadata.inputs) {
      const expected = shape.reduce((product, n) => product * n, 1);
      if (!(inputs[name] instanceof Float32Array) || inputs[name].length !== expected) {
        const received = inputs[name] ? `${inputs[name].constructor.name} of ${inputs[name].length}` : "nothing";
        throw new Problem(
          `the model takes ${name} as Float32Array of ${expected} numbers, shape [${shape}]. Received: ${received}`,
        );
      }
    }
    return this.#ask({ request: "run", inputs });
  }

  close() {
    this.#worker.terminate();
    for (const id of this.#waiting.keys()) this.#settle(id, { failed: "closed", reason: "" });
  }

  #ask(message) {
    const id = this.#count++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...message });
    });
  }

  #settle(id, answer) {
    const { resolve, reject } = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (!answer.failed) resolve(answer);
    else reject(new Problem(EXPLAINED[answer.failed](answer.reason)));
  }
}

const EXPLAINED = {
  runtime: (reason) =>
    `the LiteRT runtime did not start: ${reason} (expected its files in runtime/); make the site again`,
  model: (reason) => `LiteRT cannot read it: ${reason} (is the file whole? export it again)`,
  run: (reason) => `the model stopped while it ran: ${reason}`,
  closed: () => "the model was closed",
};

function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Problem(EXPLAINED.model(`no answer in ${ms / 1000} seconds`))), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function checkDescription({ inputs, outputs }) {
  const said = `(its description has inputs ${named(inputs)}, outputs ${named(outputs)})`;
  const picture = ({ shape }) => shape.length === 4 && [1, 3].includes(shape[3]);
  const images = [...(inputs ?? []), ...(outputs ?? [])].filter(({ kind }) => kind === "image");
  if (!outputs?.some(({ kind }) => kind === "image") || !images.every(picture)) {
    throw new Problem(`no model of pictures ${said}; expected images of 1 or 3 channels`);
  }
  const unknown = inputs.find(({ kind }) => !KINDS.includes(kind));
  if (unknown) throw new Problem(`an input that this page doesn't know: ${unknown.name} ${said}`);
}

/** An order or a shape other than described would give wrong pictures without a word. */
function checkAgainst(metadata, opened) {
  for (const side of ["inputs", "outputs"]) {
    const [expected, received] = [metadata[side], opened[side]].map((list) =>
      named([...list].sort((a, b) => (a.name < b.name ? -1 : 1))),
    );
    if (expected !== received) {
      throw new Problem(
        `not what its description says: expected ${side} ${expected}, received ${received}; export it again`,
      );
    }
  }
}

function named(list) {
  return (list ?? []).map(({ name, shape }) => `${name} [${shape}]`).join(", ") || "none";
}
