// `crypto.subtle`: digests, and HMAC. `subtle-keys.js` adds signatures, and `subtle-derived.js` keys that are derived.
// Everything else is a `NotSupportedError`.

import { bytesOf, isBytes } from "./bytes.js";
import { hashOf, hmac } from "./hashes.js";

let materialOf;

// The material of a secret key are its bytes.
export class CryptoKey {
  #material;

  constructor(material, algorithm, extractable, usages, type = "secret") {
    this.#material = material;
    Object.assign(this, { type, algorithm, extractable, usages });
  }

  get [Symbol.toStringTag]() {
    return "CryptoKey";
  }

  static {
    materialOf = (key) => key.#material;
  }
}

export { materialOf };

// The methods for more algorithms, in guests whose code names one of them.
const extensions = [];

export const extend = (methods) => extensions.push(methods);

// Returns the methods for an algorithm, where they are not those of HMAC.
const others = (algorithm) => extensions.find(({ names }) => names.has(nameOf(algorithm)));

export const subtle = {
  async digest(algorithm, data) {
    return buffer(hashNamed(algorithm)(input(data)));
  },

  async importKey(format, data, algorithm, extractable, usages) {
    const other = others(algorithm);
    if (other) {
      return other.importKey(format, data, algorithm, Boolean(extractable), [...usages]);
    }
    const bytes = format === "jwk" ? Uint8Array.fromBase64(data.k, { alphabet: "base64url" }) : input(data).slice();
    if (format !== "raw" && format !== "jwk") {
      throw unsupported(`keys of format ${format}`);
    }
    return hmacKey(bytes, algorithm, extractable, usages);
  },

  async generateKey(algorithm, extractable, usages) {
    if (others(algorithm)) {
      throw unsupported(`way to make keys for ${nameOf(algorithm)}`);
    }
    const length = (algorithm.length ?? hashNamed(algorithm.hash).blockLen * 8) / 8;
    return hmacKey(crypto.getRandomValues(new Uint8Array(length)), algorithm, extractable, usages);
  },

  async exportKey(format, key) {
    if (!key.extractable) {
      throw new DOMException("key is not extractable", "InvalidAccessError");
    }
    if (others(key.algorithm)) {
      return others(key.algorithm).exportKey(format, key);
    }
    if (format === "jwk") {
      const k = materialOf(key).toBase64({ alphabet: "base64url", omitPadding: true });
      const alg = `HS${key.algorithm.hash.name.replace("SHA-", "")}`;
      return { kty: "oct", k, alg, key_ops: key.usages, ext: true };
    }
    return buffer(materialOf(key).slice());
  },

  async sign(algorithm, key, data) {
    requireUsage(key, "sign");
    if (others(algorithm)) {
      return buffer(others(algorithm).sign(algorithm, key, input(data)));
    }
    requireHmac(algorithm);
    return buffer(mac(key, data));
  },

  async verify(algorithm, key, signature, data) {
    requireUsage(key, "verify");
    if (others(algorithm)) {
      return others(algorithm).verify(algorithm, key, input(signature), input(data));
    }
    requireHmac(algorithm);
    return equal(mac(key, data), input(signature));
  },

  async deriveBits(algorithm, key, length) {
    requireUsage(key, "deriveBits");
    return buffer(derived(algorithm, key, length));
  },

  async deriveKey(algorithm, key, type, extractable, usages) {
    requireUsage(key, "deriveKey");
    requireHmac(type);
    const length = type.length ?? hashNamed(type.hash).blockLen * 8;
    return hmacKey(derived(algorithm, key, length), type, extractable, usages);
  },
};

for (const name of ["encrypt", "decrypt", "wrapKey", "unwrapKey"]) {
  subtle[name] = async () => {
    throw unsupported(`\`crypto.subtle.${name}\``);
  };
}

function hmacKey(bytes, algorithm, extractable, usages) {
  requireHmac(algorithm);
  hashNamed(algorithm.hash);
  const name = nameOf(algorithm.hash).toUpperCase();
  return new CryptoKey(bytes, { name: "HMAC", hash: { name }, length: bytes.length * 8 }, Boolean(extractable), [...usages]);
}

function derived(algorithm, key, length) {
  const other = others(algorithm);
  if (other?.derive === undefined) {
    throw unsupported(`algorithm ${nameOf(algorithm)}`);
  }
  if (nameOf(algorithm) !== key.algorithm.name) {
    throw new DOMException("The key is for another algorithm", "InvalidAccessError");
  }
  if (!Number.isInteger(length / 8) || length <= 0) {
    throw new DOMException("length must be a non-zero multiple of 8", "OperationError");
  }
  return other.derive(hashNamed(algorithm.hash), materialOf(key), algorithm, length / 8);
}

export const nameOf = (algorithm) => String(algorithm?.name ?? algorithm);

function requireHmac(algorithm) {
  if (nameOf(algorithm).toUpperCase() !== "HMAC") {
    throw unsupported(`algorithm ${nameOf(algorithm)}`);
  }
}

function requireUsage(key, usage) {
  if (!key.usages.includes(usage)) {
    throw new DOMException(`Unable to use this key to ${usage}`, "InvalidAccessError");
  }
}

function hashNamed(algorithm) {
  const hash = /^sha-(1|256|384|512)$/i.test(nameOf(algorithm)) ? hashOf(nameOf(algorithm)) : undefined;
  if (hash === undefined) {
    throw unsupported(`algorithm ${nameOf(algorithm)}`);
  }
  return hash;
}

const mac = (key, data) => hmac(hashNamed(key.algorithm.hash), materialOf(key), input(data));

function input(data) {
  if (!isBytes(data)) {
    throw new TypeError("The data is neither a buffer nor a view of one");
  }
  return bytesOf(data);
}

const buffer = (bytes) => (bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer);
const unsupported = (what) => new DOMException(`a guest has no ${what}`, "NotSupportedError");

// In a time that does not tell where they differ.
export function equal(a, b) {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) {
    difference |= a[i] ^ b[i];
  }
  return difference === 0;
}
