// This module decides what of the web a guest's image holds: only what its code names.

import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

// By names, as a call like `globalThis.fetch` and one through a variable name it, too. Comments are gone by then.
const NAMES = [
  "AbortController", "AbortSignal", "Blob", "ByteLengthQueuingStrategy", "CompressionStream", "CountQueuingStrategy",
  "CustomEvent", "DecompressionStream", "EventTarget", "FormData", "ReadableStream", "Request", "Response",
  "TextDecoderStream", "TextEncoderStream", "TransformStream", "WritableStream", "fetch", "subtle",
];
const NAMED = new RegExp(`(?<![\\w$-])(?:${NAMES.join("|")}|new (?:Event|File|Headers))(?![\\w$-])`);

// Returns whether a handler's code needs the globals of the web.
export function needsWeb(code) {
  return NAMED.test(code);
}

// The files of algorithms of `crypto.subtle`, where the code names one of these.
const ALGORITHMS = { "subtle-derived.js": /PBKDF2|HKDF/, "subtle-keys.js": /RSASSA-PKCS1|RSA-PSS|ECDSA|Ed25519/ };

// Has `guesthouse:web` be those globals, or nothing.
export function webGlobals(isNeeded, code) {
  return {
    name: "web",
    setup(build) {
      build.onResolve({ filter: /^guesthouse:web$/ }, () =>
        isNeeded ? { path: "globals", namespace: "guesthouse-web" } : { path: "none", namespace: "guesthouse-web" },
      );
      build.onLoad({ filter: /^none$/, namespace: "guesthouse-web" }, () => ({ contents: "" }));
      build.onLoad({ filter: /^globals$/, namespace: "guesthouse-web" }, () => ({
        contents: ["globals.js", ...Object.keys(ALGORITHMS).filter((file) => ALGORITHMS[file].test(code))]
          .map((file) => `import "./runtime/web/${file}";`)
          .join("\n"),
        resolveDir: here("."),
      }));
    },
  };
}
