// This module bundles what a program asks for by a name that it makes while it runs: Sequelize, for one, has the name
// of the driver in a variable. Such a name can only be one of a package's peers, which its package.json lists and the
// project has installed.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

// How esbuild writes that such a name is asked for, and what it does then.
const ASKED = /\b__require\d*\((?!["'`)])/;
const SHIM = /throw Error\('Dynamic require of "' ?\+ ?(\w+) ?\+ ?'" is not supported'\)/;

// Returns the peers of the packages in a bundle, and their files, where its code makes names; of others an empty list.
export function peersOf(code, inputs) {
  if (!ASKED.test(code)) {
    return [];
  }
  const peers = new Map();
  for (const root of new Set(inputs.map((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0]))) {
    for (const name of root === undefined ? [] : peerNames(packageIn(root))) {
      const file = installed(name, root);
      file === undefined || peers.has(name) || peers.set(name, file);
    }
  }
  return [...peers];
}

// The plugin that has `guesthouse:required` be a table of these.
export const required = (peers) => ({
  name: "required",
  setup(build) {
    build.onResolve({ filter: /^guesthouse:required$/ }, ({ path }) => ({ path, namespace: "guesthouse-required" }));
    build.onLoad({ filter: /.*/, namespace: "guesthouse-required" }, () => ({ contents: peers.length > 0 ? tableOf(peers) : "", resolveDir: "/" }));
  },
});

// Returns the code, in which names are looked up in the table.
export const withTable = (code, peers) => (peers.length > 0 ? code.replace(SHIM, 'return globalThis[Symbol.for("guesthouse.required")]($1)') : code);

const tableOf = (peers) => `
  const table = { ${peers.map(([name, file]) => `${JSON.stringify(name)}: () => require(${JSON.stringify(file)})`).join(", ")} };
  globalThis[Symbol.for("guesthouse.required")] = (name) => {
    if (!Object.hasOwn(table, name)) {
      throw Object.assign(new Error("Cannot find module '" + name + "'"), { code: "MODULE_NOT_FOUND" });
    }
    return table[name]();
  };
`;

// Optional ones may stand in the second place alone.
const peerNames = ({ peerDependencies, peerDependenciesMeta }) => new Set(Object.keys({ ...peerDependencies, ...peerDependenciesMeta }));

function packageIn(root) {
  try {
    return JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  } catch {
    return {};
  }
}

function installed(name, root) {
  try {
    return createRequire(join(root, "package.json")).resolve(name);
  } catch {
    return undefined;
  }
}
