// This module is the event loop. Nothing runs the jobs of the engine's promises while an exported function runs, so the
// promises are those of `promise.js`. Their jobs are queued in `jobs.js`, and `awaited` runs jobs and timers until there
// is a response.

import clock from "wasi:clocks/monotonic-clock@0.2.0";
import { HandlerError } from "./errors.js";
import { inspect } from "./inspect.js";
import { bound, enter, guarded, queueCall, runJobs, runTicks, takeFailures } from "./jobs.js";

let immediates = [];
let source; // `net/poll.js`, in a guest that has it
const timers = []; // by time, those of the same time by age

// Calls a function, and waits for what it returns.
export function awaited(call, isEnough = () => false) {
  // Nothing is left of what the invocation before has entered.
  enter(undefined);
  const returned = call();
  if (typeof returned !== "object" || typeof returned?.then !== "function") {
    return returned;
  }
  let settled;
  const settle = (state) => (value) => (settled ??= { state, value });
  Promise.resolve(returned).then(settle("fulfilled"), settle("rejected"));
  run(() => settled !== undefined || isEnough());
  if (settled?.state === "rejected") {
    throw settled.value;
  }
  return settled?.value;
}

// Runs until something is so, or until nothing is left to do.
export function settled(isDone) {
  run(isDone, () => true, true);
}

// Runs until nothing is left to do.
export function drain() {
  run(() => false, () => true, true);
}

function neverSettled() {
  throw new HandlerError("Runtime.NeverSettled", "the handler waits for a promise that nothing is left to settle");
}

// `isLast` says to wait only for what was not told otherwise by `unref`.
function run(isDone, isOver = neverSettled, isLast = false) {
  for (;;) {
    runJobs();
    const done = isDone();
    failFor(done);
    if (done) {
      return;
    }
    if (immediates.length > 0) {
      const due = immediates;
      immediates = [];
      due.forEach(runImmediate);
      // Neither immediates nor timers may keep the network waiting.
      source?.isWaiting(false) && poll(0);
    } else if (source?.isWaiting(isLast)) {
      poll(timers.length > 0 ? Math.max(0, Math.ceil(timers[0].at - clock.now())) : undefined);
    } else if (timers.some((timer) => !isLast || timer.hasRef())) {
      runTimer();
    } else if (isOver()) {
      return;
    }
  }
}

let rememberedTimers = [];

// Remembers what waits now, before a request is handled, or forgets all that has come since.
export function rememberRequest() {
  rememberedTimers = timers.slice();
}

export function forgetRequest() {
  runJobs();
  immediates = [];
  timers.filter((timer) => !rememberedTimers.includes(timer)).forEach(clear);
  failFor(true);
}

// What nobody catches ends the invocation, as it ends the process in Node; once there is a response, it is only told
// of.
function failFor(done) {
  const { errors, rejections } = takeFailures();
  if (done) {
    errors.forEach((error) => console.error("uncaught", error));
    rejections.forEach((reason) => console.error("unhandled rejection", reason));
  } else if (errors.length > 0) {
    throw errors[0];
  } else if (rejections.length > 0) {
    const reason = rejections[0];
    const text = reason instanceof Error ? `${reason.name}: ${reason.message}` : inspect(reason);
    throw new HandlerError("Runtime.UnhandledPromiseRejection", text);
  }
}

function runImmediate(immediate) {
  if (immediate.isActive) {
    immediate.isActive = false;
    runTask(immediate.call);
    runJobs();
  }
}

// Has `source` be asked for what is ready in the world, beside the timers: whether it waits, and to wait for so many
// nanoseconds at most.
export function pollBy(poller) {
  source = poller;
}

function poll(most) {
  for (const call of source.wait(most)) {
    runTask(call);
    runJobs();
  }
  if (most !== undefined && timers.length > 0 && timers[0].at <= clock.now()) {
    runTimer();
  }
}

function runTimer() {
  const wait = timers[0].at - clock.now();
  if (wait > 0) {
    const pollable = clock.subscribeDuration(Math.ceil(wait));
    pollable.block();
    pollable[Symbol.dispose]();
  }
  const timer = timers.shift();
  if (timer.isRepeated) {
    schedule(timer);
  } else {
    byId.delete(timer.id);
  }
  runTask(timer.call);
}

// What a task hands to `process.nextTick` comes before the jobs of promises.
function runTask(call) {
  guarded(call);
  runTicks();
}

function schedule(timer) {
  timer.at = clock.now() + timer.delay * 1e6;
  let i = timers.length;
  while (i > 0 && timers[i - 1].at > timer.at) {
    i--;
  }
  timers.splice(i, 0, timer);
}

let lastId = 0;
const byId = new Map(); // for `clearTimeout(Number(timer))`

// What `setTimeout` and `setInterval` return, as in Node.
class Timeout {
  id; // only where somebody asked for a number
  #isRef = true;

  constructor(callback, delay, isRepeated, args) {
    requireFunction(callback);
    this.call = bound(() => callback(...args));
    // Node's rule for what is no delay or too large a one.
    this.delay = delay >= 1 && delay <= 0x7fffffff ? Math.trunc(delay) : 1;
    this.isRepeated = isRepeated;
    schedule(this);
  }

  // An async handler waits for all timers alike; what is left after a callback, only for those that count.
  ref() {
    this.#isRef = true;
    return this;
  }

  unref() {
    this.#isRef = false;
    return this;
  }

  hasRef() {
    return this.#isRef;
  }

  refresh() {
    if (this.isCleared) {
      return this;
    }
    const at = timers.indexOf(this);
    if (at >= 0) {
      timers.splice(at, 1);
    }
    schedule(this);
    return this;
  }

  close() {
    clear(this);
    return this;
  }

  [Symbol.toPrimitive]() {
    this.id ??= ++lastId;
    byId.set(this.id, this);
    return this.id;
  }

  [Symbol.dispose]() {
    clear(this);
  }
}

class Immediate {
  isActive = true;

  constructor(callback, args) {
    requireFunction(callback);
    this.call = bound(() => callback(...args));
    immediates.push(this);
  }

  [Symbol.dispose]() {
    clear(this);
  }
}

export const setTimeout = (callback, delay, ...args) => new Timeout(callback, delay, false, args);
const custom = Symbol.for("nodejs.util.promisify.custom");
setTimeout[custom] = (delay, value) => new Promise((resolve) => setTimeout(resolve, delay, value));
export const setInterval = (callback, delay, ...args) => new Timeout(callback, delay, true, args);
export const setImmediate = (callback, ...args) => new Immediate(callback, args);
setImmediate[custom] = (value) => new Promise((resolve) => setImmediate(resolve, value));

export function clear(what) {
  const timer = typeof what === "object" && what !== null ? what : byId.get(Number(what));
  if (timer instanceof Timeout || timer instanceof Immediate) {
    timer.isCleared = true;
    timer.isActive = timer.isRepeated = false; // an immediate is only marked; a running interval does not come again
    byId.delete(timer.id);
    const at = timers.indexOf(timer);
    if (at >= 0) {
      timers.splice(at, 1);
    }
  }
}

export function queueMicrotask(callback) {
  requireFunction(callback);
  queueCall(callback);
}

function requireFunction(callback) {
  if (typeof callback !== "function") {
    const error = new TypeError(`The "callback" argument must be of type function. Received ${inspect(callback)}`);
    error.code = "ERR_INVALID_ARG_TYPE";
    throw error;
  }
}
