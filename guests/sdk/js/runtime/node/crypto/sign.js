// Signatures: RSA, ECDSA and Ed25519.

import { Buffer } from "../buffer.js";
import { later } from "../../jobs.js";
import { hashNamed } from "./hash.js";
import { curveNamed } from "./curves.js";
import { keyFor } from "./keys.js";
import * as rsa from "./rsa.js";

export const constants = {
  RSA_PKCS1_PADDING: 1, RSA_NO_PADDING: 3, RSA_PKCS1_OAEP_PADDING: 4, RSA_PKCS1_PSS_PADDING: 6,
  RSA_PSS_SALTLEN_DIGEST: -1, RSA_PSS_SALTLEN_MAX_SIGN: -2, RSA_PSS_SALTLEN_AUTO: -2,
};

export function sign(algorithm, data, key, callback) {
  const make = () => signature(algorithm, bytesOf(data), keyFor(key, "private"), optionsOf(key));
  return callback === undefined ? make() : later(make)(callback);
}

export function verify(algorithm, data, key, value, callback) {
  const judge = () => isSignature(algorithm, bytesOf(data), keyFor(key, "public"), bytesOf(value), optionsOf(key));
  return callback === undefined ? judge() : later(judge)(callback);
}

class Signing {
  #algorithm;
  #parts = [];

  constructor(algorithm) {
    hashNamed(algorithm);
    this.#algorithm = algorithm;
  }

  update(data, encoding) {
    this.#parts.push(bytesOf(data, encoding));
    return this;
  }

  write(data, encoding) {
    this.update(data, encoding);
    return true;
  }

  end(data, encoding) {
    data === undefined || this.update(data, encoding);
  }

  _use(use) {
    return use(this.#algorithm, Buffer.concat(this.#parts));
  }
}

export const Sign = class Sign extends Signing {
  sign(key, encoding) {
    const value = this._use((algorithm, data) => sign(algorithm, data, key));
    return encoding === undefined || encoding === "buffer" ? value : value.toString(encoding);
  }
};

export const Verify = class Verify extends Signing {
  verify(key, value, encoding) {
    return this._use((algorithm, data) => verify(algorithm, data, key, bytesOf(value, encoding)));
  }
};

export const createSign = (algorithm) => new Sign(algorithm);
export const createVerify = (algorithm) => new Verify(algorithm);

function signature(algorithm, data, key, options) {
  const { asymmetricKeyType: kind, material } = key;
  if (kind === "ed25519") {
    return Buffer.from(curveNamed(kind).curve.sign(data, material.secret));
  }
  const hash = hashNamed(algorithm);
  if (kind === "ec") {
    const made = curveNamed(material.curve).curve.sign(hash.hash(data), material.secret, { prehash: false, lowS: false, format: formatOf(options) });
    return Buffer.from(made);
  }
  return rsa.sign(material, hash, data, saltOf(options, hash));
}

function isSignature(algorithm, data, key, value, options) {
  const { asymmetricKeyType: kind, material } = key;
  try {
    if (kind === "ed25519") {
      return curveNamed(kind).curve.verify(value, data, material.point);
    }
    const hash = hashNamed(algorithm);
    if (kind === "ec") {
      return curveNamed(material.curve).curve.verify(value, hash.hash(data), material.point, { prehash: false, lowS: false, format: formatOf(options) });
    }
    return rsa.verify(material, hash, data, value, saltOf(options, hash));
  } catch (error) {
    if (error.code !== undefined) {
      throw error;
    }
    // What is no signature at all.
    return false;
  }
}

const optionsOf = (key) => (typeof key === "object" && key !== null && !ArrayBuffer.isView(key) ? key : {});
const formatOf = ({ dsaEncoding = "der" }) => (dsaEncoding === "der" ? "der" : "compact");

function saltOf({ padding = constants.RSA_PKCS1_PADDING, saltLength = constants.RSA_PSS_SALTLEN_AUTO }, { hash }) {
  if (padding !== constants.RSA_PKCS1_PSS_PADDING) {
    return undefined;
  }
  return saltLength === constants.RSA_PSS_SALTLEN_DIGEST ? hash.outputLen : saltLength;
}

const bytesOf = (data, encoding) => (typeof data === "string" ? Buffer.from(data, encoding) : ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data));
