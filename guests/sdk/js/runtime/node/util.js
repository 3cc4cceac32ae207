// `node:util`.

import { custom, format, inspect as show } from "../inspect.js";
import { queueCall } from "../jobs.js";
import { isDeepEqual } from "./deep-equal.js";
import types from "./util-types.js";

export { format, types };
export const { TextDecoder, TextEncoder } = globalThis;

// The options before Node 1 were `showHidden, depth`.
export const inspect = Object.assign(
  (value, options, depth) => show(value, typeof options === "object" && options !== null ? options : depth === undefined ? {} : { depth }),
  { custom, defaultOptions: { depth: 2 }, colors: {}, styles: {} },
);

export const formatWithOptions = (options, ...values) => format(...values);

const customPromisify = Symbol.for("nodejs.util.promisify.custom");

export const promisify = Object.assign(
  (call) => {
    requireFunction(call, "original");
    if (typeof call[customPromisify] === "function") {
      return call[customPromisify];
    }
    const promised = function (...values) {
      return new Promise((resolve, reject) => {
        call.call(this, ...values, (error, value) => (error ? reject(error) : resolve(value)));
      });
    };
    return Object.setPrototypeOf(promised, Object.getPrototypeOf(call));
  },
  { custom: customPromisify },
);

export function callbackify(call) {
  requireFunction(call, "original");
  return function (...values) {
    const callback = values.pop();
    requireFunction(callback, "last argument");
    call.apply(this, values).then(
      (value) => queueCall(() => callback(null, value)),
      (reason) =>
        queueCall(() => callback(reason ?? Object.assign(new Error("Promise was rejected with falsy value"), { code: "ERR_FALSY_VALUE_REJECTION", reason }))),
    );
  };
}

export function inherits(constructor, parent) {
  Object.defineProperty(constructor, "super_", { value: parent, writable: true, configurable: true });
  Object.setPrototypeOf(constructor.prototype, parent.prototype);
}

const warned = new Set();

export function deprecate(call, message, code) {
  const wrapped = function (...values) {
    if (!warned.has(code ?? message)) {
      warned.add(code ?? message);
      globalThis.process.emitWarning(message, "DeprecationWarning", code);
    }
    return new.target ? Reflect.construct(call, values, new.target) : call.apply(this, values);
  };
  return Object.assign(Object.setPrototypeOf(wrapped, call), { prototype: call.prototype });
}

export function debuglog(section, whenMade) {
  const isEnabled = new RegExp(`(^|,)${section}(,|$)`, "i").test(globalThis.process.env.NODE_DEBUG ?? "");
  const log = Object.assign((...values) => isEnabled && console.error(`${section.toUpperCase()} 1: ${format(...values)}`), { enabled: isEnabled });
  whenMade?.(log);
  return log;
}

export { debuglog as debug };
export const isDeepStrictEqual = (a, b) => isDeepEqual(a, b);
export const toUSVString = (text) => String(text).toWellFormed();
export const stripVTControlCharacters = (text) => text.replace(/[\x1b\x9b][[\]()#;?]*(?:(?:(?:[a-zA-Z\d]*(?:;[-a-zA-Z\d/#&.:=?%@~_]*)*)?\x07)|(?:(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PR-TZcf-nq-uy=><~]))/g, "");
// Nothing that a guest writes to shows colors.
export const styleText = (style, text) => text;
export const aborted = (signal) =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener("abort", () => resolve(), { once: true })));
export const getSystemErrorName = (number) => ERRORS[-number];
export const log = (...values) => console.log(format(...values));

const ERRORS = { 1: "EPERM", 2: "ENOENT", 5: "EIO", 9: "EBADF", 13: "EACCES", 17: "EEXIST", 20: "ENOTDIR", 21: "EISDIR", 22: "EINVAL", 28: "ENOSPC", 30: "EROFS", 104: "ECONNRESET", 110: "ETIMEDOUT", 111: "ECONNREFUSED" };

export const { isArray } = Array;
export const isBoolean = (value) => typeof value === "boolean";
export const isBuffer = (value) => globalThis.Buffer?.isBuffer(value) ?? false;
export const isDate = (value) => value instanceof Date;
export const isError = (value) => value instanceof Error;
export const isFunction = (value) => typeof value === "function";
export const isNull = (value) => value === null;
export const isNullOrUndefined = (value) => value == null;
export const isNumber = (value) => typeof value === "number";
export const isObject = (value) => typeof value === "object" && value !== null;
export const isPrimitive = (value) => (typeof value !== "object" && typeof value !== "function") || value === null;
export const isRegExp = (value) => value instanceof RegExp;
export const isString = (value) => typeof value === "string";
export const isSymbol = (value) => typeof value === "symbol";
export const isUndefined = (value) => value === undefined;
export const _extend = (target, source) => Object.assign(target, source);

function requireFunction(call, name) {
  if (typeof call !== "function") {
    const message = `The "${name}" argument must be of type function. Received ${show(call)}`;
    throw Object.assign(new TypeError(message), { code: "ERR_INVALID_ARG_TYPE" });
  }
}

export default {
  TextDecoder, TextEncoder, _extend, aborted, callbackify, debug: debuglog, debuglog, deprecate, format, formatWithOptions,
  getSystemErrorName, inherits, inspect, isArray, isBoolean, isBuffer, isDate, isDeepStrictEqual, isError, isFunction, isNull,
  isNullOrUndefined, isNumber, isObject, isPrimitive, isRegExp, isString, isSymbol, isUndefined, log, promisify,
  stripVTControlCharacters, styleText, toUSVString, types,
};
