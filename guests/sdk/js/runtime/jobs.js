// This module queues the jobs of promises, and keeps the errors that nobody handled.

let jobs = [];
const uncaught = [];
const unhandled = new Map(); // rejected promises and their reasons

export function queueJob(job) {
  jobs.push(job);
}

// Runs all jobs, and those that they queue.
export function runJobs() {
  while (jobs.length > 0) {
    const batch = jobs;
    jobs = [];
    for (let i = 0; i < batch.length; i++) {
      guarded(batch[i]);
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
