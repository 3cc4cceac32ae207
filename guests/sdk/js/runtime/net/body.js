// The body of a response, read when it is asked for: what nobody reads stays with the host, which stops the sender.

import { networkError } from "./errors.js";
import { stopWaiting, whenReady } from "./poll.js";
import http from "wasj:http/types@0.2.1";

const CHUNK = 65536;

export class IncomingBody {
  #incoming;
  #stream;
  #waiting;
  #onEnd;

  constructor(incoming, onEnd) {
    this.#incoming = incoming;
    this.#stream = incoming.stream();
    this.#onEnd = onEnd;
  }

  // Calls `done` with the next bytes, or with null at the end, or `fail` with an error; at once if they are there.
  read(done, fail) {
    if (this.#stream === undefined) {
      done(null);
      return;
    }
    let chunk;
    try {
      chunk = this.#stream.read(CHUNK);
    } catch (error) {
      const broken = problem(error);
      this.close();
      broken === undefined ? done(null) : fail(broken);
      return;
    }
    if (chunk.length > 0) {
      done(chunk);
      return;
    }
    this.#waiting = whenReady(this.#stream.subscribe(), () => {
      this.#waiting = undefined;
      this.read(done, fail);
    });
  }

  // Lets go of the response, read or not.
  close() {
    if (this.#stream !== undefined) {
      this.#waiting && stopWaiting(this.#waiting);
      this.#stream[Symbol.dispose]();
      this.#stream = undefined;
      this.#incoming[Symbol.dispose]();
      this.#onEnd();
    }
  }
}

// Returns what broke a stream, or undefined where it only ended.
function problem(thrown) {
  const { payload } = thrown;
  if (payload === undefined) {
    return thrown;
  }
  if (payload === "closed" || payload.tag === "closed") {
    return undefined;
  }
  const error = payload.val;
  let code;
  try {
    code = http.httpErrorCode(error);
  } catch {
    // It has no code.
  }
  const text = code == null ? error?.toDebugString?.() : undefined;
  error?.[Symbol.dispose]?.();
  return networkError(code ?? { tag: "stream", val: text });
}
