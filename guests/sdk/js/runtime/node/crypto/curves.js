// Elliptic curves, by `@noble/curves`.

import { ed25519 } from "@noble/curves/ed25519.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";

// By the names of OpenSSL.
const CURVES = [
  { name: "prime256v1", jwk: "P-256", oid: "2a8648ce3d030107", curve: p256 },
  { name: "secp384r1", jwk: "P-384", oid: "2b81040022", curve: p384 },
  { name: "secp521r1", jwk: "P-521", oid: "2b81040023", curve: p521 },
  { name: "secp256k1", jwk: "secp256k1", oid: "2b8104000a", curve: secp256k1 },
  { name: "ed25519", jwk: "Ed25519", oid: "2b6570", curve: ed25519 },
];

export const curves = CURVES.filter(({ name }) => name !== "ed25519").map(({ name }) => name);

export const curveOf = (oid) => found(CURVES.find((one) => one.oid === oid), oid);
export const curveNamed = (name) => found(CURVES.find((one) => one.name === name || one.jwk === name), name);

function found(curve, name) {
  if (curve === undefined) {
    throw Object.assign(new Error(`a guest has no curve \`${name}\``), { code: "ERR_CRYPTO_INVALID_CURVE" });
  }
  return curve;
}
