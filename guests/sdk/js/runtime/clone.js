// `structuredClone` without `transfer`.
export function structuredClone(value) {
  return clone(value, new Map());
}

function clone(value, seen) {
  if (typeof value === "function" || typeof value === "symbol") {
    throw new DOMException(`${String(value)} could not be cloned.`, "DataCloneError");
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  if (seen.has(value)) {
    return seen.get(value);
  }
  const keep = (copy) => (seen.set(value, copy), copy);
  if (Array.isArray(value)) {
    return members(value, keep(new Array(value.length)), seen);
  }
  if (value instanceof Date) {
    return keep(new Date(value));
  }
  if (value instanceof RegExp) {
    return keep(new RegExp(value));
  }
  if (value instanceof Map) {
    const copy = keep(new Map());
    value.forEach((member, key) => copy.set(clone(key, seen), clone(member, seen)));
    return copy;
  }
  if (value instanceof Set) {
    const copy = keep(new Set());
    value.forEach((member) => copy.add(clone(member, seen)));
    return copy;
  }
  if (value instanceof ArrayBuffer) {
    return keep(value.slice(0));
  }
  if (ArrayBuffer.isView(value)) {
    const type = value instanceof DataView ? DataView : globalThis[value[Symbol.toStringTag]];
    return keep(new type(clone(value.buffer, seen), value.byteOffset, value.length ?? value.byteLength));
  }
  if (value instanceof Error) {
    const type = /^(Eval|Range|Reference|Syntax|Type|URI)Error$/.test(value.name) ? globalThis[value.name] : Error;
    const copy = keep(new type(value.message));
    Object.defineProperty(copy, "stack", { value: value.stack, writable: true, configurable: true });
    "cause" in value && (copy.cause = clone(value.cause, seen));
    return copy;
  }
  if (value instanceof Boolean || value instanceof Number || value instanceof String) {
    return keep(Object(value.valueOf()));
  }
  if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet || value instanceof WeakRef) {
    throw new DOMException(`${Object.prototype.toString.call(value)} could not be cloned.`, "DataCloneError");
  }
  return members(value, keep({}), seen);
}

function members(from, to, seen) {
  for (const key of Object.keys(from)) {
    to[key] = clone(from[key], seen);
  }
  return to;
}
