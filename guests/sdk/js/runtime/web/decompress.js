// Bodies with a `content-encoding`, decoded while they are read.

import { Decompress, Gunzip, Inflate, Unzlib } from "fflate";

// Compressed bytes that are decoded at a time: some of them may be a thousand times as many when decoded.
const SLICE = 8192;

// What `fetch` asks servers for.
export const ACCEPTED = "gzip, deflate";

// A body that is read as `IncomingBody` is. Returns undefined for an encoding that nobody here knows.
export function decoded(body, encodings) {
  const names = encodings.toLowerCase().split(",").map((name) => name.trim()).filter((name) => name !== "" && name !== "identity");
  if (names.length === 0 || !names.every((name) => /^(x-)?gzip$|^deflate$/.test(name))) {
    return undefined;
  }
  return names.reverse().reduce((inner, name) => new DecodedBody(inner, name === "deflate" ? new Decompress() : new Gunzip()), body);
}

class DecodedBody {
  #inner;
  #decoder;
  #output = [];
  #input = new Uint8Array(0);
  #isBegun = false;
  #isOver = false;

  constructor(inner, decoder) {
    this.#inner = inner;
    this.#decoder = decoder;
    decoder.ondata = (chunk) => chunk.length > 0 && this.#output.push(chunk);
  }

  read(done, fail) {
    try {
      while (this.#output.length === 0 && this.#input.length > 0) {
        this.#decoder.push(this.#input.slice(0, SLICE), false);
        this.#input = this.#input.subarray(SLICE);
      }
    } catch (error) {
      this.close();
      fail(broken(error));
      return;
    }
    if (this.#output.length > 0) {
      done(this.#output.shift());
    } else if (this.#isOver) {
      done(null);
    } else {
      this.#inner.read((chunk) => this.#take(chunk, done, fail), fail);
    }
  }

  #take(chunk, done, fail) {
    if (chunk !== null) {
      this.#isBegun = true;
      this.#input = chunk;
    } else {
      this.#isOver = true;
      try {
        // An empty body is none that is cut off.
        this.#isBegun && this.#decoder.push(new Uint8Array(0), true);
      } catch (error) {
        fail(broken(error));
        return;
      }
    }
    // Not on this stack, which would grow with each chunk that makes no output.
    queueMicrotask(() => this.read(done, fail));
  }

  close() {
    this.#isOver = true;
    this.#output = [];
    this.#input = new Uint8Array(0);
    this.#inner.close();
  }
}

const broken = (error) => Object.assign(new Error(`the compressed body is broken: ${error.message}`), { code: "Z_DATA_ERROR" });

// For `DecompressionStream` and `node:zlib`.
export const decoders = { gzip: Gunzip, deflate: Unzlib, "deflate-raw": Inflate };
