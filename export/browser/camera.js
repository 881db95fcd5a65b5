// The camera as a video element that plays.

import { element } from "./controls.js";
import { Problem } from "./model.js";

const REFUSED = {
  NotAllowedError: "the camera was refused; allow it in the browser's settings for this page",
  NotFoundError: "no camera found; choose a picture",
  NotReadableError: "the camera is busy in another program; close that and try again",
};

/**
 * @returns {Promise<{video: HTMLVideoElement, mirrored: boolean, stop: () => void}>} mirrored: to show as a mirror does
 * @throws {Problem} where there is none, or it is refused
 */
export async function openCamera() {
  if (!navigator.mediaDevices) {
    throw new Problem("no camera: browsers lend it to localhost and https pages only; choose a picture");
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 640 } } });
  } catch (error) {
    throw new Problem(REFUSED[error.name] ?? `the camera did not start: ${error.message}`);
  }
  const video = element("video", { srcObject: stream, muted: true, playsInline: true });
  await video.play();
  return {
    video,
    mirrored: stream.getVideoTracks()[0].getSettings().facingMode !== "environment",
    stop: () => stream.getTracks().forEach((track) => track.stop()),
  };
}
