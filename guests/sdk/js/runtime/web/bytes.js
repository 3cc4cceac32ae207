// Bytes of whatever may stand for them.

import { encode } from "../text.js";

export function bytesOf(value) {
  if (value instanceof Uint8Array) {
    return value;
  }
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  return isBuffer(value) ? new Uint8Array(value) : encode(String(value));
}

export const isBytes = (value) => ArrayBuffer.isView(value) || isBuffer(value);

const isBuffer = (value) => /^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(value));

export function concat(parts) {
  if (parts.length === 1) {
    return parts[0];
  }
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

// The bytes of a body that comes piece by piece: of something to iterate over, or of what `IncomingBody` is.
export const chunksOf = (source) => (typeof source.read === "function" ? incoming(source) : checked(source));

async function* incoming(source) {
  try {
    for (;;) {
      const chunk = await new Promise((resolve, reject) => source.read(resolve, reject));
      if (chunk === null) {
        return;
      }
      yield chunk;
    }
  } finally {
    source.close();
  }
}

async function* checked(stream) {
  for await (const chunk of stream) {
    if (typeof chunk !== "string" && !isBytes(chunk)) {
      throw new TypeError("Received non-Uint8Array chunk");
    }
    yield bytesOf(chunk);
  }
}
