// Keeps what programs ask an async function for, that is made for nothing else: its prototype.
//
// `Object.getPrototypeOf(async function* () {})` is how a program comes to the prototype of async iterators. Lowered, the
// function would be an ordinary one. Here the call becomes one of the engine's own functions.

import { rewritten } from "./rewrite.js";

// Returns the source in which such functions are made when they run, which no bundler sees.
export function withPrototypes(source) {
  if (!/getPrototypeOf\(\s*async\s+function/.test(source)) {
    return source;
  }
  return rewritten(source, (replace) => ({
    CallExpression({ callee, arguments: [made] }) {
      if (callee.property?.name === "getPrototypeOf" && made?.type === "FunctionExpression" && made.async) {
        replace(made.start, made.end, `new Function("return async function${made.generator ? "*" : ""}(){}")()`);
      }
    },
  }));
}
