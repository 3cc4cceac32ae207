// This module queues the jobs of promises and the calls of `process.nextTick`, and keeps the errors that nobody handled.

let ticks = []; // who is called, in its `frame`
let jobs = []; // three in a row: who is resumed, whether with a value or with an error, and with which

// What `AsyncLocalStorage` keeps for the code that runs now, or nothing: a map that nobody changes. Who is resumed later
// keeps it as its own `frame`, and finds it again.
export let frame;
const uncaught = [];
const unhandled = new Map(); // rejected promises and their reasons

// Continues with another frame.
export function enter(next) {
  frame = next;
}

// Returns a function that calls in the frame of now.
export function bound(call) {
  const own = frame;
  return function (...values) {
    const before = frame;
    frame = own;
    try {
      return call.apply(this, values);
    } finally {
      frame = before;
    }
  };
}

// Has somebody be resumed, by the method of this name, in its `frame`. This makes no function: an `await` would
// otherwise cost more for the functions around it than for what it does.
export function queueJob(job, isFulfilled, value) {
  jobs.push(job, isFulfilled, value);
}

// Has a function be called, without arguments.
export function queueCall(call) {
  queueJob({ frame, resume: () => call() });
}

// Has a function be called once the code that runs now has ended: before the jobs, but after those that run already.
export function queueTick(call) {
  ticks.push({ frame, call });
}

// Returns a function that calls another one later, and tells a callback, its last parameter, what came of it.
export const later = (call) => (...values) => {
  const callback = values.pop();
  queueCall(() => {
    let result;
    try {
      result = call(...values);
    } catch (error) {
      callback(error);
      return;
    }
    callback(null, result);
  });
};

// Runs all jobs and ticks, and those that they queue: jobs first, as in an async function, where handlers run.
export function runJobs() {
  do {
    runPromiseJobs();
    runTicks();
  } while (jobs.length > 0);
  frame = undefined;
}

// Runs all ticks, and those that they queue.
export function runTicks() {
  while (ticks.length > 0) {
    const batch = ticks;
    ticks = [];
    for (const tick of batch) {
      frame = tick.frame;
      guarded(tick.call);
    }
  }
}

function runPromiseJobs() {
  while (jobs.length > 0) {
    const batch = jobs;
    jobs = [];
    for (let i = 0; i < batch.length; i += 3) {
      frame = batch[i].frame;
      try {
        batch[i].resume(batch[i + 1], batch[i + 2]);
      } catch (error) {
        uncaught.push(error);
      }
    }
  }
}

// Calls a function, and keeps what it throws.
export function guarded(call) {
  try {
    call();
  } catch (error) {
    uncaught.push(error);
  }
}

// Notes that a promise was rejected while nobody listens.
export function rejectedAlone(promise, reason) {
  unhandled.set(promise, reason);
}

// Notes that somebody listens to such a promise after all.
export function listenedTo(promise) {
  unhandled.delete(promise);
}

// Returns what nobody handled since the last call: errors, and the reasons of rejected promises.
export function takeFailures() {
  const failures = { errors: uncaught.splice(0), rejections: [...unhandled.values()] };
  unhandled.clear();
  return failures;
}
