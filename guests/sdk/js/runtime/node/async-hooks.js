// `node:async_hooks`: values that follow promises, timers and callbacks. There is nothing to hook into.

import { bound, enter, frame } from "../jobs.js";

export const AsyncLocalStorage = class AsyncLocalStorage {
  #defaultValue;
  #isEnabled = true;

  constructor({ defaultValue, name = "" } = {}) {
    this.#defaultValue = defaultValue;
    this.name = String(name);
  }

  static bind(call) {
    requireFunction(call);
    return bound(call);
  }

  static snapshot() {
    return bound((call, ...values) => call(...values));
  }

  getStore() {
    return this.#isEnabled && frame?.has(this) ? frame.get(this) : this.#defaultValue;
  }

  enterWith(store) {
    this.#isEnabled = true;
    enter(new Map(frame).set(this, store));
  }

  run(store, call, ...values) {
    const before = frame;
    this.enterWith(store);
    try {
      return call(...values);
    } finally {
      enter(before);
    }
  }

  exit(call, ...values) {
    return this.run(undefined, call, ...values);
  }

  // Until it is entered again.
  disable() {
    this.#isEnabled = false;
  }
};

let lastId = 1;

export const AsyncResource = class AsyncResource {
  #frame = frame;
  #id = ++lastId;

  constructor(type) {
    this.type = type;
  }

  static bind(call, type, self) {
    requireFunction(call);
    const resource = new AsyncResource(type ?? call.name ?? "bound-anonymous-fn");
    return function (...values) {
      return resource.runInAsyncScope(call, self ?? this, ...values);
    };
  }

  runInAsyncScope(call, self, ...values) {
    const before = frame;
    enter(this.#frame);
    try {
      return call.apply(self, values);
    } finally {
      enter(before);
    }
  }

  bind(call, self) {
    return this.runInAsyncScope(() => AsyncResource.bind(call, this.type, self));
  }

  emitDestroy() {
    return this;
  }

  asyncId() {
    return this.#id;
  }

  triggerAsyncId() {
    return 0;
  }
};

const top = {};

export const createHook = () => ({
  enable() {
    return this;
  },
  disable() {
    return this;
  },
});
export const executionAsyncId = () => 1;
export const triggerAsyncId = () => 0;
export const executionAsyncResource = () => top;

function requireFunction(call) {
  if (typeof call !== "function") {
    throw Object.assign(new TypeError('The "fn" argument must be of type function'), { code: "ERR_INVALID_ARG_TYPE" });
  }
}

export default { AsyncLocalStorage, AsyncResource, createHook, executionAsyncId, executionAsyncResource, triggerAsyncId };
