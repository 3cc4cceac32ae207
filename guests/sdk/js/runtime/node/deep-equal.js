// Whether two values are the same by what they hold: `assert.deepStrictEqual` and `util.isDeepStrictEqual`.

// With `isStrict`, as `Object.is` and by prototypes; without, as `==`.
export function isDeepEqual(a, b, isStrict = true, seen = new Map()) {
  if (isStrict ? Object.is(a, b) : a == b || (Number.isNaN(a) && Number.isNaN(b))) {
    return true;
  }
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return false;
  }
  if (tagOf(a) !== tagOf(b) || (isStrict && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b))) {
    return false;
  }
  if (seen.get(a) === b) {
    return true;
  }
  seen.set(a, b);
  const same = (one, other) => isDeepEqual(one, other, isStrict, seen);
  return haveSameValue(a, b, same) && haveSameItems(a, b, same) && haveSameMembers(a, b, same);
}

const tagOf = (value) => Object.prototype.toString.call(value);

function haveSameValue(a, b, same) {
  if (a instanceof Date || a instanceof Number || a instanceof String || a instanceof Boolean || a instanceof BigInt || a instanceof Symbol) {
    return Object.is(a.valueOf(), b.valueOf());
  }
  if (a instanceof RegExp) {
    return String(a) === String(b) && a.lastIndex === b.lastIndex;
  }
  if (a instanceof Error) {
    return a.message === b.message && a.name === b.name && same(a.cause, b.cause) && same(a.errors, b.errors);
  }
  return !(a instanceof Promise || a instanceof WeakMap || a instanceof WeakSet);
}

function haveSameItems(a, b, same) {
  if (a instanceof ArrayBuffer) {
    return haveSameItems(new Uint8Array(a), new Uint8Array(b), same);
  }
  if (a instanceof DataView) {
    return haveSameItems(new Uint8Array(a.buffer, a.byteOffset, a.byteLength), new Uint8Array(b.buffer, b.byteOffset, b.byteLength), same);
  }
  // Not by the class, which would be in every guest that compares anything.
  if (tagOf(a) === "[object URL]") {
    return a.href === b.href;
  }
  if (ArrayBuffer.isView(a)) {
    return a.byteLength === b.byteLength && a.every((item, i) => Object.is(item, b[i]));
  }
  if (Array.isArray(a)) {
    return a.length === b.length;
  }
  if (a instanceof Set) {
    return a.size === b.size && isMatched([...a], [...b], (item, set) => set.has(item), b, same);
  }
  if (a instanceof Map) {
    const pairs = (one, other) => same(one[0], other[0]) && same(one[1], other[1]);
    return a.size === b.size && isMatched([...a], [...b], ([key, value], map) => map.has(key) && same(value, map.get(key)), b, pairs);
  }
  return true;
}

// Whether each item has one of the others to itself.
function isMatched(items, others, isIn, all, same) {
  const rest = [...others];
  return items.every((item) => {
    if (isIn(item, all) && !(typeof item === "object" && !Array.isArray(item))) {
      return true;
    }
    const at = rest.findIndex((other) => same(item, other));
    at >= 0 && rest.splice(at, 1);
    return at >= 0;
  });
}

function haveSameMembers(a, b, same) {
  if (ArrayBuffer.isView(a)) {
    return true;
  }
  const keys = membersOf(a);
  return keys.length === membersOf(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
}

const membersOf = (value) => Reflect.ownKeys(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
