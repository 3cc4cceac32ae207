// Changes a program's text where its syntax says so.

import { parse } from "acorn";
import { ancestor } from "acorn-walk";

// Returns the source with edits, which do not overlap. `visitors` makes what acorn-walk calls for each node, and gets a
// function that replaces what is from one place to another by a text.
export function rewritten(source, visitors) {
  const edits = [];
  const replace = (start, end, text) => edits.push({ start, end, text });
  ancestor(parse(source, { ecmaVersion: "latest", sourceType: "module", allowHashBang: true }), visitors(replace));
  edits.sort((a, b) => a.start - b.start);
  let [result, from] = ["", 0];
  for (const { start, end, text } of edits) {
    result += source.slice(from, start) + text;
    from = end;
  }
  return result + source.slice(from);
}
