// `Blob` and `File`, in memory.

import { decode } from "../text.js";
import { bytesOf, concat } from "./bytes.js";
import { ReadableStream } from "./streams.js";

export let blobBytes;

export const Blob = class Blob {
  #bytes;
  #type;

  constructor(parts = [], { type = "" } = {}) {
    this.#bytes = concat(Array.from(parts, (part) => (part instanceof Blob ? part.#bytes : bytesOf(part).slice())));
    this.#type = /^[ -~]*$/.test(type) ? String(type).toLowerCase() : "";
  }

  get size() {
    return this.#bytes.length;
  }

  get type() {
    return this.#type;
  }

  async arrayBuffer() {
    return this.#bytes.slice().buffer;
  }

  async bytes() {
    return this.#bytes.slice();
  }

  async text() {
    return decode(this.#bytes);
  }

  slice(start, end, type = "") {
    return new Blob([this.#bytes.slice(start, end)], { type });
  }

  stream() {
    const bytes = this.#bytes;
    return new ReadableStream({
      start(controller) {
        bytes.length > 0 && controller.enqueue(bytes.slice());
        controller.close();
      },
    });
  }

  get [Symbol.toStringTag]() {
    return this instanceof File ? "File" : "Blob";
  }

  static {
    blobBytes = (blob) => blob.#bytes;
  }
};

export const File = class File extends Blob {
  constructor(parts, name, options = {}) {
    super(parts, options);
    this.name = String(name);
    this.lastModified = options.lastModified ?? Date.now();
  }
};
