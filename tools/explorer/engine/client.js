// The engine as the page sees it: promises of answers from a worker.

export class Engine {
  // workerSource: the worker's whole program, which a page from a file could not load by its address.
  constructor(workerSource) {
    const address = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
    this._worker = new Worker(address);
    this._waiting = new Map();
    this._sent = 0;
    this._stopped = null;
    this._worker.onmessage = ({ data }) => this._receive(data);
    this._worker.onerror = ({ message }) => this._fail(new Error(`The engine stopped: ${message}`));
  }

  // Keeps the network under description.name. weightsBase64: what networks/NAME.js brings.
  load(description, weightsBase64) {
    return this._do("load", description, weightsBase64);
  }

  // The bytes of SqueezeNet's file as ncnn's zoo publishes it, and the names of its 1000 classes or null -> its description.
  loadSqueezenet(buffer, names) {
    return this._do("loadSqueezenet", buffer, names);
  }

  // The same network with its last layer's weights thrown by dice -> the name under which it is kept until others are thrown.
  dice(name, seed) {
    return this._do("dice", name, seed);
  }

  // {network, image: {values, height, width, channels}, question?, choices: [{method, layer|null, classIndex|null}]}
  //   -> {scores, probabilities, predicted, caption, milliseconds,
  //       answers: [{method, layer, classIndex, pixels, signed, height, width, channels, values}]}
  // An image of another size is resized. question: of a network whose description has question.kind "pair", [kind, colour]; of
  // one with "word", the number of the word in the caption that the network writes, 0 to 8; `caption`: its words' numbers.
  ask(request) {
    return this._do("ask", request);
  }

  // {network, image, question?, layer, classIndex, method, count} -> {height, width, Z, channels, sums, total}
  open(request) {
    return this._do("open", request);
  }

  _do(task, ...given) {
    if (this._stopped) return Promise.reject(this._stopped);
    return new Promise((resolve, reject) => {
      this._waiting.set(++this._sent, { resolve, reject });
      this._worker.postMessage({ id: this._sent, task, given });
    });
  }

  _receive({ id, answer, error }) {
    const { resolve, reject } = this._waiting.get(id);
    this._waiting.delete(id);
    if (error === undefined) resolve(answer);
    else reject(new Error(error));
  }

  _fail(error) {
    this._stopped = error;                                      // nothing would answer what is asked later
    for (const { reject } of this._waiting.values()) reject(error);
    this._waiting.clear();
  }
}
