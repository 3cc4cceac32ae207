// Packages that others ask for and that are not installed: whoever asks is told so, as in Node.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";

import * as esbuild from "esbuild";

import { optional } from "../node_modules/guesthouse/optional.js";

const directory = mkdtempSync(join(tmpdir(), "guesthouse-"));
after(() => rmSync(directory, { recursive: true }));

// Bundles files, of which the first is the program, and returns its exports and what is not installed.
async function bundled(files) {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  const notInstalled = new Map();
  const program = join(directory, Object.keys(files)[0]);
  const plugins = [optional(notInstalled)];
  const { outputFiles } = await esbuild.build({ entryPoints: [program], bundle: true, write: false, format: "cjs", plugins, logLevel: "silent" });
  const module = { exports: {} };
  new Function("module", "exports", outputFiles[0].text)(module, module.exports);
  return { exports: module.exports, notInstalled: [...notInstalled.keys()] };
}

const DRIVERS = {
  "node_modules/client/index.js": 'exports.ask = (name) => (name === "here" ? require("here") : require("@some/absent/driver"));',
  "node_modules/here/index.js": "module.exports = 1;",
};

test("a package that is asked for and not there is an error of Node's for who asks", async () => {
  const { exports, notInstalled } = await bundled({ "a.js": 'exports.ask = require("client").ask;', ...DRIVERS });
  assert.equal(exports.ask("here"), 1);
  assert.throws(() => exports.ask("absent"), { code: "MODULE_NOT_FOUND", message: "Cannot find module '@some/absent/driver'" });
  assert.deepEqual(notInstalled, ["@some/absent/driver"]);
});

test("so is one that is imported later", async () => {
  const { exports } = await bundled({
    "b.js": 'exports.load = require("later").load;',
    "node_modules/later/index.js": 'exports.load = () => import("absent");',
  });
  await assert.rejects(exports.load, { code: "MODULE_NOT_FOUND" });
});

test("what the program asks for itself, or a statement imports, must be there", async () => {
  await assert.rejects(bundled({ "c.js": 'exports.ask = () => require("absent");' }), /Could not resolve "absent"/);
  const files = { "d.js": 'import "wants";', "node_modules/wants/index.js": 'import "absent";' };
  await assert.rejects(bundled(files), /Could not resolve "absent"/);
});
