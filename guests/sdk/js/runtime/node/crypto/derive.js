// Keys from passwords and from other keys.

import { hkdf as deriveHkdf } from "@noble/hashes/hkdf.js";
import { pbkdf2 as derivePbkdf2 } from "@noble/hashes/pbkdf2.js";
import { scrypt as deriveScrypt } from "@noble/hashes/scrypt.js";
import { later } from "../../jobs.js";
import { Buffer } from "../buffer.js";
import { bytesOf, hashNamed } from "./hash.js";

export const pbkdf2Sync = (password, salt, iterations, length, digest) =>
  Buffer.from(derivePbkdf2(hashNamed(digest).hash, bytesOf(password), bytesOf(salt), { c: iterations, dkLen: length }));

export const hkdfSync = (digest, key, salt, info, length) =>
  new Uint8Array(deriveHkdf(hashNamed(digest).hash, bytesOf(key.material ?? key), bytesOf(salt), bytesOf(info), length)).buffer;

export const scryptSync = (password, salt, length, { N, cost = N ?? 16384, r, blockSize = r ?? 8, p, parallelization = p ?? 1 } = {}) =>
  Buffer.from(deriveScrypt(bytesOf(password), bytesOf(salt), { N: cost, r: blockSize, p: parallelization, dkLen: length, maxmem: 2 ** 31 }));

export const pbkdf2 = later(pbkdf2Sync);
export const hkdf = later(hkdfSync);
export const scrypt = later(scryptSync);
