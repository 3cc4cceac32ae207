// From a handler's file to a component: bundle, lower, componentize.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { componentize } from "componentize-qjs";
import * as esbuild from "esbuild";

import { browser } from "./browser.js";
import { builtins, needWeb, noted } from "./builtins.js";
import { marked } from "./delegates.js";
import { commonJs, shown } from "./entry.js";
import { functionOf } from "./function.js";
import { intl } from "./intl.js";
import { withoutNeedlessNames } from "./names.js";
import { optional } from "./optional.js";
import { withPrototypes } from "./prototypes.js";
import { positionsOf } from "./positions.js";
import { renamed } from "./renamed.js";
import { peersOf, required, withTable } from "./required.js";
import { needsSockets } from "./sockets.js";
import { streaming, streams } from "./streaming.js";
import { needsWeb, webGlobals } from "./web.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

// Writes the component of the handler that `file` exports by that name, and returns its size. A small one is slower.
// `say` is told what was assumed.
export async function build(given, output, { handler, small, say = () => {} }) {
  const { file, name, isHttp, assumed } = await functionOf(given, handler);
  assumed && say(assumed);
  const component = await withContract(async (wit) => {
    const named = await namedIn(file, isHttp);
    const { component } = await componentize({
      witPath: wit,
      world: worldOf(named),
      jsSource: await lower(await bundle(file, name, named)),
      sync: true,
      optSize: small,
    });
    return named.isWeb ? renamed(component) : component;
  });
  writeFileSync(output, component);
  return component.length;
}

// A world of `wit/guest.wit`.
function worldOf({ isHttp, isWeb, isStreaming, hasSockets }) {
  const kind = `js-${isHttp ? "http-" : isStreaming ? "streaming-" : ""}guest`;
  return hasSockets ? `${kind}-with-sockets` : isWeb && !isHttp ? `${kind}-with-network` : kind;
}

// Returns the module that the engine runs. A test runs it in Node.
export async function sourceOf(file, name, isHttp = false) {
  return lower(await bundle(file, name, await namedIn(file, isHttp)));
}

// Bundles the handler alone, and looks what its code names of that which a guest has only where it is named.
async function namedIn(file, isHttp) {
  let peers = [];
  let code, names;
  const trials = new Map();
  const isBundled = (peer) => {
    trials.has(peer) || trials.set(peer, alone("", [["peer", peer]], new Set()).then(() => true, () => false));
    return trials.get(peer);
  };
  for (;;) {
    names = new Set();
    // A peer may have peers.
    const { outputFiles, metafile } = await reported(alone(`import * as all from ${JSON.stringify(file)}; export { all };`, peers, names));
    code = outputFiles[0].text;
    const more = await peersOf(Object.keys(metafile.inputs).map((input) => resolve(input)), isBundled);
    if (more.length === peers.length) {
      break;
    }
    peers = more;
  }
  const hasSockets = needsSockets(code, names);
  const isWeb = isHttp || hasSockets || needWeb(names) || needsWeb(code);
  return { code, isHttp, isWeb, isStreaming: !isHttp && streams(code), hasSockets, peers };
}

// Bundles code and some packages' peers, without Node's modules, whose names are noted.
function alone(code, peers, names) {
  const contents = `import "guesthouse:required"; ${code}`;
  const plugins = [commonJs, browser, noted(names), optional(), required(peers)];
  const stdin = { contents, resolveDir: here(".") };
  return esbuild.build({ ...OPTIONS, inject: [], metafile: true, stdin, minifyWhitespace: true, legalComments: "none", plugins });
}

const OPTIONS = {
  bundle: true,
  write: false,
  format: "esm",
  platform: "neutral",
  target: "esnext",
  mainFields: ["module", "main"],
  conditions: ["node", "module"],
  inject: [here("runtime/inject/buffer.js"), here("runtime/inject/url.js")],
  define: { __dirname: '"/var/task"', __filename: '"/var/task/handler.js"', "import.meta.url": '"file:///var/task/handler.js"' },
  external: ["wasi:*", "wasj:*", "guesthouse:lambda/*"],
  logLevel: "silent",
};

// One module with everything in it but WASI. Names are kept, for stack traces and for errors that are named by their
// class.
async function bundle(file, name, { code, isHttp, isWeb, isStreaming, hasSockets, peers }) {
  const { outputFiles } = await reported(
    esbuild.build({
      ...OPTIONS,
      entryPoints: [here(isHttp ? "runtime/http-guest.js" : "runtime/guest.js")],
      keepNames: true,
      sourcemap: "inline",
      sourcesContent: false,
      charset: "utf8",
      plugins: [handler(file, name), streaming(isStreaming), webGlobals(isWeb, code), intl(code), commonJs, browser, builtins(hasSockets), optional(), required(peers)],
    }),
  );
  return withTable(outputFiles[0].text, peers);
}

// Turns async functions into generators that `runtime/async.js` drives, because the engine's own return the engine's
// promises, whose jobs nothing runs with `sync: true`: `docs/decisions/46-javascript-on-quickjs.md`. This is a step of
// its own, since `await` outside of functions must be inside of one first, which bundling does.
async function lower(source) {
  const { code, map } = await transform(marked(withPrototypes(source)), {
    supported: { "async-await": false, "async-generator": false, "for-await": false, using: false },
  });
  // What is left of the calls that keep names goes here, and with it what the engine would keep of each function's text.
  const inline = `\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(map).toString("base64")}`;
  const small = await transform(withoutNeedlessNames(code) + inline);
  return small.code + ownHelpers(small.code) + positionsOf(small.map, here("."));
}

const transform = (source, options) =>
  reported(
    esbuild.transform(source, {
      ...options,
      minifyWhitespace: true,
      format: "esm",
      target: "esnext",
      charset: "utf8",
      sourcemap: "external",
      sourcesContent: false,
      sourcefile: "bundle.js",
      logLevel: "silent",
    }),
  );

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
  const missing = `\`${shown(file)}\` exports no function \`${name}\``;
  return {
    name: "handler",
    setup(build) {
      build.onResolve({ filter: /^guesthouse:handler$/ }, ({ path }) => ({ path, namespace: "guesthouse" }));
      build.onLoad({ filter: /.*/, namespace: "guesthouse" }, () => ({
        resolveDir: dirname(file),
        contents: `
          export const missing = ${JSON.stringify(missing)};
          const names = ${JSON.stringify(name.split("."))};
          const found = (all) => names.reduce((value, name) => value?.[name], all);
          import "guesthouse:required";
          export const load = () => import(${JSON.stringify(file)}).then((all) => found(all) ?? found(all.default));
          // What the function is a method of.
          const owner = (all) => names.slice(0, -1).reduce((value, name) => value?.[name], all);
          export const loadMethod = () =>
            import(${JSON.stringify(file)}).then((all) => {
              const name = names.at(-1);
              const app = [owner(all), owner(all.default)].find((one) => typeof one?.[name] === "function");
              return app && ((...values) => app[name](...values));
            });
        `,
      }));
    },
  };
}

async function reported(building) {
  try {
    return await building;
  } catch (error) {
    const errors = error.errors ?? [];
    const texts = [...notInstalled(errors), ...(await esbuild.formatMessages(errors.filter((one) => !packageOf(one)), { kind: "error" }))];
    throw texts.length > 0 ? new Error(`the handler can't be bundled\n${texts.join("").trimEnd()}`) : error;
  }
}

// The package that an error is about, where one can't be found.
const packageOf = ({ text }) => /^Could not resolve "((?:@[^"/]+\/)?[^"./][^"/]*)[^"]*"$/.exec(text)?.[1];

// Tells of each package once, and who wants it.
function notInstalled(errors) {
  const files = new Map();
  for (const error of errors) {
    const name = packageOf(error);
    name && files.set(name, new Set([...(files.get(name) ?? []), error.location?.file ?? "the handler"]));
  }
  return [...files].map(([name, wanting]) => {
    const [first, ...more] = wanting;
    const others = more.length > 0 ? ` and ${more.length} more` : "";
    return `the package \`${name}\` is not installed, and ${first}${others} imports it: run \`npm install ${name}\`\n`;
  });
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
