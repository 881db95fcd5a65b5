// One model and a LiteRT runtime of its own, off the page's thread. A damaged file can stop or hang the runtime for
// good: then the page ends this worker, and nothing else is lost.
//
// A classic worker, because the runtime loads its script with importScripts, which module workers lack.

const RUNTIME = new URL("runtime/", self.location.href).href;
const SIGNATURE = "serving_default";

let litert, model;

async function start() {
  litert = await import(`${RUNTIME}core/index.js`);
  // Threads need shared memory, which browsers give to pages served with the headers COOP and COEP.
  const threads =
    self.crossOriginIsolated &&
    (await litert.supportsFeature("relaxedSimd")) &&
    (await litert.supportsFeature("threads"));
  // In a worker the runtime's script would take this file for itself and look for its parts in the wrong folder.
  self.Module = {
    locateFile: (file) => `${RUNTIME}wasm/${file}`,
    mainScriptUrlOrBlob: `${RUNTIME}wasm/litert_wasm_threaded_internal.js`,
  };
  await litert.loadLiteRt(`${RUNTIME}wasm/`, { threads });
}

async function open({ bytes, accelerator }) {
  try {
    await start();
  } catch (error) {
    return { failed: "runtime", reason: reasonOf(error) };
  }
  try {
    model = await litert.loadAndCompile(bytes, { accelerator, gpuOptions: { precision: "fp32" } });
  } catch (error) {
    return { failed: "model", reason: reasonOf(error) };
  }
  const signature = model.signatures[SIGNATURE];
  if (!signature) return { failed: "model", reason: `it has no signature ${SIGNATURE}` };
  const described = (details) => details.map(({ name, dtype, shape }) => ({ name, dtype, shape: [...shape] }));
  return {
    inputs: described(signature.getInputDetails()),
    outputs: described(signature.getOutputDetails()),
    accelerator: model.options.accelerator, // "wasm" where WebGPU could not take the whole model
    threads: model.options.cpuOptions.numThreads,
  };
}

async function run({ inputs }) {
  const begin = performance.now();
  const tensors = {};
  const results = {};
  try {
    for (const { name, shape } of model.signatures[SIGNATURE].getInputDetails()) {
      tensors[name] = new litert.Tensor(inputs[name], [...shape]);
    }
    Object.assign(results, await model.run(SIGNATURE, tensors));
    const outputs = {};
    for (const [name, tensor] of Object.entries(results)) outputs[name] = (await tensor.data()).slice();
    return { outputs, ms: performance.now() - begin };
  } catch (error) {
    return { failed: "run", reason: reasonOf(error) };
  } finally {
    for (const tensor of [...Object.values(tensors), ...Object.values(results)]) tensor.delete();
  }
}

function reasonOf(error) {
  return String(error?.message ?? error).split("\n")[0];
}

self.onmessage = async ({ data: { id, request, ...rest } }) => {
  const answer = await { open, run }[request](rest);
  const arrays = request === "run" ? Object.values(answer.outputs ?? {}) : [];
  self.postMessage(
    { id, ...answer },
    arrays.map((array) => array.buffer),
  );
};
