// What `Request` and `Response` have in common: a body, which is read once.

import { decode } from "../text.js";
import { Blob, blobBytes } from "./blob.js";
import { bytesOf, concat, isBytes } from "./bytes.js";
import { FormData, multipart, parseForm } from "./form.js";
import { ReadableStream } from "./streams.js";

export let sourceOf;

// A source is null, bytes, a `ReadableStream`, or what `IncomingBody` is, which becomes a stream only for who wants one.
export class Body {
  #source;
  #isUsed = false;

  constructor(source) {
    this.#source = source;
  }

  get bodyUsed() {
    return this.#isUsed || (this.#source instanceof ReadableStream && Boolean(this.#source._disturbed));
  }

  get body() {
    if (this.#source !== null && !(this.#source instanceof ReadableStream)) {
      this.#source = this.#isUsed ? usedStream() : streamOf(this.#source);
    }
    return this.#source;
  }

  async bytes() {
    return this.#take();
  }

  async arrayBuffer() {
    const bytes = await this.#take();
    return bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
  }

  async text() {
    return textOf(await this.#take());
  }

  async json() {
    return JSON.parse(textOf(await this.#take()));
  }

  async blob() {
    return new Blob([await this.#take()], { type: this.headers.get("content-type") ?? "" });
  }

  async formData() {
    return parseForm(await this.#take(), this.headers.get("content-type") ?? "");
  }

  // Returns all of the bytes, or their promise.
  #take() {
    this.requireUnused();
    const source = this.#source;
    this.#isUsed = source !== null;
    if (source === null) {
      return new Uint8Array(0);
    }
    if (source instanceof Uint8Array) {
      return source.slice();
    }
    return source instanceof ReadableStream ? readStream(source) : readIncoming(source);
  }

  requireUnused() {
    if (this.bodyUsed || this.#source?.locked) {
      throw new TypeError("Body is unusable: Body has already been read");
    }
  }

  // Makes two of the source: returns that for a clone.
  split() {
    this.requireUnused();
    if (this.#source === null || this.#source instanceof Uint8Array) {
      return this.#source;
    }
    const [mine, other] = this.body.tee();
    this.#source = mine;
    return other;
  }

  static {
    // Hands the source over to `fetch` or to another request.
    sourceOf = (body) => {
      body.requireUnused();
      const source = body.#source;
      body.#isUsed = source !== null;
      return source;
    };
    Object.defineProperty(this.prototype, "requireUnused", { enumerable: false });
  }
}

// Returns the source for what a user gives as a body, and the type that goes with it.
export function sourceFor(body) {
  if (body == null) {
    return [null];
  }
  if (typeof body === "string") {
    return [bytesOf(body), "text/plain;charset=UTF-8"];
  }
  if (isBytes(body)) {
    return [bytesOf(body).slice()];
  }
  if (body instanceof Blob) {
    return [blobBytes(body), body.type || undefined];
  }
  if (body instanceof FormData) {
    const { bytes, type } = multipart(body);
    return [bytes, type];
  }
  if (body instanceof ReadableStream) {
    if (body.locked) {
      throw new TypeError("Response body object should not be disturbed or locked");
    }
    return [(!body._disturbed && sources.get(body)) || body];
  }
  if (Object.prototype.toString.call(body) === "[object URLSearchParams]" || body.constructor?.name === "URLSearchParams") {
    return [bytesOf(String(body)), "application/x-www-form-urlencoded;charset=UTF-8"];
  }
  // As undici takes them: streams of Node, for one.
  return typeof body[Symbol.asyncIterator] === "function" ? [ReadableStream.from(body)] : [bytesOf(String(body)), "text/plain;charset=UTF-8"];
}

function textOf(bytes) {
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return decode(hasMark ? bytes.subarray(3) : bytes);
}

function readIncoming(incoming) {
  return new Promise((resolve, reject) => {
    const parts = [];
    const more = () => {
      // Synchronous reads go round this loop, not down the stack.
      let isInside = true;
      let isAgain = true;
      while (isAgain) {
        isAgain = false;
        incoming.read((chunk) => {
          if (chunk === null) {
            resolve(concat(parts));
            return;
          }
          parts.push(chunk);
          isInside ? (isAgain = true) : more();
        }, reject);
      }
      isInside = false;
    };
    more();
  });
}

async function readStream(stream) {
  const parts = [];
  for await (const chunk of stream) {
    if (!isBytes(chunk)) {
      throw new TypeError("Received non-Uint8Array chunk");
    }
    parts.push(bytesOf(chunk));
  }
  return concat(parts);
}

// What streams were made of, for who makes another body of one that nobody has read: frameworks do, to change headers.
const sources = new WeakMap();

function streamOf(source) {
  const stream = source instanceof Uint8Array ? streamOfBytes(source) : streamOfIncoming(source);
  sources.set(stream, source);
  return stream;
}

function streamOfBytes(bytes) {
  return new ReadableStream({
    type: "bytes",
    start(controller) {
      bytes.length > 0 && controller.enqueue(bytes.slice());
      controller.close();
    },
  });
}

function streamOfIncoming(source) {
  return new ReadableStream(
    {
      type: "bytes",
      pull: (controller) =>
        new Promise((resolve, reject) => {
          source.read((chunk) => {
            chunk === null ? controller.close() : controller.enqueue(chunk);
            // A reader with its own buffer waits still, at the end.
            chunk === null && controller.byobRequest?.respond(0);
            resolve();
          }, reject);
        }),
      cancel: () => source.close(),
    },
    { highWaterMark: 0 },
  );
}

function usedStream() {
  const stream = streamOf(new Uint8Array(0));
  stream.getReader();
  return stream;
}
