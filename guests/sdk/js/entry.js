// This module finds the file that a handler string names, as Lambda does: `src/index.handler`.

import { parse } from "acorn";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const EXTENSIONS = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx"];

// Returns `{ file, name }`: the file that is given, or that a handler string names, and what it exports.
export function entryOf(file, handler) {
  if (file !== undefined) {
    if (!existsSync(file)) {
      throw new Error(`there is no file \`${file}\``);
    }
    return { file: resolve(file), name: handler };
  }
  const [, path, name] = /^((?:.*\/)?[^./]+)\.(.+)$/.exec(handler) ?? [];
  if (path === undefined) {
    throw new Error(`\`${handler}\` names no file and function: \`src/index.handler\` is the function \`handler\` that \`src/index.js\` exports`);
  }
  const candidates = [path, join(path, "index")].flatMap((base) => EXTENSIONS.map((extension) => base + extension));
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found === undefined) {
    throw new Error(`the handler \`${handler}\` is in no file: there is no \`${path}\` with one of the endings ${EXTENSIONS.join(", ")}`);
  }
  return { file: resolve(found), name };
}

// The plugin that has files of a program be CommonJS where they are, whatever `"type"` their package.json has: Node would
// refuse them, and they are there in projects whose package.json was written for something else.
export const commonJs = {
  name: "commonjs",
  setup(build) {
    build.onResolve({ filter: /^\.{0,2}\// }, async ({ path, importer, resolveDir, kind, pluginData }) => {
      if (pluginData === SKIP || importer.includes("/node_modules/")) {
        return undefined;
      }
      const found = await build.resolve(path, { importer, resolveDir, kind, pluginData: SKIP });
      // A path that a plugin returns has no package.json.
      return found.errors.length === 0 && found.namespace === "file" && isCommonJs(found.path) ? { path: found.path } : undefined;
    });
  },
};

const SKIP = "commonjs";

function isCommonJs(file) {
  if (!file.endsWith(".js") || file.includes("/node_modules/") || !isInModules(dirname(file))) {
    return false;
  }
  const text = readFileSync(file, "utf8");
  if (!/\b(?:module\.exports|exports\b)/.test(text)) {
    return false;
  }
  try {
    // What has `import` or `export` is no script.
    parse(text, { ecmaVersion: "latest", sourceType: "script", allowReturnOutsideFunction: true, allowHashBang: true });
    return true;
  } catch {
    return false;
  }
}

function isInModules(directory) {
  const file = join(directory, "package.json");
  if (existsSync(file)) {
    return JSON.parse(readFileSync(file, "utf8")).type === "module";
  }
  const parent = dirname(directory);
  return parent !== directory && isInModules(parent);
}

// The file as a reader knows it.
export const shown = (file) => relative(process.cwd(), file);
