// `node:buffer`: a `Uint8Array` that can tell its bytes as text.

import { custom } from "../inspect.js";
import { decode, encode } from "../text.js";

const toBytes = {
  utf8: encode,
  hex: (text) => Uint8Array.fromHex(/^(?:[\da-f]{2})*/i.exec(text)[0]),
  base64: fromBase64,
  base64url: fromBase64,
  latin1: (text) => Uint8Array.from(text, (character) => character.charCodeAt(0)),
  utf16le: (text) => new Uint8Array(Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)).buffer),
};

const toText = {
  utf8: (bytes) => decode(bytes),
  hex: (bytes) => bytes.toHex(),
  base64: (bytes) => bytes.toBase64(),
  base64url: (bytes) => bytes.toBase64({ alphabet: "base64url", omitPadding: true }),
  latin1: (bytes) => atob(bytes.toBase64()),
  ascii: (bytes) => atob(bytes.map((byte) => byte & 0x7f).toBase64()),
  utf16le: (bytes) => Array.from(new Uint16Array(bytes.slice(0, bytes.length & ~1).buffer), (unit) => String.fromCharCode(unit)).join(""),
};
toBytes.ascii = toBytes.latin1;

// The name is the class's own, whatever a bundler makes of names in a file.
const Bytes = class Buffer extends Uint8Array {
  static from(value, encoding, length) {
    if (typeof value === "string") {
      return over(toBytes[encodingOf(encoding)](value));
    }
    if (value instanceof ArrayBuffer) {
      return new Buffer(value, encoding, length);
    }
    if (value?.type === "Buffer" && Array.isArray(value.data)) {
      return new Buffer(value.data);
    }
    if (value instanceof String) {
      return Buffer.from(value.valueOf(), encoding);
    }
    if (typeof value !== "object" || value === null) {
      const message = "The first argument must be of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object.";
      throw Object.assign(new TypeError(message), { code: "ERR_INVALID_ARG_TYPE" });
    }
    const own = value.valueOf?.();
    if (own != null && own !== value && (typeof own === "string" || typeof own === "object")) {
      return Buffer.from(own, encoding, length);
    }
    if (value.length === undefined && !(value instanceof SharedArrayBuffer) && !(value.buffer instanceof ArrayBuffer)) {
      const text = value[Symbol.toPrimitive]?.("string");
      if (typeof text === "string") {
        return Buffer.from(text, encoding);
      }
      const message = "The first argument must be of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object.";
      throw Object.assign(new TypeError(message), { code: "ERR_INVALID_ARG_TYPE" });
    }
    return new Buffer(value);
  }

  static alloc(size, fill, encoding) {
    const buffer = new Buffer(size);
    return fill === undefined ? buffer : buffer.fill(fill, encoding);
  }

  static allocUnsafe(size) {
    return new Buffer(size);
  }

  static allocUnsafeSlow(size) {
    return new Buffer(size);
  }

  static copyBytesFrom(view, from = 0, length = view.length - from) {
    const part = view.subarray(from, from + length);
    return new Buffer(part.buffer.slice(part.byteOffset, part.byteOffset + part.byteLength));
  }

  static isBuffer(value) {
    return value instanceof Buffer;
  }

  static isEncoding(name) {
    return typeof name === "string" && normalized(name) in toText;
  }

  static byteLength(value, encoding) {
    return typeof value === "string" ? toBytes[encodingOf(encoding)](value).length : value.byteLength;
  }

  static concat(list, length = list.reduce((sum, { length }) => sum + length, 0)) {
    const buffer = new Buffer(length);
    let at = 0;
    for (const bytes of list) {
      buffer.set(bytes.subarray(0, length - at), at);
      at = Math.min(length, at + bytes.length);
    }
    return buffer;
  }

  static compare(a, b) {
    const i = a.findIndex((byte, i) => byte !== b[i]);
    return Math.sign(i < 0 || i >= b.length ? a.length - b.length : a[i] - b[i]);
  }

  get parent() {
    return this.buffer;
  }

  get offset() {
    return this.byteOffset;
  }

  [custom]() {
    const shown = plain(this).subarray(0, 50);
    const more = this.length - shown.length;
    return `<Buffer${Array.from(shown, (byte) => ` ${byte.toString(16).padStart(2, "0")}`).join("")}${more > 0 ? ` ... ${more} more byte${more > 1 ? "s" : ""}` : ""}>`;
  }

  toString(encoding, start = 0, end = this.length) {
    return toText[encodingOf(encoding)](plain(this).subarray(Math.max(0, start), Math.max(0, end)));
  }

  toJSON() {
    return { type: "Buffer", data: Array.from(this) };
  }

  equals(other) {
    return this.length === other.length && Buffer.compare(this, other) === 0;
  }

  compare(other, otherStart = 0, otherEnd = other.length, start = 0, end = this.length) {
    return Buffer.compare(this.subarray(start, end), other.subarray(otherStart, otherEnd));
  }

  // As in Node a view, and not a copy.
  slice(start, end) {
    return this.subarray(start, end);
  }

  copy(target, at = 0, start = 0, end = this.length) {
    const bytes = this.subarray(start, Math.max(start, Math.min(end, start + target.length - at)));
    if (bytes.length === 0) {
      return 0;
    }
    target.set(bytes, at);
    return bytes.length;
  }

  write(text, at = 0, length = this.length - at, encoding) {
    if (typeof at === "string") {
      return this.write(text, 0, this.length, at);
    }
    if (typeof length === "string") {
      return this.write(text, at, this.length - at, length);
    }
    const name = encodingOf(encoding);
    const all = toBytes[name](text);
    let end = Math.min(all.length, length, this.length - at);
    // No part of a character is written.
    if (name === "utf16le") {
      end &= ~1;
    } else if (name === "utf8") {
      while (end > 0 && end < all.length && (all[end] & 0xc0) === 0x80) {
        end--;
      }
    }
    this.set(all.subarray(0, end), at);
    return end;
  }

  fill(value, ...range) {
    if (typeof value === "number" || typeof value === "boolean" || value == null) {
      return super.fill(Number(value ?? 0), ...range);
    }
    const encoding = typeof range.at(-1) === "string" ? range.pop() : undefined;
    const bytes = Buffer.from(value, encoding);
    const [start = 0, end = this.length] = range;
    for (let i = start; i < end && bytes.length > 0; i++) {
      this[i] = bytes[(i - start) % bytes.length];
    }
    return this;
  }

  indexOf(value, from = 0, encoding) {
    if (typeof value === "number") {
      return super.indexOf(value & 0xff, from);
    }
    // Byte for character, for which the engine has a search in native code.
    const bytes = typeof from === "string" ? Buffer.from(value, from) : Buffer.from(value, encoding);
    return this.toString("latin1").indexOf(bytes.toString("latin1"), typeof from === "string" ? 0 : from < 0 ? Math.max(0, this.length + from) : from);
  }

  lastIndexOf(value, from = this.length, encoding) {
    if (typeof value === "number") {
      return super.lastIndexOf(value & 0xff, from);
    }
    const bytes = typeof from === "string" ? Buffer.from(value, from) : Buffer.from(value, encoding);
    return this.toString("latin1").lastIndexOf(bytes.toString("latin1"), typeof from === "string" ? this.length : from < 0 ? this.length + from : from);
  }

  includes(value, from, encoding) {
    return this.indexOf(value, from, encoding) >= 0;
  }

  readUIntBE(at, length) {
    requireRange(this, at, length);
    return this.subarray(at, at + length).reduce((number, byte) => number * 256 + byte, 0);
  }

  readUIntLE(at, length) {
    requireRange(this, at, length);
    return this.subarray(at, at + length).reduceRight((number, byte) => number * 256 + byte, 0);
  }

  readIntBE(at, length) {
    return signed(this.readUIntBE(at, length), length);
  }

  readIntLE(at, length) {
    return signed(this.readUIntLE(at, length), length);
  }

  writeUIntBE(value, at, length) {
    this.writeUIntLE(value, at, length);
    this.subarray(at, at + length).reverse();
    return at + length;
  }

  writeUIntLE(value, at, length) {
    requireRange(this, at, length);
    let rest = value < 0 ? value + 2 ** (8 * length) : value;
    for (let i = 0; i < length; i++) {
      this[at + i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    return at + length;
  }

  writeIntBE(value, at, length) {
    return this.writeUIntBE(value, at, length);
  }

  writeIntLE(value, at, length) {
    return this.writeUIntLE(value, at, length);
  }

  swap16() {
    return swap(this, 2);
  }

  swap32() {
    return swap(this, 4);
  }

  swap64() {
    return swap(this, 8);
  }
};

// Programs that are older than `Buffer.from` call this, with `new` or without.
export function Buffer(value, encoding, length) {
  return typeof value === "number" ? new Bytes(value) : Bytes.from(value, encoding, length);
}

Object.setPrototypeOf(Buffer, Uint8Array);
Object.defineProperty(Buffer, "prototype", { value: Bytes.prototype });
Object.defineProperty(Buffer, Symbol.species, { value: Bytes, configurable: true });
// Packages copy what can be enumerated of it.
for (const name of Object.getOwnPropertyNames(Bytes).filter((name) => typeof Bytes[name] === "function")) {
  Buffer[name] = Bytes[name];
}
Object.defineProperty(Bytes.prototype, "constructor", { value: Buffer, writable: true, configurable: true });
Buffer.poolSize = 8192;
for (const [name, method] of Object.entries(Object.getOwnPropertyDescriptors(Bytes.prototype))) {
  for (const alias of name === "constructor" ? [] : [name, name.replace("UInt", "Uint")]) {
    Object.defineProperty(Bytes.prototype, alias, { ...method, enumerable: true });
  }
}

// `readUInt32BE`, `writeDoubleLE` and so on, by what `DataView` calls them.
for (const [name, type, size] of [
  ["UInt8", "Uint8", 1],
  ["Int8", "Int8", 1],
  ["UInt16", "Uint16", 2],
  ["Int16", "Int16", 2],
  ["UInt32", "Uint32", 4],
  ["Int32", "Int32", 4],
  ["BigUInt64", "BigUint64", 8],
  ["BigInt64", "BigInt64", 8],
  ["Float", "Float32", 4],
  ["Double", "Float64", 8],
]) {
  for (const order of size === 1 ? [""] : ["LE", "BE"]) {
    const view = (buffer) => new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    define(`read${name}${order}`, function (at = 0) {
      requireRange(this, at, size);
      return view(this)[`get${type}`](at, order === "LE");
    });
    define(`write${name}${order}`, function (value, at = 0) {
      requireRange(this, at, size);
      requireFits(name, value, size);
      view(this)[`set${type}`](at, value, order === "LE");
      return at + size;
    });
  }
}

for (const encoding of ["utf8", "hex", "base64", "base64url", "latin1", "ascii", "ucs2"]) {
  define(`${encoding}Slice`, function (start, end) {
    return this.toString(encoding, start, end);
  });
  define(`${encoding}Write`, function (text, at, length) {
    return this.write(text, at, length, encoding);
  });
}

const outOfRange = (name, value) => Object.assign(new RangeError(`The value of "${name}" is out of range. Received ${value}`), { code: "ERR_OUT_OF_RANGE" });

function requireRange(buffer, at, size) {
  if (typeof at !== "number") {
    throw Object.assign(new TypeError('The "offset" argument must be of type number.'), { code: "ERR_INVALID_ARG_TYPE" });
  }
  if (!Number.isInteger(at) || at < 0 || at + size > buffer.length) {
    throw buffer.length < size ? Object.assign(new RangeError("Attempt to access memory outside buffer bounds"), { code: "ERR_BUFFER_OUT_OF_BOUNDS" }) : outOfRange("offset", at);
  }
}

function requireFits(name, value, size) {
  if (/^[UI]/.test(name)) {
    const range = 2 ** (8 * size);
    const [least, end] = name.startsWith("U") ? [0, range] : [-range / 2, range / 2];
    if (value < least || value >= end) {
      throw outOfRange("value", value);
    }
  }
}

function signed(number, length) {
  const range = 2 ** (8 * length);
  return number >= range / 2 ? number - range : number;
}

function swap(buffer, size) {
  if (buffer.length % size !== 0) {
    throw Object.assign(new RangeError(`Buffer size must be a multiple of ${8 * size}-bits`), { code: "ERR_INVALID_BUFFER_SIZE" });
  }
  for (let i = 0; i < buffer.length; i += size) {
    buffer.subarray(i, i + size).reverse();
  }
  return buffer;
}

function define(name, value) {
  for (const alias of [name, name.replace("UInt", "Uint")]) {
    Buffer.prototype[alias] = value;
  }
}

function encodingOf(encoding) {
  const name = normalized(encoding || "utf8");
  if (!Object.hasOwn(toText, name)) {
    throw Object.assign(new TypeError(`Unknown encoding: ${encoding}`), { code: "ERR_UNKNOWN_ENCODING" });
  }
  return name;
}

function normalized(encoding) {
  const name = String(encoding).toLowerCase();
  return { "utf-8": "utf8", binary: "latin1", ucs2: "utf16le", "ucs-2": "utf16le", "utf-16le": "utf16le" }[name] ?? name;
}

// As Node does, takes both alphabets, ends at the padding, and passes over what is in neither.
function fromBase64(text) {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    const digits = text.split("=", 1)[0].replace(/-/g, "+").replace(/_/g, "/").replace(/[^A-Za-z\d+/]/g, "");
    return Uint8Array.fromBase64(digits.length % 4 === 1 ? digits.slice(0, -1) : digits);
  }
}

const over = (bytes) => new Bytes(bytes.buffer, bytes.byteOffset, bytes.length);
const plain = (buffer) => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);

export const kMaxLength = 2 ** 31 - 1;
export const constants = { MAX_LENGTH: kMaxLength, MAX_STRING_LENGTH: 2 ** 29 - 24 };
export const INSPECT_MAX_BYTES = 50;
export const SlowBuffer = Buffer;
export const { atob, btoa } = globalThis;
export const isAscii = (bytes) => plain(Buffer.from(bytes)).every((byte) => byte < 0x80);
export const isUtf8 = (bytes) => {
  try {
    decode(plain(Buffer.from(bytes)), true);
    return true;
  } catch {
    return false;
  }
};
export const transcode = (bytes, from, to) => Buffer.from(Buffer.from(bytes).toString(from), to);

export default { Buffer, INSPECT_MAX_BYTES, SlowBuffer, atob, btoa, constants, isAscii, isUtf8, kMaxLength, transcode };
