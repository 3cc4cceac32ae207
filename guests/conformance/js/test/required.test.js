// Packages that others ask for by a name that they make: peers that are installed are found, as in Node.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";

import * as esbuild from "esbuild";

import { peersOf, required, withTable } from "../node_modules/guesthouse/required.js";

const directory = realpathSync(mkdtempSync(join(tmpdir(), "guesthouse-")));
after(() => rmSync(directory, { recursive: true }));

const FILES = {
  "node_modules/orm/index.js": "exports.ask = (name) => require(name);",
  "node_modules/orm/package.json": '{ "peerDependenciesMeta": { "driver": { "optional": true }, "absent": {}, "broken": {} } }',
  "node_modules/broken/index.js": 'require("./broken.node");',
  "node_modules/plain/package.json": '{ "peerDependencies": { "driver": "*" } }',
  "node_modules/plain/index.js": 'exports.ask = () => require("node:fs");',
  "node_modules/driver/index.js": 'module.exports = "the driver";',
};
for (const [name, text] of Object.entries(FILES)) {
  mkdirSync(dirname(join(directory, name)), { recursive: true });
  writeFileSync(join(directory, name), text);
}

// Bundles a program twice, as a guest is: its peers are known after the first time.
async function bundled(name) {
  const options = { bundle: true, write: false, metafile: true, format: "esm", external: ["node:fs"] };
  const stdin = { contents: `import "guesthouse:required"; export { ask } from "${name}"; const x = 1; x;`, resolveDir: directory };
  const once = async (peers) => {
    const { outputFiles, metafile } = await esbuild.build({ ...options, stdin, absWorkingDir: directory, plugins: [required(peers)] });
    return { code: outputFiles[0].text, files: Object.keys(metafile.inputs).map((file) => join(directory, file)) };
  };
  const { files } = await once([]);
  const peers = await peersOf(files, async (file) => !file.includes("broken"));
  const whole = withTable((await once(peers)).code, peers);
  const { ask } = await import(`data:text/javascript,${encodeURIComponent(whole)}`);
  return { peers: peers.map(([name]) => name), ask };
}

test("a peer that is installed is found by a name that is made", async () => {
  const { peers, ask } = await bundled("orm");
  assert.deepEqual(peers, ["driver"]);
  assert.equal(ask("driver"), "the driver");
  assert.throws(() => ask("absent"), { code: "MODULE_NOT_FOUND", message: "Cannot find module 'absent'" });
  assert.throws(() => ask("broken"), { code: "MODULE_NOT_FOUND" });
  assert.throws(() => ask("toString"), { code: "MODULE_NOT_FOUND" });
});

test("nothing is bundled for a package that makes no names", async () => {
  assert.deepEqual((await bundled("plain")).peers, []);
});
