// AES, by `@noble/ciphers`, which takes a message as a whole: `final` returns all of it.

import { cbc, ctr, gcm } from "@noble/ciphers/aes.js";
import { Buffer } from "../buffer.js";
import { Transform } from "../stream.js";
import { bytesOf } from "./hash.js";

const MODES = { cbc, ctr, gcm };
const TAG = 16;

export const getCiphers = () => Object.keys(MODES).flatMap((mode) => [128, 192, 256].map((bits) => `aes-${bits}-${mode}`));

class Cipher extends Transform {
  #mode;
  #key;
  #iv;
  #parts = [];
  #associated;
  #tag;
  #isPadded = true;
  #done = 0;

  constructor(name, key, iv, options) {
    super(options);
    const match = /^aes-?(128|192|256)-(cbc|ctr|gcm)$/i.exec(name);
    if (match === null) {
      throw Object.assign(new Error(`Unknown cipher: a guest has ${getCiphers().join(", ")}`), { code: "ERR_CRYPTO_UNKNOWN_CIPHER" });
    }
    this.#mode = match[2].toLowerCase();
    this.#key = bytesOf(key.material ?? key);
    this.#iv = bytesOf(iv);
    if (this.#key.length * 8 !== Number(match[1])) {
      throw Object.assign(new RangeError("Invalid key length"), { code: "ERR_CRYPTO_INVALID_KEYLEN" });
    }
  }

  update(data, inputEncoding, outputEncoding) {
    if (this.#mode === "ctr") {
      return outputOf(this.#streamed(bytesOf(data, inputEncoding)), outputEncoding);
    }
    this.#parts.push(bytesOf(data, inputEncoding));
    return outputEncoding === undefined || outputEncoding === "buffer" ? Buffer.alloc(0) : "";
  }

  // A stream cipher's output is there at once, and programs need not call `final`.
  #streamed(bytes) {
    const blocks = BigInt(Math.floor(this.#done / 16));
    const counter = (BigInt(`0x${Buffer.from(this.#iv).toString("hex")}`) + blocks) % 2n ** 128n;
    const iv = new Uint8Array(Buffer.from(counter.toString(16).padStart(32, "0"), "hex"));
    const before = this.#done % 16;
    this.#done += bytes.length;
    return ctr(this.#key, iv).encrypt(Buffer.concat([Buffer.alloc(before), bytes])).subarray(before);
  }

  setAAD(bytes) {
    this.#associated = bytesOf(bytes);
    return this;
  }

  setAutoPadding(isPadded = true) {
    this.#isPadded = isPadded;
    return this;
  }

  getAuthTag() {
    return this.#tag;
  }

  setAuthTag(tag) {
    this.#tag = bytesOf(tag);
    return this;
  }

  _transform(chunk, encoding, callback) {
    callback(null, this.update(chunk, encoding));
  }

  _flush(callback) {
    let rest;
    try {
      rest = this.final();
    } catch (error) {
      callback(error);
      return;
    }
    callback(null, rest);
  }

  _cipher() {
    const options = this.#mode === "gcm" ? this.#associated : this.#mode === "cbc" ? { disablePadding: !this.#isPadded } : undefined;
    return MODES[this.#mode](this.#key, this.#iv, options);
  }

  _encrypted() {
    const bytes = this._cipher().encrypt(Buffer.concat(this.#parts));
    if (this.#mode !== "gcm") {
      return bytes;
    }
    this.#tag = Buffer.from(bytes.slice(-TAG));
    return bytes.subarray(0, -TAG);
  }

  _decrypted() {
    const parts = this.#mode === "gcm" ? [...this.#parts, this.#tag ?? new Uint8Array(0)] : this.#parts;
    try {
      return this._cipher().decrypt(Buffer.concat(parts));
    } catch {
      throw this.#mode === "gcm"
        ? new Error("Unsupported state or unable to authenticate data")
        : Object.assign(new Error("error:1C800064:Provider routines::bad decrypt"), { code: "ERR_OSSL_BAD_DECRYPT" });
    }
  }
}

const outputOf = (bytes, encoding) => {
  const buffer = Buffer.from(bytes);
  return encoding === undefined || encoding === "buffer" ? buffer : buffer.toString(encoding);
};

export const Cipheriv = class Cipheriv extends Cipher {
  final(encoding) {
    return outputOf(this._encrypted(), encoding);
  }
};

export const Decipheriv = class Decipheriv extends Cipher {
  final(encoding) {
    return outputOf(this._decrypted(), encoding);
  }
};

export const createCipheriv = (...values) => new Cipheriv(...values);
export const createDecipheriv = (...values) => new Decipheriv(...values);
