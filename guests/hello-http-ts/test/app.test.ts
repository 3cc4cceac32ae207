// `npm test` runs this in Node.js, which has `Request` and `Response` as a guest has them.

import assert from "node:assert/strict";
import { test } from "node:test";

import app from "../src/app";

const get = (path: string) => app.fetch(new Request(`http://localhost${path}`));

test("greets whom a request names", async () => {
  const response = await get("/?name=Ada");
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { message: "Hello Ada!", count: 1 });
});

test("there is nothing elsewhere", async () => {
  assert.equal((await get("/elsewhere")).status, 404);
});
