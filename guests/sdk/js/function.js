// This module finds the function of a guest: what its file exports, and whether it takes events or HTTP requests. An ES
// module tells that without being run.

import { parse } from "acorn";
import * as esbuild from "esbuild";
import { readFileSync } from "node:fs";

import { commonJs, entryOf, shown } from "./entry.js";

// What a handler of events is called, where nobody says it: AWS's own name first.
const USUAL = ["handler", "lambdaHandler", "main"];

// Returns `{ file, name, isHttp, assumed }`: the file, the export as it is reached (`handler`, `default.fetch`), and a
// sentence about what was assumed, if anything was.
export async function functionOf(given, handler) {
  const { file, name } = entryOf(given, handler);
  const names = await exportsOf(file);
  const isExported = (name) => names === undefined || names.includes(name.split(".")[0]);
  const http = (assumed) => ({ file, name: "default.fetch", isHttp: true, assumed });
  const whole = `taking the default export of \`${shown(file)}\` for a handler of HTTP requests`;
  if (name === undefined) {
    const text = readFileSync(file, "utf8");
    // What a file that is no ES module exports is told by its text.
    const usual = USUAL.find((usual) => (names ? names.includes(usual) : text.includes(usual)));
    if (usual !== undefined) {
      return { file, name: usual, isHttp: false, assumed: usual === "handler" ? undefined : `taking \`${usual}\` of \`${shown(file)}\` for the handler` };
    }
    if (names?.includes("default") && defaultOf(file, text) !== "events") {
      return http(`${whole}, as it exports no \`handler\``);
    }
  }
  const wanted = name ?? "handler";
  if (!isExported(wanted)) {
    const others = names.map((one) => `\`${one}\``).join(", ");
    throw new Error(`\`${shown(file)}\` exports no \`${wanted}\`\nhint: \`--handler NAME\` names one of what it exports: ${others}`);
  }
  if (wanted === "default" && defaultOf(file, readFileSync(file, "utf8")) === "http") {
    return http(whole);
  }
  return { file, name: wanted, isHttp: wanted.endsWith(".fetch") };
}

// Returns the names that an ES module exports, or nothing where they can't be told.
async function exportsOf(file) {
  try {
    const { metafile, outputFiles } = await esbuild.build({
      entryPoints: [file],
      bundle: true,
      write: false,
      metafile: true,
      format: "esm",
      packages: "external",
      logLevel: "silent",
      outdir: ".",
      plugins: [commonJs],
    });
    const [{ entryPoint, exports }] = Object.values(metafile.outputs);
    const isWhole = !/^export \* from /m.test(outputFiles[0].text);
    return metafile.inputs[entryPoint].format === "esm" && isWhole ? exports : undefined;
  } catch {
    // Whatever is wrong, bundling tells it better.
    return undefined;
  }
}

// Returns what a default export is for, as far as its text says: `events`, as a function is, `http`, or nothing.
function defaultOf(file, text) {
  const loader = /\.[mc]?ts$/.test(file) ? "ts" : /\.[jt]sx$/.test(file) ? "tsx" : "jsx";
  const { code } = esbuild.transformSync(text, { loader, format: "esm", jsx: "automatic", logLevel: "silent" });
  const { body } = parse(code, { ecmaVersion: "latest", sourceType: "module", allowHashBang: true });
  return purposeOf(exported(body), body);
}

function exported(body) {
  for (const { type, declaration, specifiers, source } of body) {
    if (type === "ExportDefaultDeclaration") {
      return declaration;
    }
    const specifier = type === "ExportNamedDeclaration" && source === null ? specifiers.find((one) => one.exported.name === "default") : undefined;
    if (specifier) {
      return specifier.local;
    }
  }
  return undefined;
}

function purposeOf(node, body) {
  switch (node?.type) {
    case "Identifier":
      return purposeOf(declared(node.name, body), body);
    case "ArrowFunctionExpression":
    case "FunctionDeclaration":
    case "FunctionExpression":
      return "events";
    case "NewExpression":
      return "http";
    case "ObjectExpression":
      return node.properties.some(({ type, key }) => type === "SpreadElement" || (key.name ?? key.value) === "fetch") ? "http" : "events";
    // `new Hono().get(…)`
    case "CallExpression":
      return node.callee.type === "MemberExpression" ? purposeOf(node.callee.object, body) : undefined;
    default:
      return undefined;
  }
}

function declared(name, body) {
  for (const statement of body) {
    const declaration = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    if (declaration?.type === "FunctionDeclaration" && declaration.id?.name === name) {
      return declaration;
    }
    const found = declaration?.type === "VariableDeclaration" && declaration.declarations.find(({ id }) => id.name === name);
    if (found) {
      return found.init;
    }
  }
  return undefined;
}
