// Asks a function of JavaScript for its answers in this Node.js: `node native.mjs FILE NAME EVENTS ANSWERS`. EVENTS is a file
// with a list of events, ANSWERS gets a list of `{ answer }` or `{ error: { type, message } }`.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [file, name, events, answers] = process.argv.slice(2).map((path, i) => (i === 1 ? path : resolve(path)));
const handle = (await load())[name];
const found = [];
for (const event of JSON.parse(readFileSync(events, "utf8"))) {
  try {
    found.push({ answer: (await answer(event)) ?? null });
  } catch (error) {
    found.push({ error: error instanceof Error ? { type: error.name, message: error.message } : { type: typeof error, message: String(error) } });
  }
}
writeFileSync(answers, JSON.stringify(found));

// Lambda's older runtimes take the answer by a callback.
function answer(event) {
  const context = {
    awsRequestId: "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    functionName: "function",
    getRemainingTimeInMillis: () => 3000,
    invokedFunctionArn: "arn:aws:lambda:us-east-1:123456789012:function:function",
    memoryLimitInMB: "512",
  };
  return new Promise((resolve, reject) => {
    const callback = (error, value) => (error == null ? resolve(value) : reject(error));
    const returned = handle(event, context, callback);
    if (typeof returned?.then === "function" || handle.length < 3) {
      resolve(returned);
    }
  });
}

async function load() {
  const text = readFileSync(file, "utf8");
  const require = createRequire(file);
  if (file.endsWith(".ts")) {
    const directory = join(dirname(file), "node_modules/.native");
    const output = join(directory, `${basename(file)}.mjs`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(output, require("esbuild").transformSync(text, { loader: "ts", format: "esm" }).code);
    return import(pathToFileURL(output));
  }
  if (file.endsWith(".js") && /^exports\./m.test(text)) {
    // As Node would run it where package.json does not say that it is something else.
    const module = new Module(file);
    Object.assign(module, { filename: file, paths: Module._nodeModulePaths(dirname(file)) });
    module._compile(text, file);
    return module.exports;
  }
  return import(pathToFileURL(file));
}
