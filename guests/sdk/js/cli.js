#!/usr/bin/env node

import { parseArgs } from "node:util";

const USAGE = `usage: guesthouse-js build FILE -o FILE.wasm [--handler NAME] [--small]
       guesthouse-js build -o FILE.wasm --handler DIRECTORY/FILE.NAME [--small]`;

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      handler: { type: "string" },
      help: { type: "boolean", short: "h" },
      output: { type: "string", short: "o" },
      small: { type: "boolean", default: false },
    },
  });
  const [command, file, ...more] = positionals;
  if (values.help) {
    console.log(USAGE);
  } else if (command !== "build" || (file ?? values.handler) === undefined || more.length > 0 || !values.output) {
    fail(64, USAGE);
  } else {
    const { build } = await tools();
    const bytes = await build(file, values.output, { ...values, say: console.log });
    console.log(`${values.output}: ${bytes.toLocaleString("en")} bytes`);
  }
} catch (error) {
  // A broken command line is told of by Node itself.
  fail(error.code?.startsWith("ERR_PARSE_ARGS") ? 64 : 1, `error: ${error.message}`);
}

async function tools() {
  try {
    return await import("./build.js");
  } catch (error) {
    const missing = /Cannot find (?:package|module) '([^']+)'|native binding/.exec(error.message);
    if (missing) {
      throw new Error(`\`${missing[1] ?? "componentize-qjs"}\` is not installed\nhint: run \`npm ci\`, without \`--omit=optional\``);
    }
    throw error;
  }
}

function fail(status, message) {
  console.error(message);
  // At once: Node would still tell of a module that could not be loaded.
  process.exit(status);
}
