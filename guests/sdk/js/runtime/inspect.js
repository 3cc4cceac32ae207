// Values as Node prints them.

import { isPromise, stateOf } from "./promise.js";
import { traced } from "./stack.js";

const WIDTH = 72;
const MEMBERS = 100;

// The method by which an object says how it is shown.
export const custom = Symbol.for("nodejs.util.inspect.custom");

// `console.log`'s text: `%` directives in the first value, the others after it.
export function format(...values) {
  let text = "";
  if (typeof values[0] === "string") {
    const isAlone = values.length === 1;
    const template = values.shift();
    text = template.replace(/%([sdifjoOc%])/g, (directive, kind) => {
      if (kind === "%") {
        return isAlone ? directive : "%";
      }
      return values.length > 0 ? directed(kind, values.shift()) : directive;
    });
    if (values.length > 0) {
      text += " ";
    }
  }
  return text + values.map((value) => (typeof value === "string" ? value : inspect(value))).join(" ");
}

function directed(kind, value) {
  switch (kind) {
    case "s":
      return typeof value === "object" && value !== null ? inspect(value, { depth: 0 }) : String(value);
    case "d":
      return typeof value === "bigint" ? `${value}n` : String(typeof value === "object" ? NaN : Number(value));
    case "i":
      return typeof value === "bigint" ? `${value}n` : String(parseInt(value, 10));
    case "f":
      return String(parseFloat(value));
    case "j":
      try {
        return JSON.stringify(value) ?? "undefined";
      } catch (error) {
        if (/circular/i.test(error.message)) {
          return "[Circular]";
        }
        throw error;
      }
    case "c":
      return "";
    default:
      return inspect(value, { depth: 4 });
  }
}

// A value's text, `depth` objects deep.
export function inspect(value, { depth = 2 } = {}) {
  try {
    return show(value, depth ?? Infinity, []);
  } catch {
    // Its getters throw.
    return "[object]";
  }
}

function show(value, depth, above) {
  switch (typeof value) {
    case "string":
      return quoted(value);
    case "bigint":
      return `${value}n`;
    case "function":
      return showFunction(value);
    case "object":
      return value === null ? "null" : showObject(value, depth, above);
    default:
      return Object.is(value, -0) ? "-0" : String(value);
  }
}

function showFunction(value) {
  const kind = /^class\b/.test(Function.prototype.toString.call(value)) ? "class" : "Function";
  const name = value.name || "(anonymous)";
  return kind === "class" ? `[class ${name}]` : `[Function: ${name}]`;
}

function showObject(value, depth, above) {
  if (above.includes(value)) {
    return "[Circular]";
  }
  if (typeof value[custom] === "function") {
    const shown = value[custom](depth - above.length, { depth, stylize: (text) => String(text) }, inspect);
    return typeof shown === "string" ? shown : show(shown, depth, [...above, value]);
  }
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  }
  if (value instanceof RegExp) {
    return String(value);
  }
  if (value instanceof Boolean || value instanceof Number || value instanceof String) {
    return `[${value.constructor.name}: ${show(value.valueOf(), 0, [])}]`;
  }
  if (value instanceof Error) {
    return showError(value, depth, above);
  }
  const name = typeName(value);
  if (above.length > depth) {
    return Array.isArray(value) ? "[Array]" : `[${name || "Object"}]`;
  }
  return showMembers(value, name, (member) => show(member, depth, [...above, value]));
}

function showError(error, depth, above) {
  const head = `${error.name}: ${error.message}`.replace(/: $/, "");
  if (above.length > depth) {
    return `[${head}]`;
  }
  const stack = traced(error.stack).map((line) => `\n    at ${line}`);
  const members = Object.keys(error).filter((key) => key !== "name");
  const rest = Object.fromEntries(members.map((key) => [key, error[key]]));
  "cause" in error && (rest["[cause]"] = error.cause);
  error instanceof AggregateError && (rest["[errors]"] = error.errors);
  const text = stack.length > 0 ? head + stack.join("") : `[${head}]`;
  if (Object.keys(rest).length === 0) {
    return text;
  }
  const shown = showMembers(rest, "", (member) => show(member, depth, [...above, error]), text.includes("\n"));
  return `${text} ${shown.replaceAll(/'(\[\w+\])'/g, "$1")}`;
}

// The class, where it is none that its brackets show.
function typeName(value) {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null) {
    return "[Object: null prototype]";
  }
  const name = value.constructor?.name || "Object";
  const size = value.size ?? value.length;
  if (value instanceof Map || value instanceof Set || (ArrayBuffer.isView(value) && !(value instanceof DataView))) {
    return `${name}(${size})`;
  }
  return name === "Array" || name === "Object" ? "" : Array.isArray(value) ? `${name}(${size})` : name;
}

function showMembers(value, name, show, isLong = false) {
  const [open, close] = Array.isArray(value) || ArrayBuffer.isView(value) ? "[]" : "{}";
  const members = own(value, show);
  const prefix = name && `${name} `;
  if (members.length === 0) {
    return `${prefix}${open}${close}`;
  }
  const isShort = !isLong && members.reduce((sum, member) => sum + member.length + 2, prefix.length) <= WIDTH && !members.some((member) => member.includes("\n"));
  if (isShort) {
    return `${prefix}${open} ${members.join(", ")} ${close}`;
  }
  const lines = open === "[" ? filled(members) : members;
  return `${prefix}${open}\n${lines.map((line) => `  ${line.replaceAll("\n", "\n  ")}`).join(",\n")}\n${close}`;
}

// Short items of a list share lines: each line is a log line.
function filled(items) {
  const lines = [];
  for (const item of items) {
    const last = lines.at(-1);
    if (last !== undefined && item.length <= 16 && last.length + item.length + 2 <= WIDTH && !last.includes("\n")) {
      lines[lines.length - 1] = `${last}, ${item}`;
    } else {
      lines.push(item);
    }
  }
  return lines;
}

function own(value, show) {
  if (isPromise(value)) {
    const [state, result] = stateOf(value);
    return [state === "pending" ? "<pending>" : `${state === "rejected" ? "<rejected> " : ""}${show(result)}`];
  }
  const isList = Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
  const items =
    value instanceof Map
      ? limited([...value], ([key, member]) => `${show(key)} => ${show(member)}`)
      : value instanceof Set
        ? limited([...value], show)
        : isList
          ? limited(value, show)
          : value instanceof ArrayBuffer
            ? [`byteLength: ${value.byteLength}`]
            : [];
  const keys = ArrayBuffer.isView(value) ? [] : Reflect.ownKeys(value).filter((key) => isShown(value, key, isList));
  return [...items, ...limited(keys, (key) => `${shownKey(key)}: ${shownMember(value, key, show)}`)];
}

// A list's numbers are its items; what can't be enumerated is not shown.
function isShown(value, key, isList) {
  return !(isList && /^\d+$/.test(String(key))) && Object.getOwnPropertyDescriptor(value, key).enumerable;
}

function shownKey(key) {
  return typeof key === "symbol" ? `[${String(key)}]` : /^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key);
}

// A getter is not called.
function shownMember(value, key, show) {
  const { get, set } = Object.getOwnPropertyDescriptor(value, key);
  return get ? (set ? "[Getter/Setter]" : "[Getter]") : set ? "[Setter]" : show(value[key]);
}

function limited(list, show) {
  const shown = Array.from(list.length > MEMBERS ? list.slice(0, MEMBERS) : list, (item) => show(item));
  const left = list.length - shown.length;
  return left > 0 ? [...shown, `... ${left} more item${left > 1 ? "s" : ""}`] : shown;
}

function quoted(text) {
  const mark = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !text.includes("`") ? "`" : "'";
  const escaped = text.replace(/[\0-\x1f\x7f\\]/g, (character) =>
    ({ "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v", "\\": "\\\\" })[character] ??
    `\\x${character.charCodeAt().toString(16).padStart(2, "0").toUpperCase()}`,
  );
  return mark + (mark === "'" ? escaped.replaceAll("'", "\\'") : escaped) + mark;
}
