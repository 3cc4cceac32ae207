// This module decides whether a guest has `awslambda`, by which a handler streams its response: where its code names it.

import { fileURLToPath } from "node:url";

// Its name, or the mark that it puts on a handler. Comments are gone by then.
const NAMED = /(?<![\w$-]|vnd\.)awslambda(?![\w$-])|aws\.lambda\.runtime\.handler\.streaming/;

// Returns whether a handler's code streams.
export const streams = (code) => NAMED.test(code);

// Has `guesthouse:streaming` be the module that streams, or one that knows no such handlers.
export function streaming(isNeeded) {
  return {
    name: "streaming",
    setup(build) {
      build.onResolve({ filter: /^guesthouse:streaming$/ }, () =>
        isNeeded ? { path: fileURLToPath(new URL("runtime/streaming.js", import.meta.url)) } : { path: "none", namespace: "guesthouse-streaming" },
      );
      build.onLoad({ filter: /^none$/, namespace: "guesthouse-streaming" }, () => ({
        contents: "export const isStreaming = () => false; export const streamed = undefined;",
      }));
    },
  };
}
