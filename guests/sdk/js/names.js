// Removes calls that give a function the name that it has anyhow.
//
// Esbuild keeps the names of functions by a call for each, `__name(function, "name")`, wherever the engine makes the
// function. On QuickJS the call costs six times as much as the function. Only functions whose name the bundle had to
// change need it.

import { rewritten } from "./rewrite.js";

// Returns the code without such calls. It is as long as before, so that positions in it stay right.
export function withoutNeedlessNames(code) {
  const helpers = new Set([...code.matchAll(/\b(__name\d*)=\(target,value\)=>/g)].map(([, name]) => name));
  if (helpers.size === 0) {
    return code;
  }
  return rewritten(code, (replace) => {
    const blank = (start, end, text = "") => replace(start, end, text.padEnd(end - start));
    return {
      CallExpression(node, ancestors) {
        const [target, { value: name } = {}] = node.arguments;
        if (!helpers.has(node.callee.name) || typeof name !== "string") {
          return;
        }
        if (target.type === "Identifier" && target.name === name) {
          // A function that is declared.
          blank(node.start, node.end, "0");
        } else if (target.type === "ThisExpression") {
          // A class that names itself in a static block.
          const [block, definition, parent] = [-3, -5, -6].map((at) => ancestors.at(at));
          if (block.type === "StaticBlock" && hasName(definition, parent, name)) {
            blank(block.start, block.end);
          }
        } else if (FUNCTIONS.has(target.type) && hasName(target, ancestors.at(-2), name, node)) {
          // A function that has a name may stand where a statement begins. One that gets it must stand alone.
          const [open, close] = target.id ? "()" : ["", ""];
          replace(node.start, target.start, open.padStart(target.start - node.start));
          blank(target.end, node.end, close);
        }
      },
    };
  });
}

const FUNCTIONS = new Set(["ArrowFunctionExpression", "FunctionExpression", "ClassExpression"]);

// Returns whether the engine itself gives a function or class this name: ECMA-262, section 8.4. `inner` is what stands
// in the parent: the function, or the call around it.
function hasName(definition, parent, name, inner = definition) {
  if (definition.id) {
    return definition.id.name === name;
  }
  switch (parent.type) {
    case "VariableDeclarator":
      return parent.init === inner && parent.id.name === name;
    case "AssignmentExpression":
    case "AssignmentPattern":
      return parent.right === inner && parent.left.name === name;
    case "Property":
    case "PropertyDefinition":
      return parent.value === inner && !parent.computed && (parent.key.name ?? parent.key.value) === name;
    default:
      return false;
  }
}
