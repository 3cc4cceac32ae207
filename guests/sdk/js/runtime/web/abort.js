// `AbortController` and `AbortSignal`.

import { defineHandlers, Event, EventTarget } from "./events.js";

let abort; // only a controller may
const own = Symbol();

export const AbortSignal = class AbortSignal extends EventTarget {
  #isAborted = false;
  #reason;
  #timer;

  constructor(key) {
    if (key !== own) {
      throw Object.assign(new TypeError("Illegal constructor"), { code: "ERR_ILLEGAL_CONSTRUCTOR" });
    }
    super();
  }

  get aborted() {
    return this.#isAborted;
  }

  get reason() {
    return this.#reason;
  }

  throwIfAborted() {
    if (this.#isAborted) {
      throw this.#reason;
    }
  }

  static abort(reason) {
    const signal = new AbortSignal(own);
    abort(signal, reason);
    return signal;
  }

  static timeout(delay) {
    const signal = new AbortSignal(own);
    const reason = () => new DOMException("The operation was aborted due to timeout", "TimeoutError");
    signal.#timer = setTimeout(() => abort(signal, reason()), delay);
    return signal;
  }

  static any(signals) {
    const result = new AbortSignal(own);
    const list = [...signals];
    const first = list.find((signal) => signal.aborted);
    if (first) {
      abort(result, first.reason);
    } else {
      list.forEach((signal) => signal.addEventListener("abort", () => abort(result, signal.reason), { once: true }));
    }
    return result;
  }

  static {
    abort = (signal, reason = new DOMException("This operation was aborted", "AbortError")) => {
      if (!signal.#isAborted) {
        signal.#isAborted = true;
        signal.#reason = reason;
        signal.dispatchEvent(new Event("abort"));
      }
    };
  }
};

defineHandlers(AbortSignal.prototype, "abort");

export const AbortController = class AbortController {
  #signal = new AbortSignal(own);

  get signal() {
    return this.#signal;
  }

  abort(reason) {
    abort(this.#signal, reason);
  }
};
