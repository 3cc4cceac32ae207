// The methods of an emitter, for what emits nothing but by the program's own calls.

export function emitterOf() {
  const listeners = new Map(); // by event
  const of = (type) => listeners.get(type) ?? [];
  const emitter = {
    on(type, listener) {
      listeners.set(type, [...of(type), listener]);
      return this;
    },
    once(type, listener) {
      const single = (...values) => {
        emitter.off(type, single);
        listener.apply(this, values);
      };
      single.listener = listener;
      return emitter.on.call(this, type, single);
    },
    off(type, listener) {
      listeners.set(type, of(type).filter((other) => other !== listener && other.listener !== listener));
      return this;
    },
    emit(type, ...values) {
      of(type).forEach((listener) => listener.apply(this, values));
      return of(type).length > 0;
    },
    removeAllListeners(type) {
      type === undefined ? listeners.clear() : listeners.delete(type);
      return this;
    },
    prependListener(type, listener) {
      listeners.set(type, [listener, ...of(type)]);
      return this;
    },
    setMaxListeners() {
      return this;
    },
    getMaxListeners: () => 10,
    listeners: (type) => of(type).map((listener) => listener.listener ?? listener),
    rawListeners: (type) => [...of(type)],
    listenerCount: (type) => of(type).length,
    eventNames: () => [...listeners.keys()],
  };
  return Object.assign(emitter, { addListener: emitter.on, removeListener: emitter.off });
}
