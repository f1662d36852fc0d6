// SqueezeNet's weights out of the file that ncnn's zoo publishes (lecture_utils/squeezenet.py reads the same).

import { half } from "./bytes.js";

const MARK = 0x01306B47;         // before weights in half precision

// All weights as the description orders them, float32; or an Error that says what is wrong with the file.
// Of each convolution the file holds a mark, float16 weights (out, in, height, width) filled up to four bytes, float32 biases.
export function squeezenetWeights(buffer, description) {
  const view = new DataView(buffer), layers = description.nodes.filter(({ op }) => op === "convolution");
  const numbers = new Float32Array(layers.reduce((sum, { weights: { bias } }) => Math.max(sum, bias.offset + bias.shape[0]), 0));
  let at = 0;
  layers.forEach(({ name: node, weights: { kernel, bias } }, layer) => {
    const name = node.replace("/linear", ""), [height, width, inputs, outputs] = kernel.shape;
    const end = at + 4 + 4 * Math.ceil(height * width * inputs * outputs / 2) + 4 * outputs;
    if (end > buffer.byteLength)
      throw new Error(`The file ends within the weights of ${name}: it is damaged, or another network's.`);
    if (view.getUint32(at, true) !== MARK)
      throw new Error(`The file is not SqueezeNet's: before the weights of ${name} stands another mark.`);
    for (let o = 0, from = at + 4; o < outputs; o++)
      for (let i = 0; i < inputs; i++)
        for (let place = 0; place < height * width; place++, from += 2) {
          const input = layer ? i : inputs - 1 - i;             // the file's first layer takes blue first, ours red
          numbers[kernel.offset + (place * inputs + input) * outputs + o] = half(view.getUint16(from, true));
        }
    for (let o = 0; o < outputs; o++) numbers[bias.offset + o] = view.getFloat32(end - 4 * outputs + 4 * o, true);
    at = end;
  });
  const more = buffer.byteLength - at;
  if (more) throw new Error(`The file goes on for ${more} bytes after SqueezeNet's last weights: it is another network's.`);
  return numbers;
}
