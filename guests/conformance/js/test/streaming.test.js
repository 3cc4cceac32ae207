// Handlers that stream, against a host that notes what it gets. The guest is what the SDK makes of `src/streaming.js`
// before it adds the engine.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import * as esbuild from "esbuild";

import { sourceOf } from "../node_modules/guesthouse/build.js";
import { streams } from "../node_modules/guesthouse/streaming.js";

const file = fileURLToPath(new URL("../src/streaming.js", import.meta.url));

// What of WASI a guest calls here, and the host's side of a stream.
const HOST = `
  let state = globalThis.host;
  const refuse = (payload) => { throw { payload }; };
  const write = () => ({ blockingWriteAndFlush: (bytes) => state.log.push(Buffer.from(bytes).toString()) });
  export default {
    now: () => Number(process.hrtime.bigint()),
    subscribeDuration: (nanoseconds) => ({
      block: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, nanoseconds / 1e6),
      [Symbol.dispose]: () => {},
    }),
    getEnvironment: () => [],
    getStdout: write,
    getStderr: write,
    open: (type) => (state.type === undefined ? (state.type = type) : refuse("wrong-state")),
    write(bytes) {
      state.type ?? refuse("wrong-state");
      state.isClosed && refuse("closed");
      state.pieces.push(Buffer.from(bytes));
    },
  };
  const { process, Atomics, Buffer } = globalThis;
`;

const host = {
  name: "host",
  setup(build) {
    build.onResolve({ filter: /^(guest|wasi:.*|guesthouse:lambda.*)$/ }, ({ path }) => ({ path, namespace: "host" }));
    build.onLoad({ filter: /^guest$/, namespace: "host" }, async () => ({ contents: await sourceOf(file, "handler") }));
    build.onLoad({ filter: /^(wasi|guesthouse):/, namespace: "host" }, () => ({ contents: HOST }));
  },
};

// A guest replaces globals, so that it has a process of its own.
const PROGRAM = `
  const { process: { argv }, console: { log }, Buffer } = globalThis;
  // The oldest Node that builds guests lacks this.
  Uint8Array.fromBase64 ??= (text) => new Uint8Array(Buffer.from(text, "base64"));
  const state = (globalThis.host = { log: [] });
  const { handler, lifecycle } = await import("guest");
  lifecycle.init();
  const results = {};
  for (const [name, event] of Object.entries(JSON.parse(argv[2]))) {
    Object.assign(state, { type: undefined, pieces: [], isClosed: event.isClosed, log: [] });
    let error;
    let returned;
    try {
      returned = handler.handle(JSON.stringify(event), { requestId: "1" });
    } catch (thrown) {
      error = thrown.errorType + ": " + thrown.errorMessage;
    }
    results[name] = { type: state.type, pieces: state.pieces.map((piece) => piece.toString("latin1")), returned, error, log: state.log.join("") };
  }
  log(JSON.stringify(results));
`;

const EVENTS = {
  plain: { do: "text", text: "hello" },
  typed: { do: "text", type: "text/plain; charset=utf-8", text: "hé" },
  "bad type": { do: "text", type: "text/plain\n", text: "" },
  pieces: { do: "pieces", pieces: 3, bytes: 2 },
  http: { do: "http", prelude: { statusCode: 201, headers: { "x-a": "1" }, cookies: ["a=1"] }, body: "made" },
  "http without a body": { do: "http", prelude: { statusCode: 204 } },
  json: { do: "json", value: 7 },
  "fail before": { do: "fail before" },
  "fail after": { do: "fail after" },
  late: { do: "late" },
  unfinished: { do: "unfinished" },
  later: { do: "later" },
  broken: { do: "break" },
  closed: { do: "pieces", pieces: 3, isClosed: true },
  context: { do: "context" },
};

const results = await run();

async function run() {
  const { outputFiles } = await esbuild.build({
    stdin: { contents: PROGRAM, resolveDir: "/" },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "esnext",
    plugins: [host],
  });
  const input = outputFiles[0].text;
  return JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-", JSON.stringify(EVENTS)], { input, encoding: "utf8" }));
}

function check(name, { type, pieces = [], error, log = "" }) {
  test(`a response that is streamed: ${name}`, () => {
    const result = results[name];
    assert.deepEqual([result.type, result.pieces, result.error, result.log], [type, pieces, error, log]);
    assert.equal(result.returned, error === undefined ? "null" : undefined);
  });
}

const OCTETS = "application/octet-stream";
const PRELUDE = "application/vnd.awslambda.http-integration-response";

check("plain", { type: OCTETS, pieces: ["hello"] });
check("typed", { type: "text/plain; charset=utf-8", pieces: ["h\u00c3\u00a9"] });
check("bad type", { error: 'TypeError: Invalid character in header content ["Content-Type"]' });
check("pieces", { type: OCTETS, pieces: ["aa", "aa", "aa"] });
check("http", { type: PRELUDE, pieces: ['{"statusCode":201,"headers":{"x-a":"1"},"cookies":["a=1"]}', "\0".repeat(8), "made"] });
check("http without a body", { type: PRELUDE, pieces: ['{"statusCode":204}', "\0".repeat(8)] });
check("json", { type: OCTETS, pieces: ['{"do":"json","value":7}'] });
check("fail before", { error: "OrderNotFound: no such order" });
check("fail after", { type: OCTETS, pieces: ["begun"], error: "OrderNotFound: the rest is lost" });
check("late", { type: OCTETS, pieces: ["begun"], error: "Runtime.InvalidStreamingOperation: Cannot set content-type, too late." });
check("unfinished", { type: OCTETS, pieces: ["begun"], error: "Error: Response stream is not finished." });
check("later", { type: OCTETS, pieces: ["later"] });
check("broken", { type: OCTETS, pieces: ["begun"], error: "RangeError: broken" });
check("closed", { type: OCTETS, error: "Error: nobody receives the rest of the response" });
check("context", { type: OCTETS, pieces: ["1"] });

test("a guest imports the stream where its code uses it", () => {
  for (const code of ["awslambda.streamifyResponse(f)", "globalThis.awslambda", 'f[Symbol.for("aws.lambda.runtime.handler.streaming")]']) {
    assert.equal(streams(code), true, code);
  }
  for (const code of ['"application/vnd.awslambda.http-integration-response"', "myawslambda()", "awslambdas"]) {
    assert.equal(streams(code), false, code);
  }
});
