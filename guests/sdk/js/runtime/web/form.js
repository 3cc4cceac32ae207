// `FormData`, and its two forms on the wire.

import { decode, encode } from "../text.js";
import { Blob, blobBytes, File } from "./blob.js";
import { concat } from "./bytes.js";

export const FormData = class FormData {
  #entries = [];

  append(name, value, filename) {
    this.#entries.push(entry(name, value, filename));
  }

  set(name, value, filename) {
    const at = this.#entries.findIndex(([other]) => other === String(name));
    const made = entry(name, value, filename);
    if (at < 0) {
      this.#entries.push(made);
    } else {
      this.#entries[at] = made;
      this.#entries = this.#entries.filter(([other], i) => i <= at || other !== made[0]);
    }
  }

  get(name) {
    return this.#entries.find(([other]) => other === String(name))?.[1] ?? null;
  }

  getAll(name) {
    return this.#entries.filter(([other]) => other === String(name)).map(([, value]) => value);
  }

  has(name) {
    return this.#entries.some(([other]) => other === String(name));
  }

  delete(name) {
    this.#entries = this.#entries.filter(([other]) => other !== String(name));
  }

  forEach(callback, self) {
    for (const [name, value] of this) {
      callback.call(self, value, name, this);
    }
  }

  *entries() {
    yield* this.#entries.map((pair) => [...pair]);
  }

  *keys() {
    yield* this.#entries.map(([name]) => name);
  }

  *values() {
    yield* this.#entries.map(([, value]) => value);
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  get [Symbol.toStringTag]() {
    return "FormData";
  }
};

function entry(name, value, filename) {
  if (value instanceof Blob) {
    const isNamed = value instanceof File && filename === undefined;
    value = isNamed ? value : new File([value], filename ?? "blob", { type: value.type });
    return [String(name), value];
  }
  return [String(name), String(value).toWellFormed()];
}

// Returns the bytes of `multipart/form-data` and its type.
export function multipart(form) {
  const boundary = `----formdata-${crypto.randomUUID()}`;
  const quoted = (text) => text.replace(/\n/g, "%0A").replace(/\r/g, "%0D").replace(/"/g, "%22");
  const parts = [];
  for (const [name, value] of form) {
    let head = `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"`;
    if (typeof value === "string") {
      parts.push(encode(`${head}\r\n\r\n${value.replace(/\r?\n|\r/g, "\r\n")}\r\n`));
    } else {
      head += `; filename="${quoted(value.name)}"\r\nContent-Type: ${value.type || "application/octet-stream"}`;
      parts.push(encode(`${head}\r\n\r\n`), blobBytes(value), encode("\r\n"));
    }
  }
  parts.push(encode(`--${boundary}--\r\n`));
  return { bytes: concat(parts), type: `multipart/form-data; boundary=${boundary}` };
}

// Reads a body of either type.
export function parseForm(bytes, type) {
  const form = new FormData();
  if (/^application\/x-www-form-urlencoded\b/i.test(type)) {
    const plain = (text) => decode(percentDecoded(text.replaceAll("+", " ")));
    for (const pair of decode(bytes).split("&").filter((pair) => pair !== "")) {
      const [, name, value] = /^([^=]*)=?(.*)$/s.exec(pair);
      form.append(plain(name), plain(value));
    }
    return form;
  }
  const boundary = /^multipart\/form-data\b.*?;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(type);
  if (!boundary) {
    throw new TypeError(`Content-Type "${type}" is none of a form`);
  }
  // As Latin-1, in which an index is one of the bytes.
  const text = atob(bytes.toBase64());
  const parts = `\r\n${text}`.split(`\r\n--${boundary[1] ?? boundary[2]}`);
  if (parts.length < 2 || !parts.at(-1).startsWith("--")) {
    throw new TypeError("Failed to parse body as FormData.");
  }
  for (const part of parts.slice(1, -1)) {
    addPart(form, part);
  }
  return form;
}

function addPart(form, part) {
  const end = part.indexOf("\r\n\r\n");
  const utf8 = (binary) => decode(binaryBytes(binary));
  const head = utf8(part.slice(0, end));
  const content = binaryBytes(part.slice(end + 4));
  const unquoted = (text) => text.replace(/%0A/g, "\n").replace(/%0D/g, "\r").replace(/%22/g, '"');
  const name = /;\s*name="([^"]*)"/i.exec(head)?.[1];
  if (end < 0 || name === undefined) {
    throw new TypeError("Failed to parse body as FormData.");
  }
  const filename = /;\s*filename="([^"]*)"/i.exec(head)?.[1];
  const type = /^content-type:\s*(.*?)\s*$/im.exec(head)?.[1] ?? "text/plain";
  form.append(unquoted(name), filename === undefined ? decode(content) : new File([content], unquoted(filename), { type }));
}

const binaryBytes = (binary) => Uint8Array.from(binary, (character) => character.charCodeAt(0));

function percentDecoded(text) {
  return binaryBytes(atob(encode(text).toBase64()).replace(/%([\da-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16))));
}
