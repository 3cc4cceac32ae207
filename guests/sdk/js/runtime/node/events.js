// `node:events`: the package `events`, and what Node has added since.

import EventEmitter from "events/events.js";
import { bound } from "../jobs.js";

export const errorMonitor = Symbol("events.errorMonitor");
export const captureRejectionSymbol = Symbol.for("nodejs.rejection");

const { emit } = EventEmitter.prototype;

EventEmitter.prototype.emit = function (type, ...values) {
  if (type === "error" && this._events?.[errorMonitor] !== undefined) {
    emit.call(this, errorMonitor, ...values);
  }
  return emit.call(this, type, ...values);
};

// Waits for an event, whose values it returns as a list, or for an error.
export function once(emitter, type, { signal } = {}) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(aborted(signal));
      return;
    }
    const end = () => {
      remove(emitter, type, onEvent);
      type !== "error" && remove(emitter, "error", onError);
      signal?.removeEventListener("abort", onAbort);
    };
    const onEvent = (...values) => {
      end();
      resolve(values);
    };
    const onError = (error) => {
      end();
      reject(error);
    };
    const onAbort = () => {
      end();
      reject(aborted(signal));
    };
    add(emitter, type, onEvent);
    // An `EventTarget` has no errors of that name.
    type !== "error" && typeof emitter.on === "function" && add(emitter, "error", onError);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

// Iterates over events, each of which is a list of values.
export function on(emitter, type, { signal, close = [] } = {}) {
  if (signal?.aborted) {
    throw aborted(signal);
  }
  const events = [];
  const waiting = [];
  let failure;
  let isOver = false;
  const onEvent = (...values) => {
    waiting.length > 0 ? waiting.shift().resolve({ value: values, done: false }) : events.push(values);
  };
  const fail = (error) => {
    end();
    waiting.length > 0 ? waiting.shift().reject(error) : (failure = { error });
  };
  const onAbort = () => fail(aborted(signal));
  const end = () => {
    isOver = true;
    remove(emitter, type, onEvent);
    remove(emitter, "error", fail);
    close.forEach((name) => remove(emitter, name, finish));
    signal?.removeEventListener("abort", onAbort);
  };
  const finish = () => {
    end();
    waiting.splice(0).forEach(({ resolve }) => resolve({ value: undefined, done: true }));
    return Promise.resolve({ value: undefined, done: true });
  };
  add(emitter, type, onEvent);
  type !== "error" && typeof emitter.on === "function" && add(emitter, "error", fail);
  close.forEach((name) => add(emitter, name, finish));
  signal?.addEventListener("abort", onAbort, { once: true });
  return {
    next() {
      if (events.length > 0) {
        return Promise.resolve({ value: events.shift(), done: false });
      }
      if (failure !== undefined) {
        const { error } = failure;
        failure = undefined;
        return Promise.reject(error);
      }
      if (isOver) {
        return Promise.resolve({ value: undefined, done: true });
      }
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    return: finish,
    throw(error) {
      fail(error);
      return Promise.resolve({ value: undefined, done: true });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

const add = (emitter, type, listener) =>
  typeof emitter.on === "function" ? emitter.on(type, listener) : emitter.addEventListener(type, listener);
const remove = (emitter, type, listener) =>
  typeof emitter.removeListener === "function" ? emitter.removeListener(type, listener) : emitter.removeEventListener(type, listener);

const aborted = (signal) =>
  Object.assign(new Error("The operation was aborted", { cause: signal.reason }), { name: "AbortError", code: "ABORT_ERR" });

export const getEventListeners = (emitter, type) => emitter.listeners?.(type) ?? [];
export const getMaxListeners = (emitter) => emitter.getMaxListeners?.() ?? EventEmitter.defaultMaxListeners;
export const setMaxListeners = (count, ...emitters) => {
  emitters.length === 0 && (EventEmitter.defaultMaxListeners = count);
  emitters.forEach((emitter) => emitter.setMaxListeners?.(count));
};
export const listenerCount = (emitter, type) => emitter.listenerCount(type);

export function addAbortListener(signal, listener) {
  signal.aborted ? queueMicrotask(() => listener()) : signal.addEventListener("abort", listener, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", listener) };
}

// An emitter whose listeners run in the frame in which it was made.
export const EventEmitterAsyncResource = class EventEmitterAsyncResource extends EventEmitter {
  #call = bound((call) => call());

  emit(...values) {
    return this.#call(() => super.emit(...values));
  }

  emitDestroy() {}
};

export const { defaultMaxListeners } = EventEmitter;
export { EventEmitter };
export default Object.assign(EventEmitter, {
  EventEmitter,
  EventEmitterAsyncResource,
  addAbortListener,
  captureRejectionSymbol,
  errorMonitor,
  getEventListeners,
  getMaxListeners,
  listenerCount,
  on,
  once,
  setMaxListeners,
  usingDomains: false,
});
