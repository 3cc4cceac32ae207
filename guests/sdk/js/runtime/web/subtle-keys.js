// The methods of `crypto.subtle` for keys of two halves: RSA, ECDSA and Ed25519, over `node:crypto`.

import { createPrivateKey, createPublicKey } from "../node/crypto/keys.js";
import { constants, sign, verify } from "../node/crypto/sign.js";
import { bytesOf } from "./bytes.js";
import { CryptoKey, extend, materialOf, nameOf } from "./subtle.js";

const FORMATS = { jwk: ["jwk"], spki: ["der", "spki"], pkcs8: ["der", "pkcs8"] };

// The parameters of `node:crypto` for an algorithm, and for the key that has it.
const OPTIONS = {
  "RSASSA-PKCS1-v1_5": () => ({ padding: constants.RSA_PKCS1_PADDING }),
  "RSA-PSS": ({ saltLength }) => ({ padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }),
  ECDSA: () => ({ dsaEncoding: "ieee-p1363" }),
  Ed25519: () => ({}),
};

const hashOf = (algorithm, key) => nameOf(algorithm.hash ?? key.algorithm.hash ?? "SHA-512");
const optionsOf = (algorithm, key) => ({ key: materialOf(key), ...OPTIONS[nameOf(algorithm)](algorithm) });

function importKey(format, data, algorithm, extractable, usages) {
  if (!Object.hasOwn(FORMATS, format)) {
    throw new DOMException(`a guest has no keys of format ${format} for ${nameOf(algorithm)}`, "NotSupportedError");
  }
  const [kind, type] = FORMATS[format];
  const isPrivate = format === "pkcs8" || (format === "jwk" && data.d !== undefined);
  const input = { key: kind === "jwk" ? data : bytesOf(data), format: kind, type };
  let key;
  try {
    key = isPrivate ? createPrivateKey(input) : createPublicKey(input);
  } catch (cause) {
    throw new DOMException("Invalid keyData", { name: "DataError", cause });
  }
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails;
  const own = {
    name: nameOf(algorithm),
    ...(algorithm.hash && { hash: { name: nameOf(algorithm.hash) } }),
    ...(algorithm.namedCurve && { namedCurve: algorithm.namedCurve }),
    ...(modulusLength && { modulusLength, publicExponent: Uint8Array.fromHex(publicExponent.toString(16).padStart(6, "0")) }),
  };
  return new CryptoKey(key, own, extractable, usages, key.type);
}

function exportKey(format, key) {
  const material = materialOf(key);
  if (format === "jwk") {
    return { ...material.export({ format: "jwk" }), key_ops: key.usages, ext: key.extractable };
  }
  return new Uint8Array(material.export({ format: "der", type: format })).buffer;
}

extend({
  names: new Set(Object.keys(OPTIONS)),
  importKey,
  exportKey,
  sign: (algorithm, key, data) => new Uint8Array(sign(hashOf(algorithm, key), data, optionsOf(algorithm, key))),
  verify: (algorithm, key, signature, data) => verify(hashOf(algorithm, key), data, optionsOf(algorithm, key), signature),
});
