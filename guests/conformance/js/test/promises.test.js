// This test compares the promises and async functions of a guest with Node's own: each case of `promises.js` must log
// the same lines and end in the same way. The guest is what the SDK makes of that file before it adds the engine. It
// runs in Node, on the SDK's promises.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import * as esbuild from "esbuild";

import { sourceOf } from "../node_modules/guesthouse/build.js";
import { cases } from "./promises.js";

const names = Object.keys(cases);
const file = fileURLToPath(new URL("promises.js", import.meta.url));

// Both programs print what each case logged and which error ended it.
const AS_NODE = `
  import { handler } from ${JSON.stringify(pathToFileURL(file))};

  // The oldest Node that builds guests lacks these two.
  Promise.withResolvers ??= function withResolvers() {
    let resolve, reject;
    const promise = new this((...settlers) => ([resolve, reject] = settlers));
    return { promise, resolve, reject };
  };
  Promise.try ??= function (call, ...values) {
    return new this((resolve) => resolve(call(...values)));
  };

  const results = {};
  for (const name of ${JSON.stringify(names)}) {
    results[name] = await new Promise((resolve) => {
      let failure;
      const end = (error) => resolve({ log: [...lines], error: (failure ??= error) });
      const text = (error) => (error instanceof Error ? error.name + ": " + error.message : "'" + error + "'");
      process.removeAllListeners();
      process.on("unhandledRejection", (error) => end("unhandled " + text(error)));
      process.on("uncaughtException", (error) => {
        failure ??= "uncaught " + text(error);
        process.nextTick(end);
      });
      handler({ name }).then(() => end(), (error) => end("rejected " + text(error)));
    });
  }
  console.log(JSON.stringify(results));
`;

const AS_GUEST = `
  const { log: print } = console;
  const { handler, lifecycle } = await import("guest");
  lifecycle.init();
  const results = {};
  for (const name of ${JSON.stringify(names)}) {
    let error;
    try {
      handler.handle(JSON.stringify({ name }), {});
    } catch ({ errorType, errorMessage }) {
      const isUnhandled = errorType === "Runtime.UnhandledPromiseRejection";
      error = isUnhandled ? "unhandled " + errorMessage : "uncaught " + errorType + ": " + errorMessage;
    }
    results[name] = { log: [...lines], error };
  }
  print(JSON.stringify(results));
`;

// The functions of WASI that a guest calls here.
const WASI = `
  const wait = (nanoseconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, nanoseconds / 1e6);
  export default {
    now: () => Number(process.hrtime.bigint()),
    subscribeDuration: (nanoseconds) => ({ block: () => wait(nanoseconds), [Symbol.dispose]: () => {} }),
    getEnvironment: () => [],
  };
  const { process } = globalThis;
`;

const guest = {
  name: "guest",
  setup(build) {
    build.onResolve({ filter: /^(guest|wasi:.*)$/ }, ({ path }) => ({ path, namespace: "guest" }));
    build.onLoad({ filter: /^guest$/, namespace: "guest" }, async () => {
      return { contents: await sourceOf(file, "handler") };
    });
    build.onLoad({ filter: /^wasi:/, namespace: "guest" }, () => ({ contents: WASI }));
  },
};

async function bundled(contents) {
  const { outputFiles } = await esbuild.build({
    stdin: { contents, resolveDir: "/" },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "esnext",
    plugins: [guest],
  });
  return outputFiles[0].text;
}

function resultsOf(source) {
  const directory = mkdtempSync(join(tmpdir(), "guesthouse-"));
  try {
    const program = join(directory, "program.mjs");
    writeFileSync(program, source);
    return JSON.parse(execFileSync(process.execPath, [program], { encoding: "utf8" }));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const asNode = resultsOf(AS_NODE);
const asGuest = resultsOf(await bundled(AS_GUEST));

for (const name of names) {
  test(name, () => assert.deepEqual(asGuest[name], asNode[name]));
}
