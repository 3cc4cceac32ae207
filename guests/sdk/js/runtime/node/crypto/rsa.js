// RSA (RFC 8017): signatures of PKCS #1 v1.5 and PSS.

import { randomBytes } from "../../random.js";
import { equal } from "../../web/subtle.js";
import { Buffer } from "../buffer.js";

// What stands before a digest, in DER.
const PREFIXES = {
  md5: "3020300c06082a864886f70d020505000410",
  sha1: "3021300906052b0e03021a05000414",
  sha224: "302d300d06096086480165030402040500041c",
  sha256: "3031300d060960864801650304020105000420",
  sha384: "3041300d060960864801650304020205000430",
  sha512: "3051300d060960864801650304020305000440",
};

// `hash` is a function of `@noble/hashes` with its name, `saltLength` a number where the padding is PSS.
export function sign(key, hash, data, saltLength) {
  const size = sizeOf(key);
  const padded = saltLength === undefined ? pad(hash, data, size) : padPss(hash, data, key, saltLength);
  return bytesOf(privatePower(key, numberOf(padded)), size);
}

export function verify(key, hash, data, signature, saltLength) {
  const size = sizeOf(key);
  const number = numberOf(signature);
  if (signature.length !== size || number >= key.n) {
    return false;
  }
  const padded = bytesOf(power(number, key.e, key.n), size);
  return saltLength === undefined ? equal(padded, pad(hash, data, size)) : isPss(hash, data, padded, key, saltLength);
}

function pad({ name, hash }, data, size) {
  const info = Buffer.concat([Buffer.from(PREFIXES[name], "hex"), hash(data)]);
  if (size < info.length + 11) {
    throw new Error("the key is too small for this digest");
  }
  return Buffer.concat([Buffer.from([0, 1]), Buffer.alloc(size - info.length - 3, 0xff), Buffer.from([0]), info]);
}

// RFC 8017, section 9.1.1.
function padPss({ hash }, data, key, saltLength) {
  const bits = bitsOf(key) - 1;
  const size = Math.ceil(bits / 8);
  const { outputLen } = hash;
  const length = saltLength < 0 ? size - outputLen - 2 : saltLength;
  if (length < 0 || size < outputLen + length + 2) {
    throw new Error("the key is too small for this digest");
  }
  const salt = randomBytes(length);
  const digest = hash(Buffer.concat([Buffer.alloc(8), hash(data), salt]));
  const block = Buffer.concat([Buffer.alloc(size - length - outputLen - 2), Buffer.from([1]), salt]);
  const masked = block.map((byte, i) => byte ^ mask(hash, digest, block.length)[i]);
  masked[0] &= 0xff >> (8 * size - bits);
  return Buffer.concat([Buffer.alloc(sizeOf(key) - size), masked, digest, Buffer.from([0xbc])]);
}

// RFC 8017, section 9.1.2. A salt of any length is taken where none is asked for.
function isPss({ hash }, data, padded, key, saltLength) {
  const bits = bitsOf(key) - 1;
  const size = Math.ceil(bits / 8);
  const { outputLen } = hash;
  const block = padded.subarray(padded.length - size);
  if (block.at(-1) !== 0xbc || size < outputLen + 2) {
    return false;
  }
  const masked = block.subarray(0, size - outputLen - 1);
  const digest = block.subarray(masked.length, -1);
  const bytes = mask(hash, digest, masked.length);
  const plain = Uint8Array.from(masked, (byte, i) => byte ^ bytes[i]);
  plain[0] &= 0xff >> (8 * size - bits);
  const start = plain.findIndex((byte) => byte !== 0);
  if (plain[start] !== 1 || (saltLength >= 0 && plain.length - start - 1 !== saltLength)) {
    return false;
  }
  return equal(digest, hash(Buffer.concat([Buffer.alloc(8), hash(data), plain.subarray(start + 1)])));
}

function mask(hash, seed, length) {
  const parts = [];
  for (let i = 0, size = 0; size < length; i++) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(i);
    parts.push(hash(Buffer.concat([seed, counter])));
    size += hash.outputLen;
  }
  return Buffer.concat(parts).subarray(0, length);
}

// By the factors (RFC 8017, section 5.1.2), which is four times as fast.
function privatePower({ n, d, p, q, dp, dq, qi }, number) {
  if (p === undefined) {
    return power(number, d, n);
  }
  const first = power(number % p, dp, p);
  const second = power(number % q, dq, q);
  return second + ((((first - second) * qi) % p) + p) % p * q;
}

function power(base, exponent, modulus) {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % modulus;
    if (bit === "1") {
      result = (result * base) % modulus;
    }
  }
  return result;
}

export const bitsOf = ({ n }) => n.toString(2).length;
const sizeOf = (key) => Math.ceil(bitsOf(key) / 8);
const numberOf = (bytes) => BigInt(`0x${Buffer.from(bytes).toString("hex") || "0"}`);
const bytesOf = (number, size) => Buffer.from(number.toString(16).padStart(2 * size, "0"), "hex");
