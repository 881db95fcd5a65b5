// The page: what is chosen, run and shown. `window.tfi2i` is its hook for tests and for pages around it: see README.md.

import { openCamera } from "./camera.js";
import { codeControl, element, icon, labelControl, segmented } from "./controls.js";
import { Model, Problem, readMetadata } from "./model.js";
import { decode, download, fit, heatColours, show, toPixels, toTensor } from "./picture.js";

const PAPERS = {
  gan: "GAN",
  pix2pix: "pix2pix",
  cyclegan: "CycleGAN",
  unit: "UNIT",
  munit: "MUNIT",
  samunit: "SA-MUNIT",
  drit: "DRIT",
  ugatit: "U-GAT-IT",
  stargan: "StarGAN",
  cut: "CUT",
  dtn: "DTN",
  diat: "DIAT",
  srgan: "SRGAN",
};
const $ = (id) => document.getElementById(id);

const entries = []; // the models to choose from: { metadata, file } of the site, { metadata, bytes } of the visitor
const choice = { accelerator: "wasm" }; // and name, way, quantization
let model;
let opening = 0; // counts the models asked for: only the last one is shown
let controls = [];
let picture;
let camera;

// Errors

function tell(error, about) {
  if (!(error instanceof Problem)) console.error(error);
  const text = error instanceof Problem ? error.message : `something went wrong: ${error?.message ?? error}`;
  $("alert").querySelector("p").textContent = about
    ? `${about}: ${text}`
    : text.charAt(0).toUpperCase() + text.slice(1);
  $("alert").hidden = false;
}

function clearAlert() {
  $("alert").hidden = true;
}

/** A listener whose errors the visitor sees. */
function told(action, about) {
  return async (...given) => {
    try {
      return await action(...given);
    } catch (error) {
      tell(error, about?.(...given));
    }
  };
}

// Models

async function readSite() {
  let site;
  try {
    const response = await fetch("models.json");
    site = response.ok ? await response.json() : null;
  } catch {
    site = null;
  }
  if (!site?.models?.length) {
    headline("No model yet", "Drop a .tflite file that tfi2i has exported anywhere on this page.");
    throw new Problem(
      "models.json: this site lists no models (expected it beside index.html); open a .tflite file of yours",
    );
  }
  entries.push(...site.models);
  samples(site.samples ?? []);
  Object.assign(choice, keysOf(site.models[0]));
}

function keysOf({ metadata: { name, way, quantization } }) {
  return { name, way, quantization };
}

/** The entry that fits the choice best: by name, then by direction, then by quantisation. */
function chosenEntry() {
  let left = entries;
  for (const key of ["name", "way", "quantization"]) {
    const fitting = left.filter((entry) => keysOf(entry)[key] === choice[key]);
    if (fitting.length) left = fitting;
  }
  return left[0];
}

async function openModel(bytes, metadata, accelerator) {
  const turn = ++opening;
  document.body.classList.add("busy");
  try {
    const opened = await Model.open(bytes, { accelerator, metadata });
    if (turn !== opening) return opened.close();
    model?.close();
    model = opened;
    clearAlert();
    showModel();
  } finally {
    if (turn === opening) document.body.classList.remove("busy");
  }
  await refresh();
}

const openChosen = told(async () => {
  const entry = chosenEntry();
  Object.assign(choice, keysOf(entry));
  showChoosers();
  try {
    const bytes = entry.bytes ?? (await fetched(entry.file));
    await openModel(bytes, entry.metadata, choice.accelerator);
  } catch (error) {
    if (model) Object.assign(choice, keysOf(model), { accelerator: model.accelerator });
    else headline("No model", "Choose another, or drop a .tflite file that tfi2i has exported.");
    showChoosers();
    tell(error, entry.file ?? entry.metadata.name);
  }
});

async function fetched(file) {
  const response = await fetch(file).catch(() => ({ ok: false, status: "no answer" }));
  if (!response.ok) throw new Problem(`it can't be fetched (${response.status}); make the site again`);
  return new Uint8Array(await response.arrayBuffer());
}

/** A .tflite file of the visitor's; it joins the models to choose from once it works. */
const openFile = told(
  async (file) => {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const metadata = readMetadata(bytes);
    await openModel(bytes, metadata, choice.accelerator);
    entries.unshift({ metadata, bytes });
    Object.assign(choice, keysOf(entries[0]));
    showChoosers();
  },
  (file) => file.name,
);

function showChoosers() {
  const rows = [];
  let left = entries;
  const row = (key, legend, textOf) => {
    const values = [...new Set(left.map((entry) => keysOf(entry)[key]))];
    const texts = values.map((value) => [value, textOf(value ?? "")]);
    const choose = (value) => {
      choice[key] = value;
      openChosen();
    };
    if (values.length > 1) rows.push(segmented(legend, texts, choice[key], choose));
    left = left.filter((entry) => keysOf(entry)[key] === choice[key]);
  };
  row("name", "Model", (text) => text);
  row("way", "Direction", (way) => way.replace("to", " → "));
  row("quantization", "Weights", (text) => text);
  $("choosers").replaceChildren(...rows);
  $("choosers").hidden = !rows.length;
  $("engine").querySelector("select").value = choice.accelerator;
}

function headline(name, task) {
  $("name").textContent = name;
  $("task").textContent = task;
}

function showModel() {
  const { metadata } = model;
  const [image, output] = [model.input("image"), model.output("image")];
  headline(metadata.name, `${PAPERS[metadata.model] ?? metadata.model} · ${metadata.task}`);
  document.title = `${metadata.name} · tfi2i`;
  $("about").textContent =
    `${PAPERS[metadata.model] ?? metadata.model}, version ${metadata.version}, made with tfi2i ${metadata.tfi2i}. ` +
    `Data: ${metadata.data ?? "not known"}. Licence: ${metadata.licence ?? "unknown"}.`;
  if (!image) stopCamera();
  $("input").hidden = !image;
  $("stage").classList.toggle("alone", !image);
  $("stage").style.setProperty("--ratio", (image ?? output).shape[2] / (image ?? output).shape[1]);
  $("samples").hidden = !image || !$("samples").childElementCount;
  $("heat-choice").hidden = !model.output("heatmap");
  $("output-canvas").hidden = true;
  $("waiting").hidden = false;
  $("save").disabled = true;
  $("numbers").textContent = "";
  $("stage").hidden = false;
  const made = { style: codeControl, noise: codeControl, label: labelControl };
  controls = metadata.inputs.filter(({ kind }) => made[kind]).map((input) => made[input.kind](input, refresh, settled));
  $("controls").replaceChildren(...controls.map((control) => control.element));
}

// From picture to result

let wanted = false;
let work;

/** Runs the model on what is chosen now; what changes while it runs is run next, once. Resolves when all is shown. */
function refresh() {
  wanted = true;
  work ??= (async () => {
    while (wanted) {
      wanted = false;
      await translate();
    }
  })().finally(() => (work = undefined));
  return work;
}

async function settled() {
  await work;
}

async function translate() {
  const current = model;
  const source = camera?.video ?? picture;
  const image = current?.input("image");
  if (!current || (image && !source)) return;
  const inputs = Object.fromEntries(controls.map((control) => [control.name, control.value()]));
  let inner, size;
  if (image) {
    const [, height, width] = image.shape;
    size = { width, height };
    const fitted = fit(source, { ...size, whole: $("whole").checked, mirrored: Boolean(camera?.mirrored) });
    inner = fitted.inner;
    inputs[image.name] = toTensor(fitted.pixels, image);
    show($("input-canvas"), toPixels(inputs[image.name], image), inner, size);
    $("input-canvas").hidden = false;
    $("empty").hidden = true;
  }
  try {
    const { outputs, ms } = await current.run(inputs);
    if (current === model) showResult(outputs, ms, inner, size);
  } catch (error) {
    if (current !== model) return; // another was opened meanwhile
    stopCamera();
    tell(error);
  }
}

function showResult(outputs, ms, inner, size) {
  const output = model.output("image");
  const pixels = toPixels(outputs[output.name], output);
  show($("output-canvas"), pixels, inner ?? { x: 0, y: 0, width: pixels.width, height: pixels.height }, size ?? pixels);
  $("output-canvas").hidden = false;
  $("waiting").hidden = true;
  $("save").disabled = false;
  for (const canvas of [$("input-canvas"), $("output-canvas")]) {
    canvas.classList.toggle("coarse", Math.max(canvas.width, canvas.height) < 48);
  }
  const heat = model.output("heatmap");
  $("heat-canvas").hidden = !heat || !$("heat").checked;
  if (heat && size) show($("heat-canvas"), heatColours(outputs[heat.name], heat), inner, size);
  const engine = model.accelerator === "webgpu" ? "GPU" : `CPU${model.threads > 1 ? `, ${model.threads} threads` : ""}`;
  const facts = [`${ms.toFixed(ms < 10 ? 1 : 0)} ms`, `${pixels.width} × ${pixels.height}`, engine];
  if (camera) facts.splice(1, 0, `${rate(camera.times).toFixed(0)} frames/s`);
  $("numbers").textContent = facts.join(" · ");
}

// Pictures

const usePicture = told(
  async (file) => {
    if (model && !model.input("image")) throw new Problem("this model takes no picture; open another model first");
    const decoded = await decode(file);
    stopCamera();
    clearAlert();
    picture?.close?.();
    picture = decoded;
    await refresh();
  },
  (file) => file.name,
);

function samples(files) {
  const buttons = files.map((file, k) => {
    const button = element("button", { type: "button" }, element("img", { src: file, alt: `Sample ${k + 1}` }));
    listen(button, "click", () => useSample(file));
    return button;
  });
  $("samples").replaceChildren(...buttons);
}

async function useSample(file) {
  const response = await fetch(file);
  const name = file.split("/").at(-1);
  if (!response.ok) throw new Problem(`${name} can't be fetched (${response.status})`);
  await usePicture(new File([await response.blob()], name));
}

/** What was dropped, pasted or chosen: a model, or else a picture. */
async function useFiles(files) {
  const file = [...files].at(0);
  if (!file) throw new Problem("no file in it (expected a picture or a .tflite file)");
  await (file.name.toLowerCase().endsWith(".tflite") ? openFile(file) : usePicture(file));
}

// Camera

async function startCamera() {
  camera = { ...(await openCamera()), times: [] };
  clearAlert();
  cameraButton(true);
  for (const now = camera; camera === now;) {
    await refresh();
    now.times.push(performance.now());
    if (now.times.length > 20) now.times.shift();
    await new Promise(requestAnimationFrame);
  }
}

function rate(times) {
  return times.length > 1 ? ((times.length - 1) * 1000) / (times.at(-1) - times[0]) : 0;
}

function stopCamera() {
  camera?.stop();
  camera = undefined;
  cameraButton(false);
}

function cameraButton(on) {
  $("camera").ariaPressed = String(on);
  $("camera").replaceChildren(icon(on ? "stop" : "camera"), on ? "Stop" : "Camera");
}

// Wiring

function listen(target, event, action) {
  target.addEventListener(event, told(action));
}

listen($("alert").querySelector("button"), "click", clearAlert);
listen($("open-model"), "click", () => $("model-file").click());
for (const id of ["empty", "choose"]) listen($(id), "click", () => $("picture-file").click());
for (const id of ["model-file", "picture-file"]) {
  listen($(id), "change", async ({ target }) => {
    await useFiles(target.files);
    target.value = ""; // so that the same file can be chosen again
  });
}
listen($("camera"), "click", () => (camera ? stopCamera() : startCamera()));
listen($("whole"), "change", refresh);
listen($("heat"), "change", refresh);
listen($("save"), "click", () => {
  const { name, way } = model.metadata;
  return download($("output-canvas"), `${[name, way].filter(Boolean).join("_")}.png`);
});
listen($("engine").querySelector("select"), "change", ({ target }) => {
  choice.accelerator = target.value;
  return openChosen();
});
listen(document, "paste", ({ clipboardData: { files } }) => files.length && useFiles(files));
listen(document, "dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dragging");
});
listen(document, "dragleave", ({ relatedTarget }) => relatedTarget ?? document.body.classList.remove("dragging"));
listen(document, "drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  return useFiles(event.dataTransfer.files);
});
addEventListener("error", ({ error, message }) => tell(error ?? message));
addEventListener("unhandledrejection", ({ reason }) => tell(reason));
navigator.gpu?.requestAdapter().then((adapter) => ($("engine").hidden = !adapter));

headline("Loading the model", "");
const ready = told(async () => {
  await readSite();
  await openChosen();
  const first = $("samples").querySelector("img");
  if (first && model?.input("image")) await useSample(first.getAttribute("src"));
})();

window.tfi2i = {
  ready, // a promise: the first model is open and shown, or its error is
  settled, // () => a promise: the page shows the result of all that was chosen
  get metadata() {
    return model?.metadata;
  },
  open: (bytes) => openFile(new File([bytes], "the model.tflite")),
  run: async (inputs) => {
    if (!model) throw new Problem("no model is open");
    return (await model.run(inputs)).outputs;
  },
};
