// Calls a handler, whichever way it answers: by what it returns, by a promise, or by a callback, as with Node.js up to 22
// on Lambda.

import { awaited, drain, settled } from "./loop.js";

// Returns the response, or throws what the handler failed with.
export function invoked(handle, event, context) {
  let answer;
  const done = (error, value) => void (answer ??= error == null ? { value } : { error });
  Object.assign(context, { done, fail: (error) => done(error ?? "handled"), succeed: (value) => done(null, value) });
  let returned;
  const value = awaited(() => {
    returned = handle(event, context, done);
    return answer === undefined ? returned : undefined;
  }, () => answer !== undefined);
  if (isThenable(returned) && answer === undefined) {
    return value;
  }
  if (answer === undefined && returned !== undefined && handle.length < 3) {
    return value;
  }
  // A handler that calls nothing back answers `null` once nothing is left to do.
  settled(() => answer !== undefined);
  if (context.callbackWaitsForEmptyEventLoop !== false) {
    drain();
  }
  if (answer !== undefined && "error" in answer) {
    throw answer.error;
  }
  return answer?.value;
}

const isThenable = (value) => typeof value === "object" && typeof value?.then === "function";
