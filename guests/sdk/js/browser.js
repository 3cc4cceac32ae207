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
      // Esbuild itself knows whether a package that is not there is wanted in earnest.
      return found.errors.length > 0 || found.external ? undefined : { path: mapped(found.path), sideEffects: found.sideEffects };
    });
    // `got` imports it for HTTP/2, which it does not use unless asked, and it opens sockets when it is imported.
    build.onResolve({ filter: /^http2-wrapper$/ }, ({ path }) => ({ path, namespace: "guesthouse-absent" }));
    build.onLoad({ filter: /.*/, namespace: "guesthouse-absent" }, () => ({ contents: "module.exports = {};" }));
    build.onLoad({ filter: /dist-es\/(?:.*\/)?runtimeConfig\.browser\.js$/ }, ({ path }) => ({ contents: configured(path), resolveDir: dirname(path) }));
    build.onLoad({ filter: /signature-v4\/dist-es\/SignatureV4\.js$/ }, ({ path }) => ({ contents: readFileSync(path, "utf8") + SIGNED_BY_HOST, resolveDir: dirname(path) }));
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

// The host replaces a signature that was made with the placeholder for a key, so the guest does not compute it: a digest
// of a few hundred bytes takes the engine half a millisecond. The header keeps its form, of which the host reads the
// scope. The digest of a body is computed where a service asks for it, and by the host for all others.
const SIGNED_BY_HOST = `
  const { signRequest } = SignatureV4.prototype;
  const empty = () => "";
  class NoDigest {
    update() {}
    async digest() {
      return new Uint8Array(32);
    }
  }
  SignatureV4.prototype.signRequest = async function (request, options) {
    const { accessKeyId } = await this.credentialProvider();
    if (accessKeyId !== "GUESTHOUSE0000000000") {
      return signRequest.call(this, request, options);
    }
    const service = options?.signingService ?? this.service;
    const withoutKey = Object.assign(Object.create(this), { createCanonicalRequest: empty, getSigningKey: empty, getSignature: () => "0".repeat(64) });
    if (!/^(?:s3|glacier)/.test(service)) {
      Object.assign(withoutKey, { sha256: NoDigest, applyChecksum: false });
    }
    return signRequest.call(withoutKey, request, options);
  };
`;
