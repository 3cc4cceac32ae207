// UTF-8 by what the engine has in native code: a loop over characters would be some fifty times slower.

const CHUNK = 0x8000;
const ASCII = /^[\0-\x7f]*$/;

export function encode(text) {
  if (text.length <= CHUNK) {
    return encodeChunk(text);
  }
  const chunks = [];
  for (let i = 0; i < text.length; ) {
    let end = i + CHUNK;
    if (isHighSurrogate(text.charCodeAt(end - 1))) {
      end--;
    }
    chunks.push(encodeChunk(text.slice(i, end)));
    i = end;
  }
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

// Of what is not UTF-8 it makes U+FFFD, or throws.
export function decode(bytes, isFatal = false) {
  let text = "";
  for (let i = 0; i < bytes.length; ) {
    let end = Math.min(i + CHUNK, bytes.length);
    // Back to where a character begins; what is no UTF-8 has no such place.
    for (let back = 0; end < bytes.length && back < 3 && isContinuation(bytes[end]); back++) {
      end--;
    }
    text += decodeChunk(bytes.subarray(i, end), isFatal);
    i = end;
  }
  return text;
}

function encodeChunk(text) {
  const binary = ASCII.test(text) ? text : unescape(encodeURIComponent(text.toWellFormed()));
  return Uint8Array.fromBase64(btoa(binary));
}

function decodeChunk(bytes, isFatal) {
  const binary = atob(bytes.toBase64());
  if (ASCII.test(binary)) {
    return binary;
  }
  try {
    return decodeURIComponent(escape(binary));
  } catch {
    if (isFatal) {
      throw Object.assign(new TypeError("The encoded data was not valid for encoding utf-8"), { code: "ERR_ENCODING_INVALID_ENCODED_DATA" });
    }
    return decodeLossy(bytes);
  }
}

// The Encoding Standard's decoder: one U+FFFD for each longest beginning of a character that is cut off.
function decodeLossy(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; ) {
    const length = sequence(bytes, i);
    text += length > 0 ? decodeURIComponent(escape(String.fromCharCode(...bytes.subarray(i, i + length)))) : "\ufffd";
    i += Math.abs(length);
  }
  return text;
}

// The length of the character at `i`; negative, of what stands there instead.
function sequence(bytes, i) {
  const first = bytes[i];
  if (first < 0x80) {
    return 1;
  }
  const length = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  let least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  let most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  for (let n = 1; n < length; n++) {
    const byte = bytes[i + n];
    if (!(byte >= least && byte <= most)) {
      return -n;
    }
    [least, most] = [0x80, 0xbf];
  }
  return length || -1;
}

// How many bytes at the end are the beginning of a character.
function unfinished(bytes) {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const i = bytes.length - back;
    if (!isContinuation(bytes[i])) {
      return bytes[i] >= 0xc2 && sequence(bytes, i) === -back ? back : 0;
    }
  }
  return 0;
}

const isHighSurrogate = (unit) => unit >= 0xd800 && unit <= 0xdbff;
const isContinuation = (byte) => (byte & 0xc0) === 0x80;

export const TextEncoder = class TextEncoder {
  encoding = "utf-8";

  encode(text = "") {
    return encode(String(text));
  }

  encodeInto(text, target) {
    let read = 0;
    let written = 0;
    for (const character of String(text)) {
      const bytes = encodeChunk(character);
      if (written + bytes.length > target.length) {
        break;
      }
      target.set(bytes, written);
      written += bytes.length;
      read += character.length;
    }
    return { read, written };
  }
};

export const TextDecoder = class TextDecoder {
  #kept = new Uint8Array(0);
  #isStarted = false;
  encoding = "utf-8";

  constructor(label = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
    if (!/^\s*(utf-?8|unicode-1-1-utf-8)\s*$/i.test(label)) {
      throw Object.assign(new RangeError(`The "${label}" encoding is not supported`), { code: "ERR_ENCODING_NOT_SUPPORTED" });
    }
    this.fatal = fatal;
    this.ignoreBOM = ignoreBOM;
  }

  decode(input = new Uint8Array(0), { stream = false } = {}) {
    let bytes = ArrayBuffer.isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input);
    if (this.#kept.length > 0) {
      const joined = new Uint8Array(this.#kept.length + bytes.length);
      joined.set(this.#kept);
      joined.set(bytes, this.#kept.length);
      bytes = joined;
    }
    const end = bytes.length - (stream ? unfinished(bytes) : 0);
    this.#kept = bytes.slice(end);
    let text = decode(bytes.subarray(0, end), this.fatal);
    if (!this.#isStarted && !this.ignoreBOM && text.startsWith("\ufeff")) {
      text = text.slice(1);
    }
    this.#isStarted = stream && (this.#isStarted || text !== "");
    return text;
  }
};
