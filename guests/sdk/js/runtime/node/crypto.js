// `node:crypto`, by the packages of noble. All of it runs in the guest.

import { crypto } from "../random.js";
import { equal, subtle } from "../web/subtle.js";
import * as cipher from "./crypto/cipher.js";
import { curves } from "./crypto/curves.js";
import * as derive from "./crypto/derive.js";
import * as hashes from "./crypto/hash.js";
import * as keys from "./crypto/keys.js";
import * as random from "./crypto/random.js";
import * as signatures from "./crypto/sign.js";

export { Cipheriv, createCipheriv, createDecipheriv, Decipheriv, getCiphers } from "./crypto/cipher.js";
export { hkdf, hkdfSync, pbkdf2, pbkdf2Sync, scrypt, scryptSync } from "./crypto/derive.js";
export { createHash, createHmac, getHashes, Hash, hash, Hmac } from "./crypto/hash.js";
export { createPrivateKey, createPublicKey, createSecretKey, KeyObject } from "./crypto/keys.js";
export { getRandomValues, randomBytes, randomFill, randomFillSync, randomInt, randomUUID } from "./crypto/random.js";
export { constants, createSign, createVerify, Sign, sign, Verify, verify } from "./crypto/sign.js";

export const getCurves = () => curves;
export const getFips = () => 0;
export const webcrypto = crypto;
export { subtle };

export function timingSafeEqual(a, b) {
  const [one, other] = [hashes.bytesOf(a), hashes.bytesOf(b)];
  if (one.length !== other.length) {
    throw Object.assign(new RangeError("Input buffers must have the same byte length"), { code: "ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH" });
  }
  return equal(one, other);
}

const { bytesOf, hashNamed, ...ofHashes } = hashes;
const { keyFor, publicOf, ...ofKeys } = keys;

export default {
  ...cipher, ...derive, ...ofHashes, ...ofKeys, ...random, ...signatures, getCurves, getFips, subtle, timingSafeEqual, webcrypto,
};
