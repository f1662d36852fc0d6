// The networks that the worker has, each loaded once, and what is asked of them.

import { catalog, networkFile } from "./catalog.js";

export class Networks {
  #loaded = new Map();          // name -> promise of its description

  /** onLoading(name) is called before a network is fetched. */
  constructor(engine, onLoading) {
    this.engine = engine;
    this.onLoading = onLoading;
  }

  /** The network's description; it is in the worker then. */
  description(name) {
    if (!this.#loaded.has(name)) this.#loaded.set(name, this.#load(name).catch(error => { this.#loaded.delete(name); throw error; }));
    return this.#loaded.get(name);
  }

  async #load(name) {
    this.onLoading(name);
    const { description, weights } = await networkFile(name);
    await this.engine.load(description, weights);
    return description;
  }

  /** SqueezeNet from its file, with the names of its classes or null. Throws an Error with a sentence for another file. */
  async loadSqueezenet(bytes, classes) {
    const description = await this.engine.loadSqueezenet(bytes, classes);
    this.#loaded.set("squeezenet", Promise.resolve(description));
    return description;
  }

  has(name) { return this.#loaded.has(name); }

  /** The name under which the worker knows the network with the head that dice threw; dice: 0 for the trained one. */
  async nameOf(name, dice) {
    const { name: known } = await this.description(name);
    return dice ? this.engine.dice(known, dice) : known;
  }
}

/** {name, group, set, title} of a network in the catalog. */
export function listed(name) {
  return catalog.networks.find(network => network.name === name);
}
