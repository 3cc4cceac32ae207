// `Headers`. Those of a response are read only when somebody asks, as few are.

const NAME = /^[!#$%&'*+\-.^_`|~\w]+$/;

let setLazily;

export const Headers = class Headers {
  #read; // makes the pairs of a response
  #lists = new Map(); // values by lower-case name

  constructor(init) {
    if (init == null) {
      return;
    }
    if (typeof init !== "object") {
      throw new TypeError("Headers constructor: init is neither a sequence nor a record");
    }
    for (const pair of init[Symbol.iterator] ? init : Object.entries(init)) {
      const [name, value, ...more] = pair;
      if (value === undefined && pair.length !== 2 || more.length > 0) {
        throw new TypeError("Headers constructor: expected name/value pair to be length 2, found " + pair.length);
      }
      this.append(name, value);
    }
  }

  #all() {
    if (this.#read) {
      const pairs = this.#read();
      this.#read = undefined;
      for (const [name, value] of pairs) {
        this.#add(name.toLowerCase(), value);
      }
    }
    return this.#lists;
  }

  #add(key, value) {
    const list = this.#lists.get(key);
    list ? list.push(value) : this.#lists.set(key, [value]);
  }

  append(name, value) {
    this.#all();
    this.#add(keyOf("append", name), valueOf("append", value));
  }

  set(name, value) {
    this.#all().set(keyOf("set", name), [valueOf("set", value)]);
  }

  get(name) {
    return this.#all().get(keyOf("get", name))?.join(", ") ?? null;
  }

  getSetCookie() {
    return [...(this.#all().get("set-cookie") ?? [])];
  }

  has(name) {
    return this.#all().has(keyOf("has", name));
  }

  delete(name) {
    this.#all().delete(keyOf("delete", name));
  }

  forEach(callback, self) {
    for (const [name, value] of this) {
      callback.call(self, value, name, this);
    }
  }

  *entries() {
    const lists = this.#all();
    for (const key of [...lists.keys()].sort()) {
      if (key === "set-cookie") {
        yield* lists.get(key).map((value) => [key, value]);
      } else {
        yield [key, lists.get(key).join(", ")];
      }
    }
  }

  *keys() {
    for (const [name] of this) {
      yield name;
    }
  }

  *values() {
    for (const [, value] of this) {
      yield value;
    }
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  get [Symbol.toStringTag]() {
    return "Headers";
  }

  static {
    setLazily = (headers, read) => (headers.#read = read);
  }
};

// Makes headers of pairs that are computed when they are first asked for.
export function lazyHeaders(read) {
  const headers = new Headers();
  setLazily(headers, read);
  return headers;
}

// Names that were looked at before, and how they are kept: programs use few, again and again.
const keys = new Map();
const MOST_KEYS = 100;

function keyOf(method, name) {
  return keys.get(name) ?? newKey(method, name);
}

function newKey(method, name) {
  if (!NAME.test(name)) {
    throw new TypeError(`Headers.${method}: "${name}" is an invalid header name.`);
  }
  const key = String(name).toLowerCase();
  if (typeof name === "string" && name.length <= 64 && keys.size < MOST_KEYS) {
    keys.set(name, key);
  }
  return key;
}

function valueOf(method, value) {
  let text = String(value);
  if (!/[\0\t\n\r ]/.test(text)) {
    return text;
  }
  text = text.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
  if (/[\0\r\n]/.test(text)) {
    throw new TypeError(`Headers.${method}: "${text}" is an invalid header value.`);
  }
  return text;
}
