// This module has some packages bundled in the form that they have for browsers: their form for Node begins with files,
// child processes and sockets, and that for browsers needs no more than `fetch`. The rest of a program stays as it is
// for Node.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const PACKAGES = /node_modules\/((?:@aws-sdk|@smithy)\/[^/]+|axios)\//;
const SKIP = "browser";

export const browser = {
  name: "browser",
  setup(build) {
    build.onResolve({ filter: /.*/ }, async ({ path, importer, resolveDir, pluginData, kind }) => {
      const isTheirs = /^(?:@aws-sdk\/|@smithy\/|axios$)/.test(path) || (path.startsWith(".") && PACKAGES.test(importer));
      if (pluginData === SKIP || !isTheirs) {
        return undefined;
      }
      // Their CommonJS form has no map.
      const isAws = /^@(?:aws-sdk|smithy)\//.test(path);
      const found = await build.resolve(path, { resolveDir, importer, kind: isAws ? "import-statement" : kind, pluginData: SKIP });
      return found.errors.length > 0 || found.external ? found : { path: mapped(found.path), sideEffects: found.sideEffects };
    });
    build.onLoad({ filter: /dist-es\/(?:.*\/)?runtimeConfig\.browser\.js$/ }, ({ path }) => ({ contents: configured(path), resolveDir: dirname(path) }));
    build.onLoad({ filter: /getEndpointFromConfig\.browser\.js$/ }, () => ({ contents: ENDPOINT }));
  },
};

const maps = new Map();

// Returns the file that a package's `browser` map has instead of another.
function mapped(path) {
  const match = PACKAGES.exec(path);
  // A guest has no parser for XML, which browsers have.
  if (!match || path.endsWith("/xml-parser.js")) {
    return path;
  }
  const root = path.slice(0, match.index + match[0].length);
  if (!maps.has(root)) {
    maps.set(root, JSON.parse(readFileSync(join(root, "package.json"), "utf8")).browser ?? {});
  }
  const map = maps.get(root);
  const name = `./${path.slice(root.length)}`;
  const other = map[name] ?? map[name.replace(/\.js$/, "")];
  if (typeof other !== "string") {
    return path;
  }
  const file = join(root, other);
  return existsSync(file) ? file : `${file}.js`;
}

// A browser has neither a region nor credentials, and a guest has both in its environment.
function configured(path) {
  return readFileSync(path, "utf8")
    .replace('invalidProvider("Region is missing")', `(async () => {
      const region = process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
      if (!region) throw new Error("Region is missing");
      return region;
    })`)
    .replace('Promise.reject(new Error("Credential is missing"))', `(async () => {
      const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = process.env;
      if (!accessKeyId || !secretAccessKey) throw new Error("Credential is missing");
      return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
    })()`);
}

const ENDPOINT = `
  export const getEndpointFromConfig = async (serviceId = "") =>
    process.env["AWS_ENDPOINT_URL_" + serviceId.replaceAll(" ", "_").toUpperCase()] ?? process.env.AWS_ENDPOINT_URL;
`;
