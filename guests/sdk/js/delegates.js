// Marks what a synchronous generator delegates to by `yield*`, before async functions are lowered.
//
// Esbuild lowers `yield*` of async generators, and with them that of all other generators: both become
// `yield* __yieldStar(value)`. Here the values of the others are put into a call, by which `runtime/async.js` tells them
// apart.

import { rewritten } from "./rewrite.js";

const MARK = 'globalThis[Symbol.for("guesthouse.delegate")](';

// Returns the source with its marks.
export function marked(source) {
  if (!/\byield\s*\*/.test(source)) {
    return source;
  }
  return rewritten(source, (replace) => ({
    YieldExpression({ delegate, argument }, ancestors) {
      const own = ancestors.findLast(({ type }) => type === "FunctionDeclaration" || type === "FunctionExpression");
      if (delegate && !own.async) {
        replace(argument.start, argument.start, MARK);
        replace(argument.end, argument.end, ")");
      }
    },
  }));
}
