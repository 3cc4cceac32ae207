// The third argument of a fetch handler: what goes on after the response, and what Lambda says about the invocation.

import { parsed } from "../json.js";

export class ExecutionContext {
  props = {};
  #received;
  #work = new Set(); // promises that are not settled, and that nothing rejects
  #parsed = new Map(); // by header

  constructor(received) {
    this.#received = received;
  }

  // Has the invocation last until a promise is settled, after the response was sent.
  waitUntil(promise) {
    const work = Promise.resolve(promise)
      .then(undefined, (error) => console.error("waitUntil", error))
      .finally(() => this.#work.delete(work));
    this.#work.add(work);
  }

  // There is nobody to pass a request on to.
  passThroughOnException() {}

  // Lambda's context, where the host sends one.
  get lambda() {
    return this.#json("x-amzn-lambda-context");
  }

  // The `requestContext` of the event that the request was made of.
  get requestContext() {
    return this.#json("x-amzn-request-context");
  }

  get isBusy() {
    return this.#work.size > 0;
  }

  // What is done may hand over more.
  async finished() {
    while (this.#work.size > 0) {
      await Promise.all(this.#work);
    }
  }

  #json(header) {
    if (!this.#parsed.has(header)) {
      this.#parsed.set(header, parsed(this.#received.header(header)));
    }
    return this.#parsed.get(header);
  }

  static {
    ["isBusy", "finished"].forEach((name) => Object.defineProperty(this.prototype, name, { enumerable: false }));
  }
}
