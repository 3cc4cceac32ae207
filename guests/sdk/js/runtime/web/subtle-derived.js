// The methods of `crypto.subtle` for keys that are derived: PBKDF2 and HKDF.

import { hkdf } from "@noble/hashes/hkdf.js";
import { pbkdf2 } from "@noble/hashes/pbkdf2.js";
import { bytesOf } from "./bytes.js";
import { CryptoKey, extend, nameOf } from "./subtle.js";

const DERIVE = {
  HKDF: (hash, key, { salt, info }, length) => hkdf(hash, key, bytesOf(salt), bytesOf(info), length),
  PBKDF2: (hash, key, { salt, iterations }, length) => pbkdf2(hash, key, bytesOf(salt), { c: iterations, dkLen: length }),
};

function importKey(format, data, algorithm, extractable, usages) {
  if (format !== "raw") {
    throw new DOMException(`a guest has no keys of format ${format} for ${nameOf(algorithm)}`, "NotSupportedError");
  }
  if (extractable) {
    throw new DOMException("Such a key can't be extractable", "SyntaxError");
  }
  return new CryptoKey(bytesOf(data).slice(), { name: nameOf(algorithm) }, false, usages);
}

extend({
  names: new Set(Object.keys(DERIVE)),
  importKey,
  derive: (hash, key, algorithm, length) => DERIVE[algorithm.name](hash, key, algorithm, length),
});
