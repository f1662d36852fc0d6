// A photograph taken now: with a telephone's own camera program, or on a laptop in a small window of the page.

/**
 * The photograph as a Blob; null if the reader thinks better of it. To be called as the reader presses a button.
 *
 * words: {cameraTitle, cameraShoot, cameraCancel}, in the language of the page.
 * Throws an Error whose message is a key of picture_texts.js where there is no camera, or the page may not use it.
 */
export async function takePhoto(words) {
  return matchMedia("(pointer: coarse)").matches ? fromTelephone() : fromWindow(await openCamera(), words);
}

function fromTelephone() {
  return new Promise(resolve => {
    const input = Object.assign(document.createElement("input"), { type: "file", accept: "image/*" });
    input.setAttribute("capture", "environment");
    input.addEventListener("change", () => resolve(input.files[0] ?? null));
    input.addEventListener("cancel", () => resolve(null));
    input.click();
  });
}

async function openCamera() {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("cameraNeedsSecure");      // a page over plain http
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, facingMode: "environment" } });
  } catch (error) {
    throw new Error(error.name === "NotAllowedError" ? "cameraForbidden" : "cameraMissing");
  }
}

/** Show what the camera sees until the reader shoots or closes the window; the camera is off afterwards. */
async function fromWindow(stream, words) {
  const video = Object.assign(document.createElement("video"), { srcObject: stream, muted: true, playsInline: true });
  const dialog = makeDialog(video, words);
  try {
    document.body.append(dialog);
    dialog.showModal();
    await video.play();
    dialog.querySelector("[value=shoot]").disabled = false;
    await new Promise(resolve => dialog.addEventListener("close", resolve));
    return dialog.returnValue === "shoot" ? await frameOf(video) : null;
  } finally {
    stream.getTracks().forEach(track => track.stop());
    dialog.remove();
  }
}

function makeDialog(video, words) {
  const dialog = document.createElement("dialog"), buttons = document.createElement("form");
  dialog.className = "camera";
  dialog.setAttribute("aria-label", words.cameraTitle);
  buttons.method = "dialog";
  for (const [value, text] of [["shoot", words.cameraShoot], ["cancel", words.cameraCancel]])
    buttons.append(Object.assign(document.createElement("button"), { value, textContent: text, disabled: value === "shoot" }));
  dialog.append(video, buttons);
  return dialog;
}

function frameOf(video) {
  const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise(resolve => canvas.toBlob(resolve, "image/png"));
}
