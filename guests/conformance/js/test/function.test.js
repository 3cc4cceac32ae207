// What a file exports says whether its guest takes events or HTTP requests.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { functionOf } from "../node_modules/guesthouse/function.js";

const directory = mkdtempSync(join(tmpdir(), "guesthouse-"));
after(() => rmSync(directory, { recursive: true }));

async function found(name, text, handler) {
  const file = join(directory, name);
  writeFileSync(file, text);
  const { name: found, isHttp } = await functionOf(file, handler);
  return [found, isHttp];
}

const EVENTS = [
  ["a handler beside a default export", "a.js", "export const handler = 1; export default { fetch() {} }", undefined, "handler"],
  ["another usual name", "a.js", "export const lambdaHandler = 1", undefined, "lambdaHandler"],
  ["CommonJS", "a.cjs", "exports.handler = 1", undefined, "handler"],
  ["a default export that is a function", "a.js", "export default async () => 1", "default", "default"],
  ["a default export that nobody can tell", "a.js", "export default middy(() => 1)", "default", "default"],
  ["a function that fetches", "a.js", "export const fetch = async (event) => 1", "fetch", "fetch"],
  ["exports that can't be told", "a.js", 'export * from "package"', "other", "other"],
];

const HTTP = [
  ["an object", "a.js", "export default { async fetch(request) {} }", undefined],
  ["an app", "a.ts", "const app: App = new Hono(); export default app satisfies object", undefined],
  ["an app by its name", "a.js", "const app = new Hono(); export { app as default }", "default"],
  ["an app that is built in one expression", "a.js", "export default new Hono().get('/', f).post('/', f)", "default"],
  ["what a function returns", "a.js", "const app = AutoRouter(); export default app", undefined],
  ["an object with more", "a.js", "export default { port: 3000, ...app }", undefined],
  ["its method by name", "a.js", "export default middy(app)", "default.fetch"],
];

for (const [title, file, text, handler, name] of EVENTS) {
  test(`a handler of events: ${title}`, async () => assert.deepEqual(await found(file, text, handler), [name, false]));
}

for (const [title, file, text, handler] of HTTP) {
  test(`a handler of HTTP requests: ${title}`, async () => assert.deepEqual(await found(file, text, handler), ["default.fetch", true]));
}

test("what is not exported is refused with what is", async () => {
  await assert.rejects(found("a.js", "export const other = 1"), /exports no `handler`\nhint: .* `other`$/);
  await assert.rejects(found("a.js", "export default () => 1"), /exports no `handler`\nhint: .* `default`$/);
  await assert.rejects(found("a.js", "export default { fetch() {} }", "handler"), /exports no `handler`\nhint: .* `default`$/);
});
