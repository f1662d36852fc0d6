// SqueezeNet, whose file does not come with the page: fetched when somebody asks for it, or opened from this computer.

import { catalog } from "./catalog.js";
import { of } from "./making.js";

const waiting = { bytes: null, classes: null };

/** Fills the dialog and listens to it; to be called once. */
export function prepareSqueezenet(page) {
  of("squeezenet-file").href = catalog.squeezenet.url;
  of("squeezenet-classes").href = catalog.squeezenet.classes;
  of("squeezenet-open").addEventListener("click", () => of("file").click());
  of("squeezenet-fetch").addEventListener("click", async () => {
    of("squeezenet-status").textContent = page.words.squeezenetFetching;
    try {
      const [bytes, classes] = await Promise.all([catalog.squeezenet.url, catalog.squeezenet.classes].map(fetched));
      await page.takeFiles([new File([bytes], "squeezenet.bin"), new File([classes], "classes.json")]);
    } catch {
      of("squeezenet-status").textContent = page.words.squeezenetFailed;
    }
  });
}

async function fetched(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(response.status);
  return response.arrayBuffer();
}

/**
 * Loads SqueezeNet if its file is among `files` or came before; returns its description, or null for files that are none of it.
 *
 * A .bin is the network, a .json the names of the classes; whichever comes first waits for the other, the network only if there
 * are no names at all. Throws an Error with a key of the texts where the network is still missing, and for files that are none
 * of these.
 */
export async function takeSqueezenet(files, networks, words) {
  const bin = files.find(({ name }) => name.endsWith(".bin")), json = files.find(({ name }) => name.endsWith(".json"));
  if (!bin && !json) return null;
  if (json) waiting.classes = await classesIn(json);
  if (bin) waiting.bytes = await bin.arrayBuffer();
  if (!waiting.bytes) throw new Error("squeezenetMissing");
  const names = waiting.classes ?? Array.from({ length: 1000 }, (_, number) => words.classNumber.replace("{number}", number));
  try {
    const description = await networks.loadSqueezenet(waiting.bytes, names);
    of("squeezenet").close();
    return description;
  } catch {
    waiting.bytes = null;
    throw new Error("squeezenetWrong");
  }
}

/** The thousand names of Keras' file, {"0": ["n01440764", "tench"], …}. */
async function classesIn(file) {
  try {
    const all = JSON.parse(await file.text()), names = Array.from({ length: 1000 }, (_, n) => all[n][1].replaceAll("_", " "));
    return names;
  } catch {
    throw new Error("squeezenetNames");
  }
}
