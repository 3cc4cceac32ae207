// `createHash` and `createHmac`.

import { emitterOf } from "../../process-events.js";
import { hashOf, hmac, names } from "../../web/hashes.js";
import { Buffer } from "../buffer.js";
import { KeyObject } from "./keys.js";

// Returns a hash function with its name, as OpenSSL writes it.
export function hashNamed(name) {
  const hash = hashOf(name);
  if (hash === undefined) {
    throw Object.assign(new Error(`Digest method not supported: \`${name}\` is none of ${names.join(", ")}`), { code: "ERR_CRYPTO_INVALID_DIGEST" });
  }
  return { name: names.find((one) => hashOf(one) === hash), hash };
}

export const getHashes = () => names.flatMap((name) => [name, `RSA-${name.toUpperCase()}`]);

class Digest {
  #state;
  #result;
  #piped; // what `end` has made of it: `digest` may still be called

  constructor(state) {
    this.#state = state;
    Object.assign(this, emitterOf());
  }

  update(data, encoding) {
    if ((this.#result ?? this.#piped) !== undefined) {
      throw Object.assign(new Error("Digest already called"), { code: "ERR_CRYPTO_HASH_FINALIZED" });
    }
    this.#state.update(bytesOf(data, encoding));
    return this;
  }

  digest(encoding) {
    if (this.#result !== undefined) {
      throw Object.assign(new Error("Digest already called"), { code: "ERR_CRYPTO_HASH_FINALIZED" });
    }
    this.#result = this.#piped ?? Buffer.from(this.#state.digest());
    return encoding === undefined || encoding === "buffer" ? this.#result : this.#result.toString(encoding);
  }

  copy() {
    return new this.constructor(this.#state.clone());
  }

  // What a stream needs that is piped into it.
  writable = true;

  write(data, encoding) {
    this.update(data, encoding);
    return true;
  }

  end(data, encoding) {
    data === undefined || data === null || typeof data === "function" || this.update(data, encoding);
    this.#piped = Buffer.from(this.#state.digest());
    this.emit("readable");
    this.emit("data", this.encoding === undefined ? this.#piped : this.#piped.toString(this.encoding));
    this.emit("finish");
    this.emit("end");
  }

  setEncoding(encoding) {
    this.encoding = encoding;
    return this;
  }

  read() {
    const result = this.#piped;
    return result === undefined ? null : this.encoding === undefined ? result : result.toString(this.encoding);
  }
}

export const Hash = class Hash extends Digest {};
export const Hmac = class Hmac extends Digest {};

export const createHash = (name) => new Hash(hashNamed(name).hash.create());
export const createHmac = (name, key, { encoding } = {}) =>
  new Hmac(hmac.create(hashNamed(name).hash, key instanceof KeyObject ? key.material : bytesOf(key, encoding)));
export const hash = (name, data, encoding = "hex") => createHash(name).update(data).digest(encoding);

export function bytesOf(data, encoding) {
  if (typeof data === "string") {
    return Buffer.from(data, encoding);
  }
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  if (data instanceof ArrayBuffer) {
    return new Uint8Array(data);
  }
  const message = 'The "data" argument must be of type string or an instance of Buffer, TypedArray, or DataView.';
  throw Object.assign(new TypeError(message), { code: "ERR_INVALID_ARG_TYPE" });
}
