// Writes the body of a request as fast as the host takes it, and asks for more of it only then.

import http from "wasj:http/types@0.2.1";
import { stopWaiting, whenReady } from "./poll.js";

// Begins to write, and returns `{ stop }`. `onError` is called with what the body's source throws, `onEnd` with whether
// the host took everything: of a request whose body it does not take, the response says why.
export function writeBody(sink, body, onError, onEnd = () => {}) {
  return new Writing(sink, body, onError, onEnd);
}

// Breaks off whatever is being written.
export const stopWriting = () => active.forEach((writing) => writing.stop());

// What is still being written, so that the engine does not drop it in an order of its own: see `body.js`.
const active = new Set();

class Writing {
  #sink;
  #stream;
  #source;
  #waiting;
  #onError;
  #onEnd;

  constructor(sink, body, onError, onEnd) {
    this.#sink = sink;
    this.#stream = sink.write();
    this.#onError = onError;
    this.#onEnd = onEnd;
    active.add(this);
    if (body instanceof Uint8Array) {
      this.#write(body, 0, () => this.#finish());
    } else {
      this.#source = body[Symbol.asyncIterator]?.() ?? body[Symbol.iterator]();
      this.#pull();
    }
  }

  #pull() {
    Promise.try(() => this.#source.next()).then(
      ({ value, done }) => {
        if (this.#stream === undefined) {
          return;
        }
        done ? this.#finish() : this.#write(value, 0, () => this.#pull());
      },
      (error) => {
        this.#source = undefined;
        this.stop();
        this.#onError(error);
      },
    );
  }

  #write(bytes, from, then) {
    let at = from;
    try {
      while (at < bytes.length) {
        const room = Number(this.#stream.checkWrite());
        if (room === 0) {
          this.#waiting = whenReady(this.#stream.subscribe(), () => {
            this.#waiting = undefined;
            this.#write(bytes, at, then);
          });
          return;
        }
        const end = Math.min(bytes.length, at + room);
        this.#stream.write(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
        at = end;
      }
    } catch {
      this.stop();
      this.#onEnd(false);
      return;
    }
    then();
  }

  #finish() {
    const sink = this.#sink;
    try {
      this.#stream.flush();
    } catch {
      // The response says why.
    }
    this.#source = undefined;
    this.#drop();
    let isWhole = true;
    try {
      http.OutgoingBody.finish(sink, undefined);
    } catch {
      // As above: a body that is shorter than its `content-length`, for one.
      isWhole = false;
    }
    this.#onEnd(isWhole);
  }

  // Breaks the request off if it is not sent yet.
  stop() {
    if (this.#stream !== undefined) {
      const sink = this.#sink;
      this.#drop();
      sink[Symbol.dispose]();
      Promise.try(() => this.#source?.return?.()).then(undefined, () => {});
    }
  }

  #drop() {
    this.#waiting && stopWaiting(this.#waiting);
    this.#stream?.[Symbol.dispose]();
    this.#stream = undefined;
    active.delete(this);
  }
}
