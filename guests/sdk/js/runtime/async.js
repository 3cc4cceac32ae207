// This module has async functions and async generators that are built on the promises of `promise.js`, after ECMA-262,
// sections 27.3 to 27.7. They replace the functions that esbuild writes into a bundle, and take the same parameters: see
// `ownHelpers` in `build.js`. Esbuild's call methods that a program can change. Its async generators stop at an `await`
// in `finally` when they are closed from outside, and hide rejections that nothing handles.
// `guests/conformance/js/test/promises.test.js` compares all of them with Node's.

import { frame, queueJob } from "./jobs.js";
import { isObject, OurPromise, pending, react, reject, resolve, resolved } from "./promise.js";

// Has `waiter.resume` be called with what a value becomes, as `await` waits. It calls no method of a promise, and makes no
// second promise.
function waitFor(value, waiter) {
  waiter.frame = frame;
  if (!isObject(value)) {
    queueJob(waiter, true, value);
    return;
  }
  let promise;
  try {
    promise = resolved(OurPromise, value);
  } catch (error) {
    waiter.resume(false, error);
    return;
  }
  react(promise, waiter);
}

function wait(value, onFulfilled, onRejected) {
  waitFor(value, { resume: (isFulfilled, value) => (isFulfilled ? onFulfilled(value) : onRejected(value)) });
}

// A call of an async function. Its body is a generator that yields what it waits for.
class Coroutine {
  constructor(generator, promise) {
    this.generator = generator;
    this.promise = promise;
    this.frame = undefined;
  }

  resume(isFulfilled, value) {
    let result;
    try {
      result = isFulfilled ? this.generator.next(value) : this.generator.throw(value);
    } catch (error) {
      reject(this.promise, error);
      return;
    }
    if (result.done) {
      resolve(this.promise, result.value);
    } else {
      waitFor(result.value, this);
    }
  }
}

// Calls an async function.
function asyncFunction(self, values, body) {
  const promise = pending();
  let generator;
  try {
    generator = body.apply(self, values);
  } catch (error) {
    // A parameter's default has thrown.
    reject(promise, error);
    return promise;
  }
  new Coroutine(generator, promise).resume(true, undefined);
  return promise;
}

// The body of an async generator yields an `Await` where it waits. What else it yields is for the caller.
class Await {
  constructor(value) {
    this.value = value;
  }
}

// `yield*` yields a `Delegated` for each value of the other iterator, and receives a `Resumption`.
class Delegated {
  constructor(value) {
    this.value = value;
  }
}

class Resumption {
  constructor(method, value) {
    this.method = method;
    this.value = value;
  }
}

// `yield*` yields a `Return` to end the body as `return` does.
class Return {
  constructor(value) {
    this.value = value;
  }
}

class AsyncGenerator {
  #body;
  #requests = [];
  #isBusy = false; // runs or waits
  #isStarted = false;
  #isDelegating = false;
  #isReturning = false;
  #isDone = false;

  constructor(body) {
    this.#body = body;
  }

  next(value) {
    return this.#request("next", value);
  }

  return(value) {
    return this.#request("return", value);
  }

  throw(error) {
    return this.#request("throw", error);
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  get [Symbol.toStringTag]() {
    return "AsyncGenerator";
  }

  #request(method, value) {
    const promise = pending();
    this.#requests.push({ method, value, promise });
    if (!this.#isBusy) {
      this.#serve();
    }
    return promise;
  }

  // Begins with the next request, if there is one.
  #serve() {
    while (this.#requests.length > 0 && !this.#isBusy) {
      const { method, value } = this.#requests[0];
      if (!this.#isStarted && method !== "next") {
        this.#isDone = true;
      }
      this.#isStarted = true;
      if (method === "return") {
        this.#isBusy = true;
        if (this.#isDone) {
          wait(value, (value) => this.#fulfill(value, true), (error) => this.#reject(error));
        } else {
          wait(value, (value) => this.#resume("return", value), (error) => this.#resume("throw", error));
        }
      } else if (!this.#isDone) {
        this.#resume(method, value);
      } else if (method === "next") {
        this.#fulfill(undefined, true);
      } else {
        this.#reject(value);
      }
    }
  }

  // Continues after a `yield`.
  #resume(method, value) {
    if (this.#isDelegating) {
      this.#isDelegating = false;
      this.#run("next", new Resumption(method, value));
    } else {
      this.#run(method, value);
    }
  }

  #run(method, value) {
    this.#isBusy = true;
    this.#isReturning ||= method === "return";
    let result;
    try {
      result = this.#body[method](value);
    } catch (error) {
      this.#isDone = true;
      this.#reject(error);
      return;
    }
    const yielded = result.value;
    if (result.done) {
      this.#end(yielded);
    } else if (yielded instanceof Await) {
      this.#wait(yielded.value, (value) => this.#run("next", value));
    } else if (yielded instanceof Delegated) {
      this.#isDelegating = true;
      this.#fulfill(yielded.value, false);
    } else if (yielded instanceof Return) {
      this.#run("return", yielded.value);
    } else {
      this.#wait(yielded, (value) => this.#fulfill(value, false));
    }
  }

  #wait(value, onFulfilled) {
    wait(value, onFulfilled, (error) => this.#run("throw", error));
  }

  // The value of a `return` from outside was waited for before the body ended.
  #end(value) {
    this.#isDone = true;
    if (this.#isReturning || value === undefined) {
      this.#fulfill(value, true);
    } else {
      wait(value, (value) => this.#fulfill(value, true), (error) => this.#reject(error));
    }
  }

  #fulfill(value, done) {
    this.#isBusy = false;
    resolve(this.#requests.shift().promise, { value, done });
    this.#serve();
  }

  #reject(error) {
    this.#isBusy = false;
    reject(this.#requests.shift().promise, error);
    this.#serve();
  }
}

function asyncGenerator(self, values, body) {
  return new AsyncGenerator(body.apply(self, values));
}

// `yield*` in an async generator.
function* yieldAll(iterable) {
  const iterator = asyncIteratorOf(iterable);
  const { next } = iterator;
  let received = new Resumption("next", undefined);
  for (;;) {
    const { method, value } = received;
    const call = method === "next" ? next : iterator[method];
    if (call == null) {
      if (method === "return") {
        yield new Return(yield new Await(value));
      }
      const close = iterator.return;
      if (close != null) {
        requireObject(yield new Await(close.call(iterator)));
      }
      throw new TypeError("The iterator has no method `throw`");
    }
    const result = requireObject(yield new Await(call.call(iterator, value)));
    if (!result.done) {
      received = yield new Delegated(result.value);
    } else if (method === "return") {
      yield new Return(result.value);
    } else {
      return result.value;
    }
  }
}

function requireObject(result) {
  if (!isObject(result)) {
    throw new TypeError(`Iterator result ${String(result)} is not an object`);
  }
  return result;
}

// The iterator of `for await` and `yield*`.
function asyncIteratorOf(iterable) {
  const method = iterable[Symbol.asyncIterator];
  if (method == null) {
    return new FromSync(iterable[Symbol.iterator]());
  }
  return requireObject(method.call(iterable));
}

// An iterator whose values are waited for.
class FromSync {
  #iterator;
  #next;

  constructor(iterator) {
    this.#iterator = iterator;
    this.#next = iterator.next;
  }

  next(...values) {
    return this.#call(() => this.#next.apply(this.#iterator, values));
  }

  return(...values) {
    return this.#call(() => {
      const method = this.#iterator.return;
      return method == null ? { value: values[0], done: true } : method.apply(this.#iterator, values);
    });
  }

  throw(error) {
    return this.#call(() => {
      const method = this.#iterator.throw;
      if (method == null) {
        this.#iterator.return?.();
        throw new TypeError("The iterator has no method `throw`");
      }
      return method.call(this.#iterator, error);
    });
  }

  #call(call) {
    const promise = pending();
    const fail = (error) => reject(promise, error);
    try {
      const { value, done } = requireObject(call());
      wait(value, (value) => resolve(promise, { value, done: Boolean(done) }), fail);
    } catch (error) {
      fail(error);
    }
    return promise;
  }
}

// What a synchronous generator delegates to, as `delegates.js` marks it.
class Delegate {
  constructor(iterable) {
    this.iterable = iterable;
  }
}

globalThis[Symbol.for("guesthouse.delegate")] = (iterable) => new Delegate(iterable);

// Esbuild calls this for `yield*` in each generator, async or not.
function yieldStar(value) {
  return value instanceof Delegate ? value.iterable : yieldAll(value);
}

// `ownHelpers` in `build.js` replaces esbuild's functions by these.
globalThis[Symbol.for("guesthouse.async")] = {
  async: asyncFunction,
  asyncGenerator,
  await: Await,
  forAwait: asyncIteratorOf,
  yieldStar,
};
