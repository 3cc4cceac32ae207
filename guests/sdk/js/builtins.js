// This module gives a bundle Node's modules. `runtime/node` has what a guest has of them. Whatever else the Node that
// builds has is there by its name, so that packages can import it, and says so when it is used.

import { buildSync } from "esbuild";
import { builtinModules, createRequire, isBuiltin } from "node:module";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const require = createRequire(import.meta.url);

const FILES = {
  assert: "assert.js",
  "assert/strict": "assert-strict.js",
  async_hooks: "async-hooks.js",
  buffer: "buffer.js",
  console: "console.js",
  crypto: "crypto.js",
  diagnostics_channel: "diagnostics-channel.js",
  events: "events.js",
  fs: "fs.js",
  "fs/promises": "fs-promises.js",
  http: "http.js",
  https: "https.js",
  module: "module.js",
  net: "net.js",
  os: "os.js",
  path: "path.js",
  "path/posix": "path.js",
  perf_hooks: "perf-hooks.js",
  process: "process.js",
  querystring: "querystring.js",
  stream: "stream.js",
  "stream/consumers": "stream-consumers.js",
  "stream/promises": "stream-promises.js",
  "stream/web": "stream-web.js",
  string_decoder: "string-decoder.js",
  sys: "util.js",
  timers: "timers.js",
  "timers/promises": "timers-promises.js",
  tty: "tty.js",
  url: "url.js",
  util: "util.js",
  "util/types": "util-types.js",
  zlib: "zlib.js",
};

// What there is of these in a guest that opens sockets.
const SOCKETS = { dns: "dns.js", "dns/promises": "dns-promises.js", net: "net-sockets.js", tls: "tls.js" };

// Modules that send requests, or that are made of the web's globals.
const WEB = new Set(["http", "https", "stream/web"]);

const WHOLE = "guesthouse-node"; // a module, as `import` sees it
const REQUIRED = "guesthouse-node-required"; // the same, as `require` returns it
const FACTS = "guesthouse-node-facts";

// The plugin that bundles Node's modules.
export const builtins = (hasSockets) => ({
  name: "builtins",
  setup(build) {
    const files = { ...FILES, ...(hasSockets ? SOCKETS : {}) };
    build.onResolve({ filter: /.*/ }, ({ path, kind }) =>
      isNodes(path) ? { path: nameOf(path), namespace: kind.startsWith("require") ? REQUIRED : WHOLE, sideEffects: false } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: WHOLE }, ({ path }) => ({ contents: contentsOf(path, files), resolveDir: here(".") }));
    build.onLoad({ filter: /.*/, namespace: REQUIRED }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(`guesthouse-node:${path}`)}).default;`,
      resolveDir: here("."),
    }));
    build.onResolve({ filter: /^guesthouse-node:/ }, ({ path }) => ({ path: path.slice(path.indexOf(":") + 1), namespace: WHOLE, sideEffects: false }));
    build.onResolve({ filter: /^guesthouse:(builtins|http-constants)$/ }, ({ path }) => ({ path, namespace: FACTS, sideEffects: false }));
    build.onLoad({ filter: /.*/, namespace: FACTS }, ({ path }) => ({ contents: FACTS_OF[path]() }));
  },
});

// The plugin that leaves Node's modules out, and notes which a program imports.
export function noted(names) {
  return {
    name: "builtins",
    setup(build) {
      build.onResolve({ filter: /.*/ }, ({ path }) => {
        if (!isNodes(path)) {
          return undefined;
        }
        names.add(nameOf(path));
        return { path, external: true, sideEffects: false };
      });
    },
  };
}

// Returns whether one of these modules needs the globals of the web.
export const needWeb = (names) => [...names].some((name) => WEB.has(name));

// A newer Node may have modules that this one has not.
const isNodes = (path) => isBuiltin(path) || path.startsWith("node:");
const nameOf = (path) => path.replace(/^node:/, "");

const FACTS_OF = {
  "guesthouse:builtins": () => `export const names = ${JSON.stringify(builtinModules.filter((name) => !name.startsWith("_")))};`,
  "guesthouse:http-constants": () => {
    const { METHODS, STATUS_CODES } = require("node:http");
    return `export const METHODS = ${JSON.stringify(METHODS)};\nexport const STATUS_CODES = ${JSON.stringify(STATUS_CODES)};`;
  },
};

function contentsOf(name, files) {
  const file = Object.hasOwn(files, name) ? here(`runtime/node/${files[name]}`) : undefined;
  const own = file === undefined ? [] : namesIn(file);
  const rest = Object.entries(missing(name, own));
  const lines = [`import { absent, completed } from ${JSON.stringify(here("runtime/node/absent.js"))};`];
  if (file !== undefined) {
    lines.push(`import own from ${JSON.stringify(file)};`, `export * from ${JSON.stringify(file)};`);
  }
  rest.forEach(([member, value]) => lines.push(`export const ${member} = ${value ?? `/* @__PURE__ */ absent(${JSON.stringify(name)}, ${JSON.stringify(member)})`};`));
  const constants = rest.filter(([, value]) => value !== undefined).map(([member, value]) => `${member}: ${value}`);
  const others = rest.filter(([, value]) => value === undefined).map(([member]) => member);
  const whole = [file === undefined ? "{}" : "own", JSON.stringify(name), JSON.stringify(others.join(" ")), `{ ${constants.join(", ")} }`];
  lines.push(`export default /* @__PURE__ */ completed(${whole.join(", ")});`);
  return lines.join("\n");
}

const kept = new Map();

// The names that a file of ours exports.
function namesIn(file) {
  if (!kept.has(file)) {
    const options = { entryPoints: [file], bundle: true, write: false, format: "esm", metafile: true, logLevel: "silent" };
    const { metafile } = buildSync({ ...options, packages: "external", external: ["wasi:*", "wasj:*", "guesthouse:*"], outdir: "." });
    kept.set(file, Object.values(metafile.outputs)[0].exports);
  }
  return kept.get(file);
}

// What Node's module has besides: the code of a constant, and nothing for all that would do something.
function missing(name, own) {
  const module = nodes(name);
  const members = {};
  for (const member of Object.keys(module)) {
    if (member === "default" || own.includes(member) || !/^[A-Za-z_$][\w$]*$/.test(member) || RESERVED.has(member)) {
      continue;
    }
    const { value } = Object.getOwnPropertyDescriptor(module, member);
    members[member] = isConstant(value) ? JSON.stringify(value) : undefined;
  }
  return members;
}

const RESERVED = new Set(["own", "absent", "completed", "arguments", "eval"]);

function nodes(name) {
  const { noDeprecation } = process;
  process.noDeprecation = true;
  try {
    return isBuiltin(`node:${name}`) ? require(`node:${name}`) : {};
  } finally {
    process.noDeprecation = noDeprecation;
  }
}

// Whether JSON tells all of it.
function isConstant(value) {
  if (typeof value === "object" && value !== null) {
    const prototype = Object.getPrototypeOf(value);
    return (prototype === Object.prototype || prototype === null || Array.isArray(value)) && Object.values(value).every(isConstant);
  }
  return value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}
