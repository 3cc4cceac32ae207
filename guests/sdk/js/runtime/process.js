import clock from "wasi:clocks/monotonic-clock@0.2.0";
import environment from "wasi:cli/environment@0.2.0";
import exit from "wasi:cli/exit@0.2.0";
import { console, writeErr, writeOut } from "./console.js";
import { queueTick } from "./jobs.js";
import { emitterOf } from "./process-events.js";

// The line of Node.js that the SDK follows.
const VERSION = "24.11.0";

let started = 0; // by the monotonic clock, in nanoseconds

export const process = {
  // Nothing of these is ever emitted: a guest gets no signals, and what nobody catches ends the invocation.
  ...emitterOf(),
  arch: "x64",
  argv: ["node", "/var/task/handler.js"],
  argv0: "node",
  config: { variables: {} },
  env: {},
  execArgv: [],
  execPath: "/var/lang/bin/node",
  features: {},
  pid: 1,
  platform: "linux",
  ppid: 0,
  release: { name: "node", lts: "Krypton" },
  stdin: { fd: 0, isTTY: undefined, ...emitterOf() },
  stdout: output(1, writeOut),
  stderr: output(2, writeErr),
  title: "node",
  version: `v${VERSION}`,
  versions: { node: VERSION, modules: "137" },
  chdir: () => {},
  cpuUsage: () => ({ user: Math.round((clock.now() - started) / 1000), system: 0 }),
  cwd: () => "/",
  emitWarning: warn,
  // Ends the invocation with `Guest.Exit`, and the instance with it.
  exit: (code = process.exitCode ?? 0) => exit.exit({ tag: code === 0 ? "ok" : "err" }),
  hrtime: Object.assign(
    ([seconds, nanoseconds] = [0, 0]) => {
      const since = clock.now() - seconds * 1e9 - nanoseconds;
      return [Math.floor(since / 1e9), since % 1e9];
    },
    { bigint: () => BigInt(clock.now()) },
  ),
  // The guest does not know what it has: the host counts.
  memoryUsage: Object.assign(() => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }), { rss: () => 0 }),
  nextTick: (callback, ...args) => queueTick(() => callback(...args)),
  umask: () => 0o22,
  getuid: () => 0,
  geteuid: () => 0,
  getgid: () => 0,
  getegid: () => 0,
  uptime: () => (clock.now() - started) / 1e9,
};

function output(fd, write) {
  const stream = {
    ...emitterOf(),
    fd,
    writable: true,
    write(text, encoding, callback = encoding) {
      write(text);
      typeof callback === "function" && queueCall(() => callback());
      return true;
    },
    // It stays open, as Node's does.
    end(...values) {
      typeof values[0] === "string" || values[0] instanceof Uint8Array ? stream.write(...values) : typeof values[0] === "function" && queueCall(values[0]);
      queueCall(() => stream.emit("finish"));
      return stream;
    },
  };
  return stream;
}

function warn(warning, type, code) {
  const options = typeof type === "object" && type !== null ? type : { type, code };
  const name = warning?.name ?? options.type ?? "Warning";
  console.warn(`(node:1) ${options.code ? `[${options.code}] ` : ""}${name}: ${warning?.message ?? warning}`);
}

const marks = new Map();

export const performance = {
  timeOrigin: 0,
  now: () => (clock.now() - started) / 1e6,
  mark(name, { startTime = performance.now(), detail = null } = {}) {
    const mark = { name, entryType: "mark", startTime, duration: 0, detail };
    marks.set(name, mark);
    return mark;
  },
  measure(name, start, end) {
    const [from, to] = typeof start === "object" && start !== null ? [start.start, start.end] : [start, end];
    const timeOf = (mark, otherwise) => (typeof mark === "number" ? mark : mark === undefined ? otherwise : (marks.get(mark)?.startTime ?? otherwise));
    const startTime = timeOf(from, 0);
    return { name, entryType: "measure", startTime, duration: timeOf(to, performance.now()) - startTime, detail: start?.detail ?? null };
  },
  clearMarks: (name) => void (name === undefined ? marks.clear() : marks.delete(name)),
  clearMeasures() {},
  getEntries: () => [...marks.values()],
  getEntriesByName: (name) => [...marks.values()].filter((mark) => mark.name === name),
  getEntriesByType: (type) => (type === "mark" ? [...marks.values()] : []),
  eventLoopUtilization: () => ({ idle: 0, active: 0, utilization: 0 }),
  timerify: (call) => call,
  toJSON: () => ({ timeOrigin: performance.timeOrigin }),
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
