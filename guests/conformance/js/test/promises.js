// This module holds small programs that show the language's rules for promises and async functions (ECMA-262, sections
// 27.2 to 27.7) by what they log, and in which order. `promises.test.js` runs each of them on Node's promises and on
// the SDK's.

export const handler = async ({ name }) => {
  const lines = [];
  globalThis.lines = lines;
  await cases[name]((...words) => lines.push(words.map(String).join(" ")));
  // A case ends when nothing is left to run, not when its function returns.
  await new Promise((resolve) => setTimeout(resolve, 1));
};

// Logs one line in each of the next jobs, so that a log shows in which job everything else happened.
function clock(log, jobs) {
  let left = Promise.resolve();
  for (let i = 1; i <= jobs; i++) {
    left = left.then(() => log("job", i));
  }
}

const outcome = (log, promise, text = (value) => value) =>
  promise.then(
    (value) => log("fulfilled", text(value)),
    (error) => log("rejected", error instanceof Error ? error.name : error),
  );

const thrown = (log, call) => {
  try {
    log("returned", typeof call());
  } catch (error) {
    log("threw", error instanceof Error ? error.name : error);
  }
};

// A promise that logs each call of its `then`.
class Loud extends Promise {
  static log = () => {};

  then(...reactions) {
    Loud.log("then of", this.constructor.name, "with", reactions.map((reaction) => typeof reaction).join());
    return super.then(...reactions);
  }
}

class Sub extends Promise {}

export const cases = {
  // The order of jobs.

  "order: the executor runs at once, and reactions later": (log) => {
    new Promise((resolve) => {
      log("executor");
      resolve();
    }).then(() => log("reaction"));
    log("after");
  },

  "order: ticks of an async function come after the jobs that are queued": (log) => {
    process.nextTick((...words) => log(...words), "tick", 1);
    clock(log, 3);
    process.nextTick(() => {
      log("tick", 2);
      Promise.resolve().then(() => log("job of a tick"));
      process.nextTick(() => log("tick of a tick"));
    });
  },

  "order: a job's ticks come after the jobs": (log) => {
    Promise.resolve().then(() => process.nextTick(() => log("tick")));
    clock(log, 5);
  },

  "order: a timer's ticks come before its jobs": async (log) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    setTimeout(() => {
      Promise.resolve().then(() => log("job"));
      queueMicrotask(() => log("microtask"));
      process.nextTick(() => log("tick"));
    }, 1);
    await new Promise((resolve) => setTimeout(resolve, 3));
  },

  "order: an immediate's ticks come before its jobs": async (log) => {
    await new Promise((resolve) => {
      setImmediate(() => {
        Promise.resolve().then(() => log("job"));
        process.nextTick(() => log("tick"));
      });
      setImmediate(() => {
        log("next immediate");
        resolve();
      });
    });
  },

  "order: two chains take turns": (log) => {
    Promise.resolve().then(() => log("a1")).then(() => log("a2")).then(() => log("a3"));
    Promise.resolve().then(() => log("b1")).then(() => log("b2")).then(() => log("b3"));
  },

  "order: reactions of one promise run in the order of `then`": (log) => {
    let resolve;
    const promise = new Promise((settle) => (resolve = settle));
    promise.then(() => log(1));
    promise.then(() => log(2));
    resolve();
    promise.then(() => log(3));
  },

  "order: `queueMicrotask` and reactions are in one queue": (log) => {
    queueMicrotask(() => log("microtask 1"));
    Promise.resolve().then(() => {
      log("reaction 1");
      queueMicrotask(() => log("microtask 3"));
    }).then(() => log("reaction 2"));
    queueMicrotask(() => log("microtask 2"));
  },

  "order: jobs go before immediates": (log) => {
    setImmediate(() => log("immediate"));
    queueMicrotask(() => log("microtask"));
    Promise.resolve().then(() => log("reaction"));
    return new Promise((resolve) => setTimeout(resolve, 5));
  },

  "order: jobs go before timers": (log) => {
    setTimeout(() => log("timer"), 1);
    queueMicrotask(() => log("microtask"));
    Promise.resolve().then(() => log("reaction"));
    return new Promise((resolve) => setTimeout(resolve, 5));
  },

  "order: jobs of one timer go before the next timer": (log) => {
    setTimeout(() => {
      log("timer 1");
      Promise.resolve().then(() => log("job of timer 1"));
    }, 1);
    setTimeout(() => log("timer 2"), 1);
    return new Promise((resolve) => setTimeout(resolve, 5));
  },

  "order: jobs of one immediate go before the next immediate": (log) => {
    setImmediate(() => {
      log("immediate 1");
      Promise.resolve().then(() => log("job of immediate 1"));
      setImmediate(() => log("immediate 3"));
    });
    setImmediate(() => log("immediate 2"));
    return new Promise((resolve) => setTimeout(resolve, 5));
  },

  "order: a rejection passes one job for each `then` without a handler": (log) => {
    clock(log, 5);
    Promise.reject("no").then(() => log("never")).then(() => log("never")).catch((error) => log("caught", error));
  },

  "order: a reaction that returns a promise takes three jobs": (log) => {
    clock(log, 6);
    Promise.resolve().then(() => Promise.resolve("inner")).then((value) => log(value));
  },

  "order: a reaction that returns a rejected promise takes three jobs": (log) => {
    clock(log, 6);
    Promise.resolve().then(() => Promise.reject("inner")).catch((error) => log("caught", error));
  },

  "order: to resolve with a promise takes two jobs more": (log) => {
    clock(log, 5);
    new Promise((resolve) => resolve(Promise.resolve("inner"))).then((value) => log(value));
  },

  "order: to resolve with a thenable takes one job more": (log) => {
    clock(log, 5);
    new Promise((resolve) => resolve({ then: (settle) => settle("thenable") })).then((value) => log(value));
  },

  "order: a promise that is resolved with a pending one": (log) => {
    clock(log, 6);
    let resolve;
    const inner = new Promise((settle) => (resolve = settle));
    const outer = new Promise((settle) => settle(inner));
    outer.then((value) => log("outer", value));
    inner.then((value) => log("inner", value));
    resolve("done");
  },

  // `await` and async functions.

  "await: a value takes one job": async (log) => {
    clock(log, 3);
    log("before");
    await "anything";
    log("after");
  },

  "await: a promise takes one job": async (log) => {
    clock(log, 3);
    await Promise.resolve();
    log("after");
  },

  "await: a thenable takes two jobs": async (log) => {
    clock(log, 4);
    log(await { then: (settle) => settle("thenable") });
  },

  "await: a promise of a subclass takes three jobs": async (log) => {
    clock(log, 5);
    await Sub.resolve();
    log("after");
  },

  "await: a rejection is thrown after one job": async (log) => {
    clock(log, 3);
    try {
      await Promise.reject("no");
    } catch (error) {
      log("caught", error);
    }
  },

  "await: a thenable that throws": async (log) => {
    try {
      await {
        then() {
          throw "no";
        },
      };
    } catch (error) {
      log("caught", error);
    }
  },

  "await: a getter `then` that throws": async (log) => {
    try {
      await {
        get then() {
          throw "no";
        },
      };
    } catch (error) {
      log("caught", error);
    }
  },

  "await: a getter `constructor` that throws": async (log) => {
    const promise = Promise.resolve();
    Object.defineProperty(promise, "constructor", {
      get() {
        throw "no";
      },
    });
    try {
      await promise;
    } catch (error) {
      log("caught", error);
    }
    await 1;
    try {
      await promise;
    } catch (error) {
      log("caught", error, "again");
    }
  },

  "await: `constructor` of a promise is read once": async (log) => {
    const promise = Promise.resolve();
    Object.defineProperty(promise, "constructor", {
      get() {
        log("constructor is read");
        return Promise;
      },
    });
    await promise;
    log("after");
  },

  "await: a `then` of the promise's own is not called": async (log) => {
    const promise = Promise.resolve("the promise's");
    promise.then = (settle) => settle("the method's");
    log(await promise);
  },

  "await: a changed `Promise.prototype.then` is not called": async (log) => {
    await null;
    const { then } = Promise.prototype;
    let calls = 0;
    Promise.prototype.then = function (...reactions) {
      calls += 1;
      return then.apply(this, reactions);
    };
    const run = async () => {
      await 1;
      await Promise.resolve(2);
    };
    const promise = run();
    const inner = then.call(promise, () => {
      Promise.prototype.then = then;
      log(calls, "calls");
    });
    await inner;
  },

  "await: another global `Promise` is not used": async (log) => {
    const own = globalThis.Promise;
    const run = async () => {
      await 1;
      return 2;
    };
    globalThis.Promise = class Other {
      constructor() {
        log("constructed");
      }
    };
    let promise;
    try {
      promise = run();
    } finally {
      globalThis.Promise = own;
    }
    log(promise instanceof own, await promise);
  },

  "await: two async functions take turns": (log) => {
    const run = async (name) => {
      for (let i = 1; i <= 3; i++) {
        log(name, i);
        await null;
      }
    };
    run("a");
    run("b");
  },

  "async function: its start runs at once": (log) => {
    const run = async () => log("start");
    run();
    log("after");
  },

  "async function: a returned value takes one job": (log) => {
    clock(log, 3);
    (async () => "value")().then((value) => log(value));
  },

  "async function: a returned promise takes three jobs": (log) => {
    clock(log, 5);
    (async () => Promise.resolve("promise"))().then((value) => log(value));
  },

  "async function: a promise that is awaited and returned takes two jobs": (log) => {
    clock(log, 5);
    (async () => await Promise.resolve("promise"))().then((value) => log(value));
  },

  "async function: a returned thenable takes two jobs": (log) => {
    clock(log, 5);
    (async () => ({ then: (settle) => settle("thenable") }))().then((value) => log(value));
  },

  "async function: what it throws at once rejects": (log) => {
    clock(log, 3);
    const promise = (async () => {
      throw "no";
    })();
    log("after");
    promise.catch((error) => log("caught", error));
  },

  "async function: a default of a parameter that throws rejects": (log) => {
    const run = async (value = fail()) => value;
    const fail = () => {
      throw "no";
    };
    thrown(log, () => run().catch((error) => log("caught", error)));
  },

  "async function: `finally` and `return` in `try`": async (log) => {
    const run = async () => {
      try {
        return await Promise.resolve("try");
      } finally {
        await null;
        log("finally");
      }
    };
    log(await run());
  },

  "async function: `this` and `arguments`": async (log) => {
    const object = {
      name: "object",
      async method() {
        await null;
        const arrow = async () => (await null, `${this.name} ${arguments.length}`);
        return arrow();
      },
    };
    log(await object.method(1, 2, 3));
  },

  "async function: returns a promise of its own for a promise": async (log) => {
    const inner = Promise.resolve();
    const run = async () => inner;
    const promise = run();
    log(promise === inner, promise.constructor === Promise);
  },

  // Async generators and `for await`.

  "for await: over promises": async (log) => {
    clock(log, 8);
    for await (const value of [1, Promise.resolve(2), 3]) {
      log("value", value);
    }
    log("after");
  },

  "for await: a rejection ends it": async (log) => {
    try {
      for await (const value of [1, Promise.reject("no"), 3]) {
        log("value", value);
      }
    } catch (error) {
      log("caught", error);
    }
  },

  "for await: `break` calls `return` and waits for it": async (log) => {
    const iterator = {
      [Symbol.asyncIterator]: () => iterator,
      next: async () => ({ value: 1, done: false }),
      return: async () => {
        await null;
        log("returned");
        return {};
      },
    };
    for await (const value of iterator) {
      log("value", value);
      break;
    }
    log("after");
  },

  "for await: a throwing body calls `return`": async (log) => {
    const run = async function* () {
      try {
        yield 1;
      } finally {
        await null;
        log("finally");
      }
    };
    try {
      for await (const value of run()) {
        throw `thrown at ${value}`;
      }
    } catch (error) {
      log("caught", error);
    }
  },

  "async generator: its values, and the jobs between them": async (log) => {
    clock(log, 12);
    const run = async function* () {
      log("start");
      yield 1;
      await null;
      yield Promise.resolve(2);
    };
    for await (const value of run()) {
      log("value", value);
    }
    log("after");
  },

  "async generator: nothing runs before `next`": async (log) => {
    const run = async function* () {
      log("start");
    };
    const iterator = run();
    log("before");
    iterator.next();
    log("after");
  },

  "async generator: calls that come too early wait": async (log) => {
    const run = async function* () {
      for (let i = 1; i <= 3; i++) {
        await null;
        log("yields", i);
        yield i;
      }
    };
    const iterator = run();
    const results = await Promise.all([iterator.next(), iterator.next(), iterator.next(), iterator.next()]);
    log(JSON.stringify(results));
  },

  "async generator: `return` and `throw` from outside": async (log) => {
    const run = async function* () {
      try {
        yield 1;
      } finally {
        log("finally");
      }
    };
    const one = run();
    await one.next();
    log(JSON.stringify(await one.return("early")), JSON.stringify(await one.next()));
    const two = run();
    await two.next();
    await two.throw("no").catch((error) => log("caught", error));
    log(JSON.stringify(await two.next()));
  },

  "async generator: a rejection ends it": async (log) => {
    const run = async function* () {
      yield 1;
      yield Promise.reject("no");
      log("never");
    };
    const iterator = run();
    log(JSON.stringify(await iterator.next()));
    await iterator.next().catch((error) => log("caught", error));
    log(JSON.stringify(await iterator.next()));
  },

  "generator: `yield*` in one that is not async, also within an async one": async (log) => {
    function* inner(from) {
      const sent = yield from;
      log("sent", sent);
      return "end";
    }
    function* outer() {
      log("inner returned", yield* inner(1));
      yield* [2, 3];
      yield* new Map([["a", (yield* "b", 4)]]);
    }
    log(JSON.stringify([...outer()]));
    const iterator = outer();
    iterator.next();
    log(JSON.stringify(iterator.next("hello")));
    const mixed = async function* () {
      const all = function* () {
        yield* outer();
      };
      yield* all();
      yield [...all()].length;
    };
    for await (const value of mixed()) {
      log(JSON.stringify(value));
    }
  },

  "async generator: `yield*` over another": async (log) => {
    const inner = async function* () {
      const sent = yield "a";
      log("sent", sent);
      yield "b";
      return "end";
    };
    const outer = async function* () {
      log("inner returned", yield* inner());
      yield* [Promise.resolve("c")];
    };
    const iterator = outer();
    log(JSON.stringify(await iterator.next()));
    log(JSON.stringify(await iterator.next("hello")));
    log(JSON.stringify(await iterator.next()));
    log(JSON.stringify(await iterator.next()));
  },

  "async generator: `await` in `finally` after a `return` from outside": async (log) => {
    const run = async function* () {
      try {
        yield 1;
      } finally {
        log("awaited", await Promise.resolve("in finally"));
        yield "from finally";
        log("after");
      }
    };
    const iterator = run();
    await iterator.next();
    log(JSON.stringify(await iterator.return("early")));
    log(JSON.stringify(await iterator.next()));
    log(JSON.stringify(await iterator.next()));
  },

  "async generator: a `return` from outside waits for its value": async (log) => {
    const run = async function* () {
      try {
        yield 1;
      } catch (error) {
        log("caught inside", error);
      }
    };
    for (const steps of [0, 1]) {
      for (const value of [Promise.resolve("value"), Promise.reject("reason")]) {
        const iterator = run();
        for (let i = 0; i < steps; i++) {
          await iterator.next();
        }
        await outcome(log, iterator.return(value), JSON.stringify);
        log(JSON.stringify(await iterator.next()));
      }
    }
  },

  "async generator: `return` and `throw` before it starts and after its end": async (log) => {
    const run = async function* () {
      log("never");
    };
    const one = run();
    await outcome(log, one.throw("no"));
    await outcome(log, one.next(), JSON.stringify);
    await outcome(log, one.throw("again"));
    await outcome(log, one.return("value"), JSON.stringify);
  },

  "async generator: a rejection that is yielded or awaited can be caught inside": async (log) => {
    const run = async function* () {
      try {
        yield Promise.reject("yielded");
      } catch (error) {
        log("caught", error);
      }
      try {
        await Promise.reject("awaited");
      } catch (error) {
        log("caught", error);
      }
      return Promise.resolve("returned");
    };
    log(JSON.stringify(await run().next()));
  },

  "async generator: what is sent into it": async (log) => {
    const run = async function* () {
      log("sent", yield 1);
      try {
        yield 2;
      } catch (error) {
        log("thrown in", error);
        yield 3;
      }
    };
    const iterator = run();
    await iterator.next("lost");
    await iterator.next("one");
    log(JSON.stringify(await iterator.throw("two")));
    log(JSON.stringify(await iterator.next()));
  },

  "async generator: requests that come while it waits": (log) => {
    clock(log, 12);
    const run = async function* () {
      try {
        await null;
        yield 1;
        yield 2;
      } finally {
        await null;
        log("finally");
      }
    };
    const iterator = run();
    outcome(log, iterator.next(), JSON.stringify);
    outcome(log, iterator.return("early"), JSON.stringify);
    outcome(log, iterator.next(), JSON.stringify);
    outcome(log, iterator.throw("late"));
  },

  "async generator: calls of itself while it runs": (log) => {
    const run = async function* () {
      outcome(log, iterator.next(), JSON.stringify);
      log("asked");
      yield 1;
      yield 2;
    };
    const iterator = run();
    outcome(log, iterator.next(), JSON.stringify);
  },

  "async generator: a parameter's default that throws": (log) => {
    const run = async function* (value = fail()) {
      yield value;
    };
    const fail = () => {
      throw "no";
    };
    thrown(log, () => run());
  },

  "async generator: `yield*` and the jobs it takes": async (log) => {
    clock(log, 20);
    const inner = async function* () {
      yield "a";
      yield "b";
    };
    const outer = async function* () {
      yield* inner();
      yield* ["c", Promise.resolve("d")];
    };
    for await (const value of outer()) {
      log(value);
    }
  },

  "async generator: `yield*` hands `return` and `throw` on": async (log) => {
    const inner = async function* (name) {
      try {
        yield 1;
      } catch (error) {
        log(name, "caught", error);
        yield 2;
      } finally {
        await null;
        log(name, "finally");
      }
      return "end";
    };
    const outer = async function* (name) {
      try {
        log(name, "got", yield* inner(name));
      } finally {
        log(name, "finally outside");
      }
    };
    const returned = outer("returned");
    await returned.next();
    await outcome(log, returned.return(Promise.resolve("early")), JSON.stringify);
    const thrownInto = outer("thrown");
    await thrownInto.next();
    await outcome(log, thrownInto.throw("no"), JSON.stringify);
    await outcome(log, thrownInto.next(), JSON.stringify);
  },

  "async generator: `yield*` over what has only `next`": async (log) => {
    const bare = (values) => ({
      [Symbol.asyncIterator]: () => ({ next: async () => ({ value: values.shift(), done: values.length === 0 }) }),
    });
    const outer = async function* (values) {
      try {
        yield* bare(values);
      } catch (error) {
        log("caught", error.name);
      } finally {
        log("finally");
      }
    };
    const one = outer([1, 2, 3]);
    await one.next();
    await outcome(log, one.return("early"), JSON.stringify);
    const two = outer([1, 2, 3]);
    await two.next();
    await outcome(log, two.throw("no"), JSON.stringify);
  },

  "async generator: `yield*` over what is no iterator": async (log) => {
    const outer = async function* (value) {
      yield* value;
    };
    const odd = [{ [Symbol.asyncIterator]: () => 1 }, { [Symbol.asyncIterator]: () => ({ next: () => 1 }) }];
    for (const value of [undefined, 1, {}, ...odd]) {
      await outcome(log, outer(value).next());
    }
  },

  "async generator: what it is": (log) => {
    const iterator = (async function* () {})();
    log(iterator[Symbol.asyncIterator]() === iterator, typeof iterator[Symbol.iterator]);
    log(Object.prototype.toString.call(iterator));
    log(iterator.next() instanceof Promise, iterator.return() instanceof Promise);
  },

  "for await: over what is no iterable": async (log) => {
    const odd = [{ [Symbol.asyncIterator]: () => 1 }, { [Symbol.iterator]: () => ({ next: () => 1 }) }];
    for (const value of [undefined, 1, {}, ...odd]) {
      await outcome(log, (async () => {
        for await (const item of value) {
          log("never", item);
        }
      })());
    }
  },

  "for await: `break` closes a synchronous iterator": async (log) => {
    const iterable = {
      [Symbol.iterator]: () => ({
        next: () => ({ value: Promise.resolve(1), done: false }),
        return: (...values) => (log("closed with", values.length), {}),
      }),
    };
    clock(log, 8);
    for await (const value of iterable) {
      log("value", value);
      break;
    }
    log("after");
  },

  // Thenables.

  "thenable: `then` is read once": (log) => {
    let reads = 0;
    const thenable = {
      get then() {
        reads += 1;
        return (settle) => settle(`after ${reads} read`);
      },
    };
    outcome(log, Promise.resolve(thenable));
  },

  "thenable: `then` is read at once and called later": (log) => {
    const thenable = {
      get then() {
        log("read");
        return () => log("called");
      },
    };
    Promise.resolve(thenable);
    log("after");
  },

  "thenable: `then` is called with itself as `this` and two functions": (log) => {
    const thenable = {
      then(...settlers) {
        log(this === thenable, settlers.map(({ length, name }) => `${length} "${name}"`).join(", "));
        settlers[0]();
      },
    };
    Promise.resolve(thenable);
  },

  "thenable: a getter that throws rejects": (log) => {
    const thenable = {
      get then() {
        throw "no";
      },
    };
    outcome(log, new Promise((resolve) => resolve(thenable)));
    outcome(log, Promise.resolve(thenable));
    outcome(log, Promise.resolve().then(() => thenable));
  },

  "thenable: only the first call of its functions counts": (log) => {
    const thenable = {
      then(resolve, reject) {
        resolve("first");
        resolve("second");
        reject("third");
        throw "fourth";
      },
    };
    outcome(log, Promise.resolve(thenable));
  },

  "thenable: a rejection that comes first counts": (log) => {
    outcome(log, Promise.resolve({ then: (resolve, reject) => (reject("first"), resolve("second")) }));
  },

  "thenable: one that throws before it settles": (log) => {
    const thenable = {
      then() {
        throw "no";
      },
    };
    outcome(log, Promise.resolve(thenable));
  },

  "thenable: one that resolves with another": (log) => {
    clock(log, 6);
    const inner = { then: (settle) => settle("inner") };
    outcome(log, Promise.resolve({ then: (settle) => settle(inner) }));
  },

  "thenable: one that rejects with a thenable": (log) => {
    const reason = { then: () => log("never"), toString: () => "the thenable itself" };
    outcome(log, Promise.resolve({ then: (resolve, reject) => reject(reason) }));
    outcome(log, Promise.reject(reason));
  },

  "thenable: what is called `then` and is no function": (log) => {
    outcome(log, Promise.resolve({ then: 1, toString: () => "an object" }));
  },

  "thenable: functions can be thenables, and values of other kinds can't": (log) => {
    const call = () => {};
    call.then = (settle) => settle("of a function");
    outcome(log, Promise.resolve(call));
    Number.prototype.then = () => log("never");
    outcome(log, Promise.resolve(1));
    outcome(log, new Promise((resolve) => resolve(2)));
    delete Number.prototype.then;
  },

  "settling: only the first call counts": (log) => {
    outcome(log, new Promise((resolve, reject) => (resolve(1), reject(2), resolve(3))));
    outcome(log, new Promise((resolve, reject) => (reject(1), resolve(2))));
  },

  "settling: a promise that follows another can't be settled any more": (log) => {
    let settle;
    const inner = new Promise((resolve) => (settle = resolve));
    const outer = new Promise((resolve, reject) => {
      resolve(inner);
      resolve("too late");
      reject("too late");
    });
    outcome(log, outer);
    settle("inner");
  },

  "settling: what the executor throws rejects, unless it was settled before": (log) => {
    outcome(log, new Promise(() => {
      throw "no";
    }));
    outcome(log, new Promise((resolve) => {
      resolve("settled");
      throw "no";
    }));
  },

  "settling: with itself rejects": (log) => {
    let resolve;
    const promise = new Promise((settle) => (resolve = settle));
    resolve(promise);
    outcome(log, promise);
    const chained = Promise.resolve().then(() => chained);
    outcome(log, chained);
  },

  "settling: the functions' names, lengths and results": (log) => {
    new Promise((resolve, reject) => {
      for (const settler of [resolve, reject]) {
        log(settler.length, `"${settler.name}"`, "prototype" in settler);
      }
      log(resolve(), resolve(), reject());
    });
  },

  // Subclasses and constructors.

  "subclass: `then`, `catch` and `finally` make promises of it": (log) => {
    const promise = Sub.resolve();
    for (const made of [promise.then(), promise.catch(), promise.finally(), promise.finally(() => {})]) {
      log(made.constructor === Sub, made instanceof Sub, made instanceof Promise);
    }
  },

  "subclass: static functions make promises of it": (log) => {
    const reason = Sub.reject();
    reason.catch(() => {});
    const combined = [Sub.all([]), Sub.allSettled([]), Sub.race([])];
    for (const made of [Sub.resolve(), reason, ...combined, Sub.withResolvers().promise, Sub.try(() => {})]) {
      log(made.constructor === Sub);
    }
  },

  "subclass: `Symbol.species` chooses another": (log) => {
    class Plain extends Promise {
      static get [Symbol.species]() {
        log("species is read");
        return Promise;
      }
    }
    const promise = Plain.resolve();
    log(promise.constructor === Plain, promise.then().constructor === Promise);
    log(promise.finally(() => {}).constructor === Promise);
  },

  "subclass: a `Symbol.species` that is null or undefined means `Promise`": (log) => {
    for (const species of [null, undefined]) {
      class Plain extends Promise {
        static [Symbol.species] = species;
      }
      log(Plain.resolve().then().constructor === Promise);
    }
  },

  "subclass: a `Symbol.species` that is no constructor": (log) => {
    for (const species of [1, "text", {}, () => {}]) {
      class Odd extends Promise {
        static [Symbol.species] = species;
      }
      thrown(log, () => Odd.resolve().then());
    }
  },

  "subclass: a changed `Symbol.species` of `Promise` itself": (log) => {
    const species = Object.getOwnPropertyDescriptor(Promise, Symbol.species);
    const promise = Promise.resolve();
    Object.defineProperty(Promise, Symbol.species, { value: Sub, configurable: true });
    const made = promise.then();
    Object.defineProperty(Promise, Symbol.species, species);
    log(made.constructor === Sub);
  },

  "subclass: `constructor` of a promise": (log) => {
    for (const constructor of [undefined, null, 1, {}, { [Symbol.species]: Sub }]) {
      const promise = Promise.resolve();
      promise.constructor = constructor;
      thrown(log, () => log(promise.then().constructor === Promise));
      thrown(log, () => log(promise.finally().constructor === Promise));
    }
  },

  "subclass: `then` calls the constructor once, with one function": (log) => {
    class Counted extends Promise {
      constructor(...values) {
        super(...values);
        log("constructed with", values.length, values[0].length);
      }
    }
    const promise = Counted.resolve();
    promise.then();
  },

  "subclass: one that does not hand on its functions": (log) => {
    class Broken {
      constructor(executor) {
        executor();
      }
      static [Symbol.species] = Broken;
    }
    const promise = Promise.resolve();
    promise.constructor = Broken;
    thrown(log, () => promise.then());
    thrown(log, () => Promise.resolve.call(Broken, 1));
    thrown(log, () => Promise.all.call(Broken, []));
  },

  "subclass: one that calls its executor twice": (log) => {
    class Twice {
      constructor(executor) {
        executor(() => log("first resolve"), () => log("first reject"));
        executor(() => log("second resolve"), () => log("second reject"));
      }
    }
    thrown(log, () => Promise.resolve.call(Twice, 1));
    class Later {
      constructor(executor) {
        executor(undefined, undefined);
        executor((value) => log("resolve", value), (error) => log("reject", error));
      }
    }
    thrown(log, () => Promise.resolve.call(Later, 1));
    thrown(log, () => Promise.reject.call(Later, 2));
  },

  "subclass: `Promise.resolve` hands back promises of the same constructor": (log) => {
    const plain = Promise.resolve();
    const sub = Sub.resolve();
    log(Promise.resolve(plain) === plain, Promise.resolve(sub) === sub);
    log(Sub.resolve(plain) === plain, Sub.resolve(sub) === sub);
    plain.constructor = Sub;
    log(Promise.resolve(plain) === plain, Sub.resolve(plain) === plain);
  },

  "subclass: promises of a foreign class as results": (log) => {
    class Foreign {
      constructor(executor) {
        executor((value) => log("resolve", value), (error) => log("reject", error.name));
      }
      static resolve = (value) => value;
    }
    const item = { then: (resolve) => resolve("item") };
    Promise.all.call(Foreign, [item]);
    Promise.race.call(Foreign, [item]);
    Promise.any.call(Foreign, [item]);
    Promise.allSettled.call(Foreign, [item]);
    Promise.all.call(Foreign, 1);
  },

  "constructor: what it refuses": (log) => {
    thrown(log, () => Promise(() => {}));
    for (const executor of [undefined, null, 1, "text", {}, Symbol("s"), Object.create(null)]) {
      thrown(log, () => new Promise(executor));
    }
    thrown(log, () => Reflect.construct(Promise, [() => {}], Sub));
  },

  "constructor: methods on what is no promise": (log) => {
    for (const value of [undefined, null, 1, {}, Promise, Promise.prototype]) {
      thrown(log, () => Promise.prototype.then.call(value));
      thrown(log, () => Promise.prototype.catch.call(value));
      thrown(log, () => Promise.prototype.finally.call(value));
    }
  },

  "constructor: `then` of a non-promise does not read `constructor`": (log) => {
    const value = {
      get constructor() {
        log("read");
        return Promise;
      },
    };
    thrown(log, () => Promise.prototype.then.call(value));
  },

  "constructor: static functions without a constructor": (log) => {
    for (const name of ["resolve", "reject", "all", "allSettled", "any", "race", "withResolvers", "try"]) {
      for (const constructor of [undefined, null, 1, {}, () => {}]) {
        thrown(log, () => Promise[name].call(constructor, []));
      }
    }
  },

  "constructor: `Promise.resolve.call` with what equals the promise's `constructor`": (log) => {
    const promise = Promise.resolve();
    promise.constructor = 1;
    thrown(log, () => Promise.resolve.call(1, promise));
  },

  "shape: names, lengths and attributes": (log) => {
    const describe = (object, key) => {
      const { value, get, set, writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(object, key);
      const call = get ?? value;
      const shown = typeof call === "function" ? `${call.name} ${call.length} ${typeof call.prototype}` : typeof call;
      log(String(key), shown, writable, enumerable, configurable, typeof get, typeof set);
    };
    const statics = ["resolve", "reject", "all", "allSettled", "any", "race"];
    for (const key of [...statics, "prototype", "name", "length", Symbol.species]) {
      describe(Promise, key);
    }
    for (const key of ["constructor", "then", "catch", "finally", Symbol.toStringTag]) {
      describe(Promise.prototype, key);
    }
    log(Object.prototype.toString.call(Promise.resolve()), Promise.prototype[Symbol.toStringTag]);
    log(Object.keys(Promise.resolve()).length, Object.getOwnPropertyNames(Promise.resolve()).length);
  },

  // `then`, `catch` and `finally`.

  "then: what is no function is passed over": (log) => {
    outcome(log, Promise.resolve("value").then(1, 2));
    outcome(log, Promise.resolve("value").then(null, {}));
    outcome(log, Promise.reject("reason").then(1, 2));
    outcome(log, Promise.reject("reason").then());
  },

  "then: reactions get one argument and no `this`": (log) => {
    Promise.resolve("value").then(function (...values) {
      log(values.length, this);
    });
    Promise.reject("reason").catch(function (...values) {
      log(values.length, this);
    });
  },

  "catch: calls `then`, whatever it belongs to": (log) => {
    const like = { then: (...reactions) => (log(reactions.map((reaction) => typeof reaction).join()), "result") };
    log(Promise.prototype.catch.call(like, () => {}));
    Loud.log = log;
    Loud.resolve().catch(() => {});
    Loud.log = () => {};
  },

  "catch: its value goes on": (log) => {
    outcome(log, Promise.reject("no").catch(() => "mended"));
    outcome(log, Promise.resolve("fine").catch(() => "mended"));
  },

  "finally: keeps the value and the reason": (log) => {
    outcome(log, Promise.resolve("value").finally(() => "another"));
    outcome(log, Promise.reject("reason").finally(() => "another"));
  },

  "finally: its function gets no arguments": (log) => {
    Promise.resolve("value").finally((...values) => log(values.length));
    Promise.reject("reason").finally((...values) => log(values.length)).catch(() => {});
  },

  "finally: what it throws or rejects with goes on": (log) => {
    outcome(log, Promise.resolve("value").finally(() => {
      throw "thrown";
    }));
    outcome(log, Promise.reject("reason").finally(() => Promise.reject("rejected")));
  },

  "finally: waits for what it returns": (log) => {
    clock(log, 8);
    outcome(log, Promise.resolve("value").finally(() => Promise.resolve().then(() => log("inside"))));
  },

  "finally: takes three jobs": (log) => {
    clock(log, 7);
    outcome(log, Promise.resolve("value").finally(() => {}));
    outcome(log, Promise.reject("reason").finally(() => {}));
  },

  "finally: what is no function is handed to `then` as it is": (log) => {
    const like = { then: (...reactions) => (log(reactions.join(" ")), "result"), constructor: Promise };
    log(Promise.prototype.finally.call(like, 1));
    log(Promise.prototype.finally.call(like, undefined));
  },

  "finally: works on whatever has a `then`": (log) => {
    const like = {
      then: (onFulfilled, onRejected) => {
        log(typeof onFulfilled, onFulfilled.length, `"${onFulfilled.name}"`, typeof onRejected, onRejected.length);
        return "result";
      },
    };
    log(Promise.prototype.finally.call(like, () => {}));
  },

  "finally: calls `then` of what `constructor` resolves": (log) => {
    Loud.log = log;
    const promise = Loud.resolve("value");
    return promise.finally(() => log("finally")).then(() => (Loud.log = () => {}));
  },

  "finally: reads `constructor` before it looks at its argument": (log) => {
    const like = {
      get constructor() {
        log("constructor is read");
        return Promise;
      },
      then: () => "result",
    };
    log(Promise.prototype.finally.call(like, 1));
  },

  // Combinators.

  "all: values in the order of the promises": (log) => {
    const later = new Promise((resolve) => setTimeout(resolve, 1, "later"));
    const thenable = { then: (settle) => settle("thenable") };
    outcome(log, Promise.all([later, Promise.resolve("now"), "value", thenable]), (all) => all.join());
    return later;
  },

  "all: the first rejection counts, and the rest is handled": (log) => {
    outcome(log, Promise.all([Promise.reject("first"), Promise.reject("second"), Promise.resolve()]));
  },

  "all: of nothing": (log) => {
    clock(log, 3);
    outcome(log, Promise.all([]), (all) => all.length);
  },

  "all: of values, and the jobs it takes": (log) => {
    clock(log, 5);
    outcome(log, Promise.all([1, Promise.resolve(2)]), (all) => all.join());
  },

  "all: what is no iterable rejects": (log) => {
    outcome(log, Promise.all());
    outcome(log, Promise.all(1));
    outcome(log, Promise.all({ [Symbol.iterator]: 1 }));
  },

  "all: an iterator that throws rejects, and is not closed": (log) => {
    const iterator = {
      [Symbol.iterator]: () => iterator,
      next() {
        throw "no";
      },
      return: () => log("closed"),
    };
    outcome(log, Promise.all(iterator));
  },

  "all: `resolve` that throws closes the iterator": (log) => {
    class Odd extends Promise {
      static resolve() {
        throw "no";
      }
    }
    const iterator = {
      [Symbol.iterator]: () => iterator,
      next: () => ({ value: 1, done: false }),
      return: () => (log("closed"), {}),
    };
    outcome(log, Odd.all(iterator));
  },

  "all: `then` that throws closes the iterator": (log) => {
    class Odd extends Promise {
      static resolve = () => ({
        then() {
          throw "no";
        },
      });
    }
    const iterator = {
      [Symbol.iterator]: () => iterator,
      next: () => ({ value: 1, done: false }),
      return: () => (log("closed"), {}),
    };
    outcome(log, Odd.all(iterator));
  },

  "all: `resolve` is read once, and before the iterator": (log) => {
    class Odd extends Promise {
      static get resolve() {
        log("resolve is read");
        return super.resolve;
      }
    }
    const iterable = {
      get [Symbol.iterator]() {
        log("iterator is read");
        return [][Symbol.iterator];
      },
      length: 0,
    };
    outcome(log, Odd.all(iterable), (all) => all.length);
    outcome(log, Odd.all([1, 2]), (all) => all.length);
  },

  "all: a `resolve` that is no function rejects": (log) => {
    class Odd extends Promise {
      static resolve = 1;
    }
    for (const name of ["all", "allSettled", "any", "race"]) {
      outcome(log, Odd[name]([]));
    }
  },

  "all: a thenable that settles twice counts once": (log) => {
    class Odd extends Promise {
      static resolve = (value) => value;
    }
    const twice = { then: (settle) => (settle("twice"), settle("twice")) };
    const never = { then: () => {} };
    outcome(log, Odd.all([twice, never]), (all) => all.join());
    outcome(log, Odd.all([twice, twice]), (all) => all.join());
    outcome(log, Odd.allSettled([twice, never]), (all) => all.length);
    outcome(log, Odd.any([{ then: (resolve, reject) => (reject(1), reject(2)) }, never]), (all) => all.length);
  },

  "all: a thenable that settles at once, in a class that hands it on": (log) => {
    class Odd extends Promise {
      static resolve = (value) => value;
    }
    outcome(log, Odd.all([{ then: (settle) => settle(1) }, { then: (settle) => settle(2) }]), (all) => all.join());
  },

  "all: the functions that it hands to `then`": (log) => {
    class Odd extends Promise {
      static resolve = () => ({
        then: (...reactions) => log(reactions.map((reaction) => `${reaction.length} "${reaction.name}"`).join(", ")),
      });
    }
    for (const name of ["all", "allSettled", "any", "race"]) {
      Odd[name]([1]);
    }
  },

  "allSettled: the outcome of each": (log) => {
    outcome(log, Promise.allSettled([1, Promise.reject("no"), { then: (settle) => settle(3) }]), JSON.stringify);
    outcome(log, Promise.allSettled([]), JSON.stringify);
  },

  "allSettled: of a thenable that fulfils and rejects": (log) => {
    class Odd extends Promise {
      static resolve = (value) => value;
    }
    outcome(log, Odd.allSettled([{ then: (resolve, reject) => (resolve(1), reject(2)) }]), JSON.stringify);
    outcome(log, Odd.allSettled([{ then: (resolve, reject) => (reject(2), resolve(1)) }]), JSON.stringify);
  },

  "allSettled: the keys of its records": async (log) => {
    for (const result of await Promise.allSettled([1, Promise.reject(2)])) {
      log(Object.keys(result).join(), Object.getPrototypeOf(result) === Object.prototype);
    }
  },

  "any: the first that is fulfilled": (log) => {
    outcome(log, Promise.any([Promise.reject("no"), Promise.resolve("yes"), Promise.resolve("too late")]));
  },

  "any: an AggregateError if all are rejected": async (log) => {
    const later = new Promise((resolve, reject) => setTimeout(reject, 1, "later"));
    const error = await Promise.any([later, Promise.reject("now")]).catch((error) => error);
    log(error.name, error.message, error.errors.join(), error instanceof AggregateError, error instanceof Error);
    log(Object.getOwnPropertyNames(error).filter((name) => name !== "stack").sort().join());
    const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(error, "errors");
    log(writable, enumerable, configurable);
  },

  "any: of nothing": async (log) => {
    clock(log, 3);
    const error = await Promise.any([]).catch((error) => error);
    log(error.name, error.errors.length);
  },

  "race: the first that settles": (log) => {
    outcome(log, Promise.race([new Promise(() => {}), Promise.reject("no"), Promise.resolve("too late")]));
    outcome(log, Promise.race([new Promise(() => {}), "value", Promise.reject("too late")]));
  },

  "race: of nothing stays pending": (log) => {
    outcome(log, Promise.race([]));
    log("after");
  },

  "race: takes two jobs": (log) => {
    clock(log, 4);
    outcome(log, Promise.race([Promise.resolve("value")]));
  },

  "withResolvers: a promise and its functions": (log) => {
    const one = Promise.withResolvers();
    const two = Promise.withResolvers();
    log(Object.keys(one).join(), one.promise.constructor === Promise, one.resolve.length, one.reject.length);
    outcome(log, one.promise);
    outcome(log, two.promise);
    two.reject("no");
    one.resolve(Promise.resolve("yes"));
    one.reject("too late");
  },

  "try: calls at once, and whatever comes of it is a promise": (log) => {
    clock(log, 4);
    outcome(log, Promise.try((...values) => (log("called"), values.join()), 1, 2));
    outcome(log, Promise.try(() => {
      throw "no";
    }));
    outcome(log, Promise.try(async () => "async"));
    outcome(log, Promise.try(1));
    log("after");
  },

  "resolve and reject: what they make": (log) => {
    const promise = Promise.reject("no");
    log(Promise.resolve(promise) === promise);
    outcome(log, Promise.reject(promise), (value) => value === promise);
    outcome(log, promise);
  },

  // Rejections that nobody handles.

  "unhandled: ends the invocation": (log) => {
    log("before");
    Promise.reject(new TypeError("nobody listens"));
    queueMicrotask(() => log("jobs still run"));
  },

  "unhandled: what is no error": () => {
    Promise.reject("only text");
  },

  "unhandled: of an async function": () => {
    (async () => {
      await null;
      throw new RangeError("nobody listens");
    })();
  },

  "unhandled: handled in a later job in time": (log) => {
    const promise = Promise.reject(new Error("no"));
    Promise.resolve().then(() => {}).then(() => {}).then(() => promise.catch((error) => log("caught", error.message)));
  },

  "unhandled: handled after the jobs is too late": (log) => {
    const promise = Promise.reject(new Error("too late"));
    setTimeout(() => promise.catch((error) => log("caught", error.message)), 1);
  },

  "unhandled: what comes of `then` without a handler": () => {
    Promise.reject(new Error("passed on")).then(() => {});
  },

  "unhandled: what comes of `finally`": () => {
    const promise = Promise.reject(new Error("passed on"));
    promise.catch(() => {});
    promise.finally(() => {});
  },

  "unhandled: of a handler that throws": () => {
    Promise.reject(new Error("first")).catch(() => {
      throw new Error("second");
    });
  },

  "unhandled: the first of several": () => {
    Promise.reject(new Error("first"));
    Promise.reject(new Error("second"));
  },

  "unhandled: not the ones that a combinator took": (log) => {
    outcome(log, Promise.all([Promise.reject(new Error("first")), Promise.reject(new Error("second"))]));
    outcome(log, Promise.race([Promise.reject(new Error("first")), Promise.reject(new Error("second"))]));
    outcome(log, Promise.allSettled([Promise.reject(new Error("first"))]), (all) => all.length);
  },

  "unhandled: of a combinator": () => {
    Promise.all([Promise.reject(new Error("of one"))]);
  },

  "unhandled: of a promise that follows a rejected one": () => {
    new Promise((resolve) => resolve(Promise.reject(new Error("inner"))));
  },

  "unhandled: of a subclass": () => {
    Sub.reject(new Error("of a subclass"));
  },

  "unhandled: of an async generator": () => {
    (async function* () {
      throw new Error("of a generator");
    })().next();
  },

  "unhandled: in a timer": (log) => {
    setTimeout(() => {
      log("timer");
      Promise.reject(new Error("in a timer"));
    }, 1);
    return new Promise((resolve) => setTimeout(resolve, 5));
  },

  "uncaught: in a microtask, and the jobs after it run": (log) => {
    queueMicrotask(() => {
      throw new Error("in a microtask");
    });
    queueMicrotask(() => log("next"));
  },

  "uncaught: in a tick, and the ticks after it run": (log) => {
    process.nextTick(() => {
      throw new Error("in a tick");
    });
    process.nextTick(() => log("next"));
  },

  "uncaught: in a timer": (log) => {
    setTimeout(() => {
      log("timer");
      throw new Error("in a timer");
    }, 1);
    return new Promise((resolve) => setTimeout(resolve, 5));
  },
};
