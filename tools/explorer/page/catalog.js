// What lies beside the page: networks and images, each a script that hands itself over when it is loaded.
// A page that is opened from a file may load scripts, but may not read files in any other way.

export const catalog = JSON.parse(document.getElementById("catalog").textContent);

const arrived = { networks: {}, images: {} }, underway = {};

/** To be called once, before any script is loaded. */
export function receive() {
  globalThis.course = Object.assign(globalThis.course ?? {}, {
    network: (name, description, weights) => { arrived.networks[name] = { description, weights }; },
    images: (set, images) => { arrived.images[set] = images; },
  });
}

/** {description, weights} of a network; the weights are handed out once. Throws an Error with the key "fileMissing". */
export async function networkFile(name) {
  await script(`networks/${name}.js`);
  const file = arrived.networks[name];
  delete arrived.networks[name];          // they lie in the worker from now on
  if (!file) throw new Error("fileMissing");
  return file;
}

/** The images of a set, as tools/explorer/subjects.py lists them. */
export async function imagesOf(set) {
  if (!arrived.images[set]) await script(`images/${set}.js`);
  if (!arrived.images[set]) throw new Error("fileMissing");
  return arrived.images[set];
}

function script(address) {
  underway[address] ??= new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = address;
    element.addEventListener("load", resolve);
    element.addEventListener("error", () => {
      delete underway[address];         // the next try may find it
      element.remove();
      reject(new Error("fileMissing"));
    });
    document.head.append(element);
  });
  return underway[address];
}

/** The pixels of a listed image: {values, height, width, channels} in [0, 1]; kept, for the same one is asked about often. */
export async function pixelsOf(image, channels) {
  const key = `pixels${channels}`;
  image[key] ??= await decoded(image.src, channels);
  image.size = { height: image[key].height, width: image[key].width };
  return image[key];
}

async function decoded(src, channels) {
  const picture = new Image();
  picture.src = src;
  await picture.decode();
  const { naturalWidth: width, naturalHeight: height } = picture;
  const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const values = new Float32Array(height * width * channels);
  for (let n = 0; n < values.length; n++) values[n] = data[4 * Math.floor(n / channels) + n % channels] / 255;
  return { values, height, width, channels };
}
