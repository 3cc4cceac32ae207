import stderr from "wasi:cli/stderr@0.2.0";
import stdout from "wasi:cli/stdout@0.2.0";
import { format, inspect } from "./inspect.js";
import { traced } from "./stack.js";
import { encode } from "./text.js";

// What `blocking-write-and-flush` takes at most.
const CHUNK = 4096;

let out, err;

// Streams are opened when first used: in the image they would be those of the build.
export const writeOut = (text) => writeTo((out ??= stdout.getStdout()), text);
export const writeErr = (text) => writeTo((err ??= stderr.getStderr()), text);

// The host takes a line's level from what stands before the first tab, and INFO where there is none.
const LEVELS = { debug: "DEBUG\t", error: "ERROR\t", trace: "TRACE\t", warn: "WARN\t" };

// Returns a console that writes with these functions, which take a text.
export function consoleOf(writeOut, writeErr, levels = {}) {
  let indent = "";
  const counts = new Map();
  const times = new Map();
  // Of an object that is a line of its own the host takes the object's level.
  const print = (write, level = "") => (...values) => {
    const text = format(...values);
    write(`${/^\{.*\}$/.test(text) ? text : text.replace(/^/gm, level + indent)}\n`);
  };
  const info = print(writeOut);
  const error = print(writeErr, levels.error);
  const trace = print(writeErr, levels.trace);
  const console = {
    log: info,
    info,
    debug: print(writeOut, levels.debug),
    warn: print(writeErr, levels.warn),
    error,
    trace: (...values) => trace(["Trace: " + format(...values), ...traced(new Error().stack)].join("\n    at ")),
    dir: (value, options) => info(inspect(value, options)),
    table: (value) => info(inspect(value)),
    assert: (condition, ...values) => condition || error(`Assertion failed${values.length > 0 ? `: ${format(...values)}` : ""}`),
    group: (...values) => {
      values.length > 0 && info(...values);
      indent += "  ";
    },
    groupEnd: () => (indent = indent.slice(2)),
    count: (label = "default") => {
      counts.set(label, (counts.get(label) ?? 0) + 1);
      info(`${label}: ${counts.get(label)}`);
    },
    countReset: (label = "default") => counts.delete(label),
    time: (label = "default") => times.set(label, performance.now()),
    timeLog: (label = "default", ...values) => info(`${label}: ${(performance.now() - times.get(label)).toFixed(3)}ms`, ...values),
    timeEnd: (label = "default") => {
      console.timeLog(label);
      times.delete(label);
    },
  };
  return Object.assign(console, { dirxml: info, groupCollapsed: console.group, timeStamp() {} });
}

export const console = consoleOf(writeOut, writeErr, LEVELS);

function writeTo(stream, text) {
  const bytes = typeof text === "string" ? encode(text) : text;
  try {
    for (let i = 0; i < bytes.length; i += CHUNK) {
      stream.blockingWriteAndFlush(bytes.subarray(i, i + CHUNK));
    }
  } catch {
    // Where nothing can be written there is nobody to tell.
  }
}
