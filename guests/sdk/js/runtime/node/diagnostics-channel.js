// `node:diagnostics_channel`. Nothing of the SDK's own publishes.

import { queueCall } from "../jobs.js";

const channels = new Map();

export const Channel = class Channel {
  #subscribers = [];
  #stores = new Map();

  constructor(name) {
    this.name = name;
  }

  get hasSubscribers() {
    return this.#subscribers.length > 0 || this.#stores.size > 0;
  }

  subscribe(call) {
    this.#subscribers = [...this.#subscribers, call];
  }

  unsubscribe(call) {
    const isSubscribed = this.#subscribers.includes(call);
    this.#subscribers = this.#subscribers.filter((other) => other !== call);
    return isSubscribed;
  }

  publish(message) {
    for (const call of this.#subscribers) {
      try {
        call(message, this.name);
      } catch (error) {
        queueCall(() => {
          throw error;
        });
      }
    }
  }

  bindStore(storage, transform = (value) => value) {
    this.#stores.set(storage, transform);
  }

  unbindStore(storage) {
    return this.#stores.delete(storage);
  }

  runStores(message, call, self, ...values) {
    let run = () => {
      this.publish(message);
      return call.apply(self, values);
    };
    for (const [storage, transform] of this.#stores) {
      const inner = run;
      run = () => storage.run(transform(message), inner);
    }
    return run();
  }
};

export function channel(name) {
  channels.has(name) || channels.set(name, new Channel(name));
  return channels.get(name);
}

export const hasSubscribers = (name) => channels.get(name)?.hasSubscribers ?? false;
export const subscribe = (name, call) => channel(name).subscribe(call);
export const unsubscribe = (name, call) => channel(name).unsubscribe(call);

const EVENTS = ["start", "end", "asyncStart", "asyncEnd", "error"];

// Five channels that follow a call.
export const TracingChannel = class TracingChannel {
  constructor(names) {
    for (const event of EVENTS) {
      this[event] = typeof names === "string" ? channel(`tracing:${names}:${event}`) : names[event];
    }
  }

  get hasSubscribers() {
    return EVENTS.some((event) => this[event].hasSubscribers);
  }

  subscribe(calls) {
    EVENTS.forEach((event) => calls[event] && this[event].subscribe(calls[event]));
  }

  unsubscribe(calls) {
    return EVENTS.map((event) => !calls[event] || this[event].unsubscribe(calls[event])).every(Boolean);
  }

  traceSync(call, context = {}, self, ...values) {
    return this.#within(context, () => (context.result = call.apply(self, values)));
  }

  tracePromise(call, context = {}, self, ...values) {
    const settled = (name) => (value) => {
      context[name] = value;
      name === "error" && this.error.publish(context);
      this.asyncStart.publish(context);
      this.asyncEnd.publish(context);
      if (name === "error") {
        throw value;
      }
      return value;
    };
    return this.#within(context, () => Promise.resolve(call.apply(self, values)).then(settled("result"), settled("error")));
  }

  // Tells of the call's own start, end and error.
  #within(context, call) {
    return this.start.runStores(context, () => {
      try {
        return call();
      } catch (error) {
        context.error = error;
        this.error.publish(context);
        throw error;
      } finally {
        this.end.publish(context);
      }
    });
  }

  traceCallback(call, position = -1, context = {}, self, ...values) {
    const callback = values.at(position);
    values.splice(position, 1, (error, result) => {
      Object.assign(context, error ? { error } : { result });
      error && this.error.publish(context);
      return this.asyncStart.runStores(context, () => {
        try {
          return callback(error, result);
        } finally {
          this.asyncEnd.publish(context);
        }
      });
    });
    return this.traceSync(call, context, self, ...values);
  }
};

export const tracingChannel = (names) => new TracingChannel(names);

export default { Channel, TracingChannel, channel, hasSubscribers, subscribe, tracingChannel, unsubscribe };
