// `Event`, `CustomEvent` and `EventTarget`, without the phases that only a tree of nodes has.

const times = typeof performance === "undefined" ? { now: () => 0 } : performance;

export const Event = class Event {
  #isPrevented = false;
  isStopped = false; // by `stopImmediatePropagation`

  constructor(type, { bubbles = false, cancelable = false, composed = false } = {}) {
    this.type = String(type);
    this.bubbles = bubbles;
    this.cancelable = cancelable;
    this.composed = composed;
    this.target = this.currentTarget = null;
    this.timeStamp = times.now();
    Object.defineProperty(this, "isStopped", { enumerable: false });
  }

  get defaultPrevented() {
    return this.#isPrevented;
  }

  preventDefault() {
    this.#isPrevented ||= this.cancelable;
  }

  stopPropagation() {}

  stopImmediatePropagation() {
    this.isStopped = true;
  }

  composedPath() {
    return this.currentTarget === null ? [] : [this.currentTarget];
  }
};

export const CustomEvent = class CustomEvent extends Event {
  constructor(type, init = {}) {
    super(type, init);
    this.detail = init.detail ?? null;
  }
};

export const EventTarget = class EventTarget {
  #listeners = new Map(); // by type

  addEventListener(type, listener, options) {
    const { once = false, signal, capture = false } = typeof options === "object" && options !== null ? options : { capture: Boolean(options) };
    if (listener == null || signal?.aborted) {
      return;
    }
    const listeners = this.#listeners.get(String(type)) ?? [];
    if (!listeners.some((other) => other.listener === listener && other.capture === capture)) {
      this.#listeners.set(String(type), [...listeners, { listener, once, capture }]);
      signal?.addEventListener("abort", () => this.removeEventListener(type, listener, { capture }), { once: true });
    }
  }

  removeEventListener(type, listener, options) {
    const capture = Boolean(typeof options === "object" ? options?.capture : options);
    const listeners = this.#listeners.get(String(type)) ?? [];
    this.#listeners.set(String(type), listeners.filter((other) => other.listener !== listener || other.capture !== capture));
  }

  dispatchEvent(event) {
    event.target = event.currentTarget = this;
    for (const entry of this.#listeners.get(event.type) ?? []) {
      const { listener, once, capture } = entry;
      if (event.isStopped || !this.#listeners.get(event.type).includes(entry)) {
        continue;
      }
      once && this.removeEventListener(event.type, listener, { capture });
      try {
        typeof listener === "function" ? listener.call(this, event) : listener.handleEvent(event);
      } catch (error) {
        // As in Node: nobody that dispatches gets it.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    event.currentTarget = null;
    return !event.defaultPrevented;
  }
};

// Makes `on…` properties of a class, which are listeners that can be replaced.
export function defineHandlers(prototype, ...types) {
  for (const type of types) {
    const handlers = new WeakMap();
    Object.defineProperty(prototype, `on${type}`, {
      configurable: true,
      get() {
        return handlers.get(this) ?? null;
      },
      set(handler) {
        const old = handlers.get(this);
        old && this.removeEventListener(type, old);
        handlers.set(this, handler);
        typeof handler === "function" && this.addEventListener(type, handler);
      },
    });
  }
}
