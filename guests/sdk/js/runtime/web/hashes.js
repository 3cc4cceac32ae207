// The hash functions that guests have, by `@noble/hashes`.

import { hmac } from "@noble/hashes/hmac.js";
import { md5, sha1 } from "@noble/hashes/legacy.js";
import { sha224, sha384, sha512 } from "@noble/hashes/sha2.js";
import { sha256 } from "./sha256.js";

const HASHES = { md5, sha1, sha224, sha256, sha384, sha512 };

// Names are written as `SHA-256`, `sha256`, `RSA-SHA256`. Returns undefined where there is none.
export function hashOf(name) {
  const key = String(name).toLowerCase().replace(/^rsa-/, "").replace("sha-", "sha");
  return Object.hasOwn(HASHES, key) ? HASHES[key] : undefined;
}

export const names = Object.keys(HASHES);
export { hmac };
