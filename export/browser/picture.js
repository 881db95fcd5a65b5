// Pictures to tensors and back.

import { Problem } from "./model.js";

/** @returns {Promise<ImageBitmap>} upright. @throws {Problem} where the file is no picture that the browser reads */
export async function decode(file) {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Problem("not a picture that this browser can read (expected PNG, JPEG, WebP or the like); try another");
  }
}

/**
 * Brings a picture to a model's size.
 *
 * @param {CanvasImageSource} source
 * @param {object} options
 * @param {number} options.width
 * @param {number} options.height
 * @param {boolean} [options.whole] keep all of it, between margins that its enlarged middle fills; else crop the middle
 * @param {boolean} [options.mirrored]
 * @returns {{pixels: ImageData, inner: {x: number, y: number, width: number, height: number}}} inner: without margins
 */
export function fit(source, { width, height, whole = false, mirrored = false }) {
  const [w, h] = [source.videoWidth || source.width, source.videoHeight || source.height];
  const { canvas, context } = canvasOf(width, height);
  context.fillStyle = "white"; // behind what is transparent
  context.fillRect(0, 0, width, height);
  if (mirrored) context.setTransform(-1, 0, 0, 1, width, 0);
  const put = (scale) => {
    const [x, y] = [Math.round((width - w * scale) / 2), Math.round((height - h * scale) / 2)];
    const size = [Math.max(1, Math.round(w * scale)), Math.max(1, Math.round(h * scale))];
    context.drawImage(source, x, y, ...size);
    return { x: Math.max(0, x), y: Math.max(0, y), width: Math.min(width, size[0]), height: Math.min(height, size[1]) };
  };
  let inner = put(Math.max(width / w, height / h));
  if (whole) inner = put(Math.min(width / w, height / h));
  return { pixels: context.getImageData(0, 0, canvas.width, canvas.height), inner };
}

/** ImageData to Float32Array (1, H, W, C) in the range of an input's description; one channel is luma (ITU-R 601). */
export function toTensor({ data }, { shape, range: [low, high] }) {
  const channels = shape[3];
  const scale = (high - low) / 255;
  const tensor = new Float32Array((data.length / 4) * channels);
  for (let pixel = 0, k = 0; pixel < data.length; pixel += 4) {
    if (channels === 3) for (let c = 0; c < 3; c += 1) tensor[k++] = data[pixel + c] * scale + low;
    else
      tensor[k++] = Math.round(0.299 * data[pixel] + 0.587 * data[pixel + 1] + 0.114 * data[pixel + 2]) * scale + low;
  }
  return tensor;
}

/** The way back, rounded to 8 bits. */
export function toPixels(tensor, { shape: [, height, width, channels], range: [low, high] }) {
  const pixels = new ImageData(width, height);
  for (let pixel = 0, k = 0; k < tensor.length; pixel += 4, k += channels) {
    for (let c = 0; c < 3; c += 1) {
      pixels.data[pixel + c] = ((tensor[k + (c % channels)] - low) / (high - low)) * 255; // clamped and rounded
    }
    pixels.data[pixel + 3] = 255;
  }
  return pixels;
}

/** A heat map (1, h, w, 1), brought to [0, 1], in the colours from blue over green to red. */
export function heatColours(heat, { shape: [, height, width] }) {
  const [least, most] = heat.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  const pixels = new ImageData(width, height);
  heat.forEach((value, k) => {
    const t = most > least ? (value - least) / (most - least) : 0;
    const colour = [3, 2, 1].map((peak) => 255 * Math.min(1, Math.max(0, 1.5 - Math.abs(4 * t - peak))));
    pixels.data.set([...colour, 255], 4 * k);
  });
  return pixels;
}

/** Shows on a canvas the part of pixels inside `inner`, which is in pixels of an image of the size `of`. */
export function show(canvas, pixels, inner, of) {
  const [kx, ky] = [pixels.width / of.width, pixels.height / of.height];
  canvas.width = Math.max(1, Math.round(inner.width * kx));
  canvas.height = Math.max(1, Math.round(inner.height * ky));
  canvas.getContext("2d").putImageData(pixels, -Math.round(inner.x * kx), -Math.round(inner.y * ky));
}

export async function download(canvas, name) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const canvases = new Map();

/** One canvas for each size, since the camera asks for it many times a second. */
function canvasOf(width, height) {
  const size = `${width}x${height}`;
  if (!canvases.has(size)) {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvases.set(size, { canvas, context: canvas.getContext("2d", { willReadFrequently: true }) });
  }
  const { canvas, context } = canvases.get(size);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.imageSmoothingQuality = "high";
  return { canvas, context };
}
