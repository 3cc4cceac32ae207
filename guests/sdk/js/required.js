// This module bundles what a program asks for by a name that it makes while it runs: Sequelize, for one, has the name
// of the driver in a variable. Such a name can only be one of a package's peers, which its package.json lists and the
// project has installed.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

// What esbuild writes where such a name is asked for.
const SHIM = /throw Error\('Dynamic require of "' ?\+ ?(\w+) ?\+ ?'" is not supported'\)/;

// A name that is made: anything but one text.
const ASKED = /\brequire\s*\(\s*(?!["'`\s)])/;

// Returns the peers of the packages in a bundle whose files make names, as pairs of a name and a file. `isBundled` tells
// whether a file can be bundled: what can't is as if it were not there.
export async function peersOf(inputs, isBundled) {
  const packages = new Map();
  for (const file of inputs) {
    const root = /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0];
    root === undefined || packages.set(root, [...(packages.get(root) ?? []), file]);
  }
  const peers = new Map();
  for (const [root, files] of packages) {
    const names = peerNames(packageIn(root));
    if (names.length > 0 && files.some((file) => ASKED.test(textOf(file)))) {
      names.filter((name) => !peers.has(name)).forEach((name) => peers.set(name, installed(name, root)));
    }
  }
  const found = [...peers].filter(([, file]) => file !== undefined);
  const isThere = await Promise.all(found.map(([, file]) => isBundled(file)));
  return found.filter((_, i) => isThere[i]);
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
const peerNames = ({ peerDependencies, peerDependenciesMeta }) => Object.keys({ ...peerDependencies, ...peerDependenciesMeta });

function textOf(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

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
