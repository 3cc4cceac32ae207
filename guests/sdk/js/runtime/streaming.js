// `awslambda`, as Node.js has it on Lambda: handlers that stream their response. Only a guest whose code names it has
// this module, since hosts that know nothing of streams refuse what it imports: `streaming.js` beside `build.js`.

import wire from "guesthouse:lambda/response-stream@0.1.0";
import { HandlerError } from "./errors.js";
import { awaited, settled } from "./loop.js";
import { Writable } from "./node/stream.js";
import { encode } from "./text.js";

// By these AWS's runtime and other tools know a handler that streams.
const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const HIGH_WATER_MARK = Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark");

const PRELUDE = "application/vnd.awslambda.http-integration-response";

class ResponseStream extends Writable {
  #type = "application/octet-stream";
  #isBegun = false; // somebody has written
  #isOpen = false;
  #isOver = false;

  setContentType(type) {
    if (this.#isBegun) {
      const error = new Error("Cannot set content-type, too late.");
      error.name = "Runtime.InvalidStreamingOperation";
      throw error;
    }
    if (/[^\t\x20-\x7e\x80-\xff]/.test(type)) {
      throw Object.assign(new TypeError('Invalid character in header content ["Content-Type"]'), { code: "ERR_INVALID_CHAR" });
    }
    this.#type = String(type);
  }

  // What is neither a text nor bytes is written as JSON.
  write(chunk, ...more) {
    this.#isBegun = true;
    const isPlain = typeof chunk === "string" || chunk instanceof Uint8Array || chunk == null;
    return super.write(isPlain ? chunk : JSON.stringify(chunk), ...more);
  }

  // The host returns when it has taken the bytes, so that nothing is ever held here.
  _write(bytes, encoding, callback) {
    this.#tell(callback, () => this.#send(bytes));
  }

  // A response that nothing was written to is sent, too.
  _final(callback) {
    this.#tell(callback, () => this.#open());
  }

  // Ends it with its invocation: what writes later must not write into another response.
  leave() {
    this.#isOver = true;
  }

  #send(bytes) {
    this.#open();
    if (bytes.length > 0) {
      wire.write(bytes);
    }
  }

  #open() {
    if (this.#isOver) {
      throw Object.assign(new Error("the invocation of this response has ended"), { code: "EPIPE" });
    }
    if (!this.#isOpen) {
      this.#isBegun = this.#isOpen = true;
      wire.open(this.#type);
      // By AWS's name for it, which others set, too.
      this._onBeforeFirstWrite?.((chunk) => wire.write(typeof chunk === "string" ? encode(chunk) : chunk));
    }
  }

  #tell(callback, call) {
    let problem = null;
    try {
      call();
    } catch (error) {
      problem = error.payload === undefined ? error : PROBLEMS[error.payload]();
    }
    callback(problem);
  }
}

const PROBLEMS = {
  "wrong-state": () => new Error("the response can't be streamed now: it was begun before, or no event is handled"),
  "invalid-content-type": () => new TypeError("the content type can't stand in a header"),
  closed: () => Object.assign(new Error("nobody receives the rest of the response"), { code: "EPIPE" }),
};

globalThis.awslambda = {
  streamifyResponse(handler, options) {
    handler[STREAMING] = "response";
    if (typeof options?.highWaterMark === "number") {
      handler[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark);
    }
    return handler;
  },

  HttpResponseStream: class HttpResponseStream {
    // Has the response begin with a status, headers and cookies.
    static from(stream, prelude) {
      stream.setContentType(PRELUDE);
      const text = JSON.stringify(prelude);
      stream._onBeforeFirstWrite = (write) => {
        write(text);
        write(new Uint8Array(8));
      };
      return stream;
    }
  },
};

export const isStreaming = (handle) => handle[STREAMING] === "response";

// Returns when the response has ended, or throws what the handler failed with.
export function streamed(handle, event, context) {
  const stream = new ResponseStream({ highWaterMark: handle[HIGH_WATER_MARK] });
  let broken;
  stream.on("error", (error) => (broken ??= { error }));
  try {
    let returned;
    const value = awaited(() => (returned = handle(event, stream, context)));
    if (typeof returned?.then !== "function") {
      throw new Error("Streaming does not support non-async handlers.");
    }
    if (value !== undefined) {
      console.warn("Streaming handlers ignore return values.");
    }
    settled(() => stream.writableFinished || stream.destroyed);
  } catch (error) {
    // Who waits for a broken stream waits for ever.
    const isStuck = error instanceof HandlerError && error.type === "Runtime.NeverSettled";
    throw isStuck && broken ? broken.error : error;
  } finally {
    stream.leave();
  }
  if (broken) {
    throw broken.error;
  }
  if (!stream.writableFinished) {
    throw new Error("Response stream is not finished.");
  }
}
