// The body of a response, read when it is asked for: what nobody reads stays with the host, which stops the sender.

import { networkError } from "./errors.js";
import { stopWaiting, whenReady } from "./poll.js";
import http from "wasj:http/types@0.2.1";

const CHUNK = 65536;

// Bodies that nobody has read to their end keep a connection each, and the host gives an instance 64. From so many on,
// they are received without being asked for, up to a chunk each.
const MANY = 32;

// What the host holds for bodies. The engine would drop what it finds unused in any order, and the host takes a stream
// only before its body.
const held = new Set();

class Held {
  waiting;

  constructor(incoming, onEnd, owner) {
    this.incoming = incoming;
    this.stream = incoming.stream();
    this.onEnd = onEnd;
    this.owner = new WeakRef(owner);
    held.add(this);
  }

  drop() {
    if (held.delete(this)) {
      this.waiting && stopWaiting(this.waiting);
      this.stream[Symbol.dispose]();
      this.incoming[Symbol.dispose]();
      this.onEnd();
    }
  }
}

let keptLast = 0; // after the last collection

// Lets go of bodies that nobody can read any more, and receives small ones where there are many.
export function tidyBodies() {
  if (held.size >= MANY && held.size >= keptLast + MANY / 4) {
    globalThis.__cqjs.runGc();
  }
  for (const one of held) {
    const owner = one.owner.deref();
    if (owner === undefined) {
      one.drop();
    } else if (held.size >= MANY) {
      owner.receive();
    }
  }
  keptLast = held.size < MANY ? 0 : held.size;
}

// Lets go of all bodies.
export const dropBodies = () => held.forEach((one) => one.drop());

export class IncomingBody {
  #held;
  #early = []; // what has come, and nobody has asked for yet
  #earlyBytes = 0;
  #reader; // who waits for the next bytes
  #broken;

  constructor(incoming, onEnd) {
    this.#held = new Held(incoming, onEnd, this);
  }

  // Calls `done` with the next bytes, or with null at the end, or `fail` with an error; at once if they are there.
  read(done, fail) {
    if (this.#early.length > 0) {
      const chunk = this.#early.shift();
      this.#earlyBytes -= chunk.length;
      done(chunk);
    } else {
      this.#reader = { done, fail };
      this.receive();
    }
  }

  // Gives the next bytes to who waits for them, or keeps a chunk for later.
  receive() {
    while (this.#reader !== undefined || this.#earlyBytes < CHUNK) {
      const chunk = this.#next();
      const reader = this.#reader;
      if (chunk === null) {
        this.#reader = undefined;
        reader && this.#end(reader);
        return;
      }
      if (chunk.length === 0) {
        this.#wait();
        return;
      }
      if (reader !== undefined) {
        this.#reader = undefined;
        reader.done(chunk);
        return;
      }
      this.#early.push(chunk);
      this.#earlyBytes += chunk.length;
    }
  }

  #wait() {
    const one = this.#held;
    one.waiting ??= whenReady(one.stream.subscribe(), () => {
      one.waiting = undefined;
      this.receive();
    });
  }

  #end({ done, fail }) {
    const broken = this.#broken;
    this.#broken = undefined;
    broken === undefined ? done(null) : fail(broken);
  }

  // Returns the next bytes, none if they have not come, or null at the end.
  #next() {
    if (this.#held === undefined) {
      return null;
    }
    try {
      return this.#held.stream.read(CHUNK);
    } catch (error) {
      this.#broken = problem(error);
      this.close();
      return null;
    }
  }

  // Lets go of the response, read or not.
  close() {
    this.#held?.drop();
    this.#held = undefined;
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
