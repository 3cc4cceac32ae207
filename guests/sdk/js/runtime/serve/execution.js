// The third argument of a fetch handler: what goes on after the response, and what Lambda says about the invocation.

import { parse } from "../json.js";

export class ExecutionContext {
  props = {};
  #received;
  #work = []; // promises that nothing rejects
  #parsed = new Map(); // by header

  constructor(received) {
    this.#received = received;
  }

  // Has the invocation last until a promise is settled, after the response was sent.
  waitUntil(promise) {
    this.#work.push(Promise.resolve(promise).then(undefined, (error) => console.error("waitUntil", error)));
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
    return this.#work.length > 0;
  }

  // What is done may hand over more.
  async finished() {
    while (this.#work.length > 0) {
      await Promise.all(this.#work.splice(0));
    }
  }

  #json(header) {
    if (!this.#parsed.has(header)) {
      const text = this.#received.header(header);
      this.#parsed.set(header, text === undefined ? undefined : parse(text));
    }
    return this.#parsed.get(header);
  }

  static {
    ["isBusy", "finished"].forEach((name) => Object.defineProperty(this.prototype, name, { enumerable: false }));
  }
}
