// Marks what a synchronous generator delegates to by `yield*`, before async functions are lowered.
//
// Esbuild lowers `yield*` of async generators, and with them that of all other generators: both become
// `yield* __yieldStar(value)`. Here the values of the others are put into a call, by which `runtime/async.js` tells them
// apart.

import { parse } from "acorn";
import { ancestor } from "acorn-walk";

const MARK = 'globalThis[Symbol.for("guesthouse.delegate")](';

// Returns the source with its marks.
export function marked(source) {
  if (!/\byield\s*\*/.test(source)) {
    return source;
  }
  const places = [];
  ancestor(parse(source, { ecmaVersion: "latest", sourceType: "module", allowHashBang: true }), {
    YieldExpression(node, ancestors) {
      const own = ancestors.findLast(({ type }) => type === "FunctionDeclaration" || type === "FunctionExpression");
      if (node.delegate && !own.async) {
        places.push([node.argument.start, MARK], [node.argument.end, ")"]);
      }
    },
  });
  places.sort(([a], [b]) => a - b);
  let [code, from] = ["", 0];
  for (const [at, text] of places) {
    code += source.slice(from, at) + text;
    from = at;
  }
  return code + source.slice(from);
}
