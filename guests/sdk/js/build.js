// From a handler's file to a component: bundle, lower, componentize.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { componentize } from "componentize-qjs";
import * as esbuild from "esbuild";

import { browser } from "./browser.js";
import { marked } from "./delegates.js";
import { withoutNeedlessNames } from "./names.js";
import { positionsOf } from "./positions.js";
import { renamed } from "./renamed.js";
import { needsWeb, webGlobals } from "./web.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

// What a guest has of Node, and where.
const MODULES = {
  buffer: "buffer.js",
  crypto: "crypto.js",
  fs: "fs.js",
  "fs/promises": "fs-promises.js",
  os: "os.js",
  path: "path.js",
  "path/posix": "path.js",
  process: "process.js",
  timers: "timers.js",
  "timers/promises": "timers-promises.js",
  url: "url.js",
  util: "util.js",
};

// Writes the component of the handler that `file` exports by that name, and returns its size. A small one is slower.
export async function build(file, output, { handler: name, small }) {
  if (!existsSync(file)) {
    throw new Error(`there is no file \`${file}\``);
  }
  await requireExport(resolve(file), name);
  const component = await withContract(async (wit) => {
    const isNetworked = await namesWeb(resolve(file), name);
    const { component } = await componentize({
      witPath: wit,
      world: isNetworked ? "js-guest-with-network" : "js-guest",
      jsSource: await lower(await bundle(resolve(file), name, isNetworked)),
      sync: true,
      optSize: small,
    });
    return isNetworked ? renamed(component) : component;
  });
  writeFileSync(output, component);
  return component.length;
}

// The guest finds out in each instance, and a build sooner: of an ES module, whose exports can be told without running
// it.
async function requireExport(file, name) {
  try {
    await esbuild.build({
      stdin: { contents: `export { ${name} } from ${JSON.stringify(file)};`, resolveDir: dirname(file) },
      bundle: true,
      write: false,
      format: "esm",
      packages: "external",
      logLevel: "silent",
    });
  } catch ({ errors }) {
    if (errors?.some(({ text }) => text.startsWith("No matching export in"))) {
      throw new Error(`\`${relative(process.cwd(), file)}\` exports no \`${name}\``);
    }
    // Whatever else it is, bundling tells it better.
  }
}

// Returns the module that the engine runs. A test runs it in Node.
export async function sourceOf(file, name) {
  return lower(await bundle(file, name, await namesWeb(file, name)));
}

// Bundles the handler alone, and looks what it names.
async function namesWeb(file, name) {
  const { outputFiles, metafile } = await reported(
    esbuild.build({ ...OPTIONS, entryPoints: [file], minifyWhitespace: true, legalComments: "none", metafile: true, plugins: [browser, node] }),
  );
  return needsWeb(outputFiles[0].text, Object.keys(metafile.inputs));
}

const OPTIONS = {
  bundle: true,
  write: false,
  format: "esm",
  platform: "neutral",
  target: "esnext",
  mainFields: ["module", "main"],
  conditions: ["module", "import"],
  inject: [here("runtime/inject/buffer.js"), here("runtime/inject/url.js")],
  define: { __dirname: '"/var/task"', __filename: '"/var/task/handler.js"', "import.meta.url": '"file:///var/task/handler.js"' },
  external: ["wasi:*", "wasj:*"],
  logLevel: "silent",
};

// One module with everything in it but WASI. Names are kept, for stack traces and for errors that are named by their
// class.
async function bundle(file, name, isNetworked) {
  const { outputFiles } = await reported(
    esbuild.build({
      ...OPTIONS,
      entryPoints: [here("runtime/guest.js")],
      keepNames: true,
      sourcemap: "inline",
      sourcesContent: false,
      plugins: [handler(file, name), webGlobals(isNetworked), browser, node],
    }),
  );
  return outputFiles[0].text;
}

// Turns async functions into generators that `runtime/async.js` drives, because the engine's own return the engine's
// promises, whose jobs nothing runs with `sync: true`: `docs/decisions/46-javascript-on-quickjs.md`. This is a step of
// its own, since `await` outside of functions must be inside of one first, which bundling does.
async function lower(source) {
  const { code, map } = await reported(
    esbuild.transform(marked(source), {
      format: "esm",
      target: "esnext",
      supported: { "async-await": false, "async-generator": false, "for-await": false, using: false },
      minifyWhitespace: true,
      sourcemap: "external",
      sourcefile: "bundle.js",
      logLevel: "silent",
    }),
  );
  return withoutNeedlessNames(code) + ownHelpers(code) + positionsOf(map, here("."));
}

// Returns a statement that replaces the functions that esbuild calls where `async` was by the SDK's own. Esbuild's are
// declared by `var` before all other code, and the handler's file runs after this statement. The test
// `guests/conformance/js/test/promises.test.js` fails if one of them is not found.
function ownHelpers(code) {
  const HELPERS = {
    async: /\b(__async\d*)=\(__this,/,
    asyncGenerator: /\b(__asyncGenerator\d*)=\(__this,/,
    await: /\b(__await\d*)=function\(promise,/,
    forAwait: /\b(__forAwait\d*)=\(obj,/,
    yieldStar: /\b(__yieldStar\d*)=value=>/,
  };
  const pairs = Object.entries(HELPERS)
    .map(([own, pattern]) => [own, pattern.exec(code)?.[1]])
    .filter(([, name]) => name !== undefined);
  return `({${pairs.map((pair) => pair.join(":")).join()}}=globalThis[Symbol.for("guesthouse.async")]);`;
}

// The handler's file is imported when the guest asks for it, which is at run time.
function handler(file, name) {
  const missing = `\`${relative(process.cwd(), file)}\` exports no function \`${name}\``;
  return {
    name: "handler",
    setup(build) {
      build.onResolve({ filter: /^guesthouse:handler$/ }, ({ path }) => ({ path, namespace: "guesthouse" }));
      build.onLoad({ filter: /.*/, namespace: "guesthouse" }, () => ({
        resolveDir: dirname(file),
        contents: `
          export const missing = ${JSON.stringify(missing)};
          export const load = () => import(${JSON.stringify(file)}).then((all) => all[${JSON.stringify(name)}]);
        `,
      }));
    },
  };
}

const node = {
  name: "node",
  setup(build) {
    build.onResolve({ filter: /.*/ }, ({ path, namespace, resolveDir, kind, pluginData }) => {
      const name = path.replace(/^node:/, "");
      if (!isBuiltin(path) || pluginData === "package") {
        return undefined;
      }
      if (Object.hasOwn(MODULES, name)) {
        return { path: here(`runtime/node/${MODULES[name]}`), sideEffects: false };
      }
      return { errors: [{ text: `a guest has no \`${path}\`, only ${Object.keys(MODULES).map((name) => `\`node:${name}\``).join(", ")}` }] };
    });
  },
};

async function reported(building) {
  try {
    return await building;
  } catch (error) {
    const messages = await esbuild.formatMessages(error.errors ?? [], { kind: "error" });
    throw messages.length > 0 ? new Error(`the handler can't be bundled\n${messages.join("").trimEnd()}`) : error;
  }
}

// npm packs no symbolic links, and in a clone of Guesthouse's repository the contract is one: there it is taken from
// the directory that the package was installed from.
async function withContract(use) {
  const contract = "wit/deps/guesthouse-lambda/guesthouse.wit";
  if (existsSync(here(contract))) {
    return use(here("wit"));
  }
  const installed = JSON.parse(readFileSync(here("../.package-lock.json"), "utf8")).packages["node_modules/guesthouse"].resolved;
  const wit = await mkdtemp(join(tmpdir(), "guesthouse-"));
  try {
    await cp(here("wit"), wit, { recursive: true });
    await cp(resolve(here("../.."), installed.replace(/^file:/, ""), contract), join(wit, "deps/guesthouse-lambda/guesthouse.wit"), { dereference: true });
    return await use(wit);
  } finally {
    await rm(wit, { recursive: true });
  }
}
