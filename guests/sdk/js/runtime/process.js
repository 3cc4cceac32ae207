import clock from "wasi:clocks/monotonic-clock@0.2.0";
import environment from "wasi:cli/environment@0.2.0";
import exit from "wasi:cli/exit@0.2.0";
import { writeErr, writeOut } from "./console.js";
import { queueCall } from "./jobs.js";

let started = 0; // by the monotonic clock, in nanoseconds

export const process = {
  argv: ["node"],
  env: {},
  platform: "linux",
  stdout: { write: (text) => (writeOut(text), true) },
  stderr: { write: (text) => (writeErr(text), true) },
  cwd: () => "/",
  // Ends the invocation with `Guest.Exit`, and the instance with it.
  exit: (code = process.exitCode ?? 0) => exit.exit({ tag: code === 0 ? "ok" : "err" }),
  hrtime: Object.assign(
    ([seconds, nanoseconds] = [0, 0]) => {
      const since = clock.now() - seconds * 1e9 - nanoseconds;
      return [Math.floor(since / 1e9), since % 1e9];
    },
    { bigint: () => BigInt(clock.now()) },
  ),
  nextTick: (callback, ...args) => queueCall(() => callback(...args)),
  uptime: () => (clock.now() - started) / 1e9,
};

export const performance = {
  timeOrigin: 0,
  now: () => (clock.now() - started) / 1e6,
};

// What of all this must be read in the instance and not at build time.
export function startProcess() {
  started = clock.now();
  performance.timeOrigin = Date.now();
  Object.assign(process.env, Object.fromEntries(environment.getEnvironment()));
}

// The X-Ray header is in the environment, as on AWS, and another one in each invocation.
export function setTraceId(traceId) {
  if (traceId == null) {
    delete process.env._X_AMZN_TRACE_ID;
  } else {
    process.env._X_AMZN_TRACE_ID = traceId;
  }
}
