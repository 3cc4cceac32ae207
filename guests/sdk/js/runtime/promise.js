// This module has promises whose jobs `jobs.js` queues, after ECMA-262, section 27.2. The engine's own can't be used:
// `docs/decisions/46-javascript-on-quickjs.md` has the reason. `guests/conformance/js/test/promises.test.js` compares
// them with Node's.

import { frame, listenedTo, queueJob, rejectedAlone } from "./jobs.js";

const PENDING = "pending";
const FULFILLED = "fulfilled";
const REJECTED = "rejected";

// Makes a promise that has no functions to settle it by; only for use in here.
const bare = () => {};

export const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

// The name is the class's own, whatever a bundler makes of names in a file.
export const OurPromise = class Promise {
  #state = PENDING;
  #value;
  #reactions; // one, or a list of several
  #isHandled = false;

  constructor(executor) {
    if (executor === bare) {
      return;
    }
    if (typeof executor !== "function") {
      throw new TypeError(`Promise resolver ${String(executor)} is not a function`);
    }
    const settlers = this.#settlers();
    try {
      executor(settlers[0], settlers[1]);
    } catch (error) {
      settlers[1](error);
    }
  }

  static get [Symbol.species]() {
    return this;
  }

  then(onFulfilled, onRejected) {
    if (!isPromise(this)) {
      throw new TypeError("Receiver is not a promise");
    }
    const species = speciesOf(this);
    const next = species === Promise ? new Promise(bare) : capability(species);
    this.#listen(
      new Reaction(
        typeof onFulfilled === "function" ? onFulfilled : undefined,
        typeof onRejected === "function" ? onRejected : undefined,
        next,
      ),
    );
    return species === Promise ? next : next.promise;
  }

  catch(onRejected) {
    return this.then(undefined, onRejected);
  }

  // Unlike `then`, this works on everything that has a method `then`.
  finally(onFinally) {
    if (!isObject(this)) {
      throw new TypeError("Receiver is not an object");
    }
    const species = speciesOf(this);
    if (typeof onFinally !== "function") {
      return this.then(onFinally, onFinally);
    }
    const after = (then) => resolved(species, onFinally()).then(then);
    return this.then(
      (value) => after(() => value),
      (reason) =>
        after(() => {
          throw reason;
        }),
    );
  }

  static resolve(value) {
    if (!isObject(this)) {
      throw new TypeError("Receiver is not an object");
    }
    return resolved(this, value);
  }

  static reject(reason) {
    const { promise, reject } = capability(this);
    reject(reason);
    return promise;
  }

  static withResolvers() {
    return capability(this);
  }

  static try(callback, ...args) {
    const { promise, resolve, reject } = capability(this);
    try {
      resolve(callback(...args));
    } catch (error) {
      reject(error);
    }
    return promise;
  }

  static all(iterable) {
    return collect(this, iterable, (results, { resolve, reject }) => ({
      end: () => resolve(results),
      each: (promise, i, done) => promise.then(once((value) => done(i, value)), reject),
    }));
  }

  static allSettled(iterable) {
    return collect(this, iterable, (results, { resolve }) => ({
      end: () => resolve(results),
      each: (promise, i, done) => {
        const only = once((result) => done(i, result));
        promise.then(
          (value) => only({ status: FULFILLED, value }),
          (reason) => only({ status: REJECTED, reason }),
        );
      },
    }));
  }

  static any(iterable) {
    return collect(this, iterable, (errors, { resolve, reject }) => ({
      end: () => reject(new AggregateError(errors, "All promises were rejected")),
      each: (promise, i, done) => promise.then(resolve, once((error) => done(i, error))),
    }));
  }

  static race(iterable) {
    return collect(this, iterable, (results, { resolve, reject }) => ({
      end: () => {},
      each: (promise) => promise.then(resolve, reject),
    }));
  }

  // Returns the functions that resolve and reject, of which only the first call counts. The standard gives them no
  // names, and functions in a list get none.
  #settlers() {
    let isCalled = false;
    return [
      (value) => {
        if (!isCalled) {
          isCalled = true;
          this.#resolve(value);
        }
      },
      (reason) => {
        if (!isCalled) {
          isCalled = true;
          this.#settle(REJECTED, reason);
        }
      },
    ];
  }

  #resolve(value) {
    if (value === this) {
      this.#settle(REJECTED, new TypeError("Chaining cycle detected for promise #<Promise>"));
      return;
    }
    if (!isObject(value)) {
      this.#settle(FULFILLED, value);
      return;
    }
    let then;
    try {
      then = value.then;
    } catch (error) {
      this.#settle(REJECTED, error);
      return;
    }
    if (typeof then !== "function") {
      this.#settle(FULFILLED, value);
      return;
    }
    queueJob(new Follower(this, value, then));
  }

  // Does what another promise, or what has a method `then`, will do.
  #follow(value, then) {
    // As the method of promises, without the functions and the promise that nobody sees.
    if (then === ownThen && isPromise(value) && hasOwnSpecies(value)) {
      value.#listen(new Reaction(undefined, undefined, this));
      return;
    }
    const settlers = this.#settlers();
    try {
      then.call(value, settlers[0], settlers[1]);
    } catch (error) {
      settlers[1](error);
    }
  }

  #settle(state, value) {
    const reactions = this.#reactions;
    this.#state = state;
    this.#value = value;
    this.#reactions = undefined;
    if (state === REJECTED && !this.#isHandled) {
      rejectedAlone(this, value);
    }
    if (Array.isArray(reactions)) {
      for (let i = 0; i < reactions.length; i++) {
        this.#queue(reactions[i]);
      }
    } else if (reactions !== undefined) {
      this.#queue(reactions);
    }
  }

  // The reaction's method `resume` is called once this is settled.
  #listen(reaction) {
    if (this.#state !== PENDING) {
      if (this.#state === REJECTED && !this.#isHandled) {
        listenedTo(this);
      }
      this.#queue(reaction);
    } else if (this.#reactions === undefined) {
      this.#reactions = reaction;
    } else if (Array.isArray(this.#reactions)) {
      this.#reactions.push(reaction);
    } else {
      this.#reactions = [this.#reactions, reaction];
    }
    this.#isHandled = true;
  }

  #queue(reaction) {
    queueJob(reaction, this.#state === FULFILLED, this.#value);
  }

  static {
    isPromise = (value) => isObject(value) && #state in value;
    stateOf = (promise) => [promise.#state, promise.#value];
    pending = () => new Promise(bare);
    resolve = (promise, value) => promise.#resolve(value);
    reject = (promise, reason) => promise.#settle(REJECTED, reason);
    react = (promise, reaction) => promise.#listen(reaction);
    follow = (promise, value, then) => promise.#follow(value, then);
    ownThen = this.prototype.then;
    settle = (next, isFulfilled, value) => {
      if (!(#state in next)) {
        isFulfilled ? next.resolve(value) : next.reject(value);
      } else if (isFulfilled) {
        next.#resolve(value);
      } else {
        next.#settle(REJECTED, value);
      }
    };
    Object.defineProperty(this.prototype, Symbol.toStringTag, { value: "Promise", configurable: true });
  }
};

// What only the class itself can see. `var`, because the class sets them.
export var isPromise, stateOf, pending, resolve, reject, react;
var settle, follow, ownThen;

// What `then` was called with, and what is settled with what comes of it: a promise of this class, or the capability of
// another.
class Reaction {
  constructor(onFulfilled, onRejected, next) {
    this.onFulfilled = onFulfilled;
    this.onRejected = onRejected;
    this.next = next;
    this.frame = frame;
  }

  resume(isFulfilled, value) {
    const react = isFulfilled ? this.onFulfilled : this.onRejected;
    if (react === undefined) {
      settle(this.next, isFulfilled, value);
      return;
    }
    let result;
    try {
      result = react(value);
    } catch (error) {
      settle(this.next, false, error);
      return;
    }
    settle(this.next, true, result);
  }
}

class Follower {
  constructor(promise, value, then) {
    this.promise = promise;
    this.value = value;
    this.then = then;
    this.frame = frame;
  }

  resume() {
    follow(this.promise, this.value, this.then);
  }
}

function speciesOf(promise) {
  const { constructor } = promise;
  if (constructor === undefined) {
    return OurPromise;
  }
  if (!isObject(constructor)) {
    throw new TypeError("The promise's `constructor` is not an object");
  }
  return constructor[Symbol.species] ?? OurPromise;
}

// Whether `then` of this promise makes another of the same class. Where the answer is an error, `then` itself tells it.
function hasOwnSpecies(promise) {
  try {
    return speciesOf(promise) === OurPromise;
  } catch {
    return false;
  }
}

function capability(constructor) {
  let resolve, reject;
  const promise = new constructor((onResolve, onReject) => {
    if (resolve !== undefined || reject !== undefined) {
      throw new TypeError("Promise executor has already been called with functions");
    }
    resolve = onResolve;
    reject = onReject;
  });
  if (typeof resolve !== "function" || typeof reject !== "function") {
    throw new TypeError("Promise resolve or reject function is not callable");
  }
  return { promise, resolve, reject };
}

export function resolved(constructor, value) {
  if (isPromise(value) && value.constructor === constructor) {
    return value;
  }
  if (constructor === OurPromise) {
    // Nobody sees the functions that settle it.
    const promise = pending();
    resolve(promise, value);
    return promise;
  }
  const next = capability(constructor);
  next.resolve(value);
  return next.promise;
}

function once(f) {
  let isCalled = false;
  return (value) => {
    if (!isCalled) {
      isCalled = true;
      return f(value);
    }
  };
}

// What `all` and its kin have in common: `each` is told of every promise, `end` when all of them are done.
function collect(constructor, iterable, how) {
  const next = capability(constructor);
  const results = [];
  const { end, each } = how(results, next);
  try {
    const resolve = constructor.resolve;
    if (typeof resolve !== "function") {
      throw new TypeError("Promise resolve function is not callable");
    }
    let left = 1;
    const done = (i, result) => {
      results[i] = result;
      --left || end();
    };
    let i = 0;
    for (const value of iterable) {
      results.push(undefined);
      left++;
      each(resolve.call(constructor, value), i++, done);
    }
    --left || end();
  } catch (error) {
    next.reject(error);
  }
  return next.promise;
}
