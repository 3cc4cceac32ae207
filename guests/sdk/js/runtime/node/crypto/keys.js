// `KeyObject`, and the forms in which keys are written: PEM and DER (RFC 5208, 5280, 5915, 8017), and JWK (RFC 7517).

import { Buffer } from "../buffer.js";
import { curveNamed, curveOf } from "./curves.js";
import { BIT_STRING, members, nameOf, numberOf, OCTET_STRING, OID, read, SEQUENCE, write, writeNumber } from "./der.js";
import { materialOf } from "../../web/subtle.js";
import { bitsOf } from "./rsa.js";

const RSA = "2a864886f70d010101";
const RSA_PSS = "2a864886f70d01010a";
const EC = "2a8648ce3d0201";
const ED25519 = "2b6570";
const NULL = Buffer.from([5, 0]);
const RSA_MEMBERS = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];

export class KeyObject {
  constructor(type, kind, material) {
    this.type = type;
    Object.defineProperty(this, "material", { value: material });
    if (type === "secret") {
      this.symmetricKeySize = material.length;
      return;
    }
    this.asymmetricKeyType = kind;
    this.asymmetricKeyDetails =
      kind === "ec" ? { namedCurve: material.curve } : kind === "ed25519" ? {} : { modulusLength: bitsOf(material), publicExponent: material.e };
  }

  static from(key) {
    const material = materialOf(key);
    return material instanceof KeyObject ? material : new KeyObject("secret", undefined, material);
  }

  equals(other) {
    return this.type === other.type && this.export(WHOLE[this.type]).equals(other.export(WHOLE[this.type]));
  }

  export({ format = this.type === "secret" ? "buffer" : "pem", type } = {}) {
    if (format === "jwk") {
      return jwkOf(this);
    }
    if (this.type === "secret") {
      return Buffer.from(this.material);
    }
    const [label, der] = this.type === "public" ? publicForm(this, type) : privateForm(this, type);
    return format === "der" ? der : pem(label, der);
  }
}

const WHOLE = { secret: {}, public: { format: "der", type: "spki" }, private: { format: "der", type: "pkcs8" } };

export function createSecretKey(key, encoding) {
  return new KeyObject("secret", undefined, typeof key === "string" ? Buffer.from(key, encoding) : new Uint8Array(key));
}

export function createPrivateKey(input) {
  const key = keyOf(input);
  if (key?.type !== "private") {
    throw unsupported();
  }
  return key;
}

export function createPublicKey(input) {
  const key = input instanceof KeyObject ? input : input?.key instanceof KeyObject ? input.key : keyOf(input);
  if (key?.type === "secret" || key === undefined) {
    throw unsupported();
  }
  return key.type === "public" ? key : publicOf(key);
}

// Takes whatever Node takes for a key to sign or verify with.
export function keyFor(input, type) {
  const key = input instanceof KeyObject ? input : input?.key instanceof KeyObject ? input.key : undefined;
  if (key === undefined) {
    return type === "private" ? createPrivateKey(input) : createPublicKey(input);
  }
  return type === "public" && key.type === "private" ? publicOf(key) : key;
}

function keyOf(input) {
  const { key, format = "pem", type } = typeof input === "string" || ArrayBuffer.isView(input) ? { key: input } : input;
  try {
    if (format === "jwk") {
      return fromJwk(key);
    }
    return format === "der" ? fromDer(key, type) : fromPem(Buffer.from(key).toString());
  } catch (error) {
    throw error.code === undefined ? unsupported(error) : error;
  }
}

function unsupported(cause) {
  return Object.assign(new Error("error:1E08010C:DECODER routines::unsupported", { cause }), { code: "ERR_OSSL_UNSUPPORTED" });
}

function fromPem(text) {
  const match = /-----BEGIN ([A-Z0-9 ]+)-----([^-]+)-----END \1-----/.exec(text);
  if (match === null) {
    throw unsupported();
  }
  const [, label, base64] = match;
  if (label.startsWith("ENCRYPTED") || base64.includes("ENCRYPTED")) {
    throw Object.assign(new Error("a guest has no way to decrypt a key: store it without a passphrase"), { code: "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM" });
  }
  return fromDer(Buffer.from(base64, "base64"), label);
}

const RSA_PRIVATE = new Set(["RSA PRIVATE KEY"]);

function fromDer(bytes, type) {
  const list = members(read(bytes).value);
  if (type === "CERTIFICATE") {
    // After the serial number: algorithm, issuer, validity, subject.
    const fields = members(list[0].value);
    const from = fields[0].tag === 0xa0 ? 1 : 0;
    return fromSpki(members(fields[from + 5].value));
  }
  if (RSA_PRIVATE.has(type) || (type === "pkcs1" && list.length > 2)) {
    return rsaPrivate(list);
  }
  if (type === "RSA PUBLIC KEY" || (type === "pkcs1" && list.length === 2)) {
    return rsaPublic(list);
  }
  if (type === "EC PRIVATE KEY" || type === "sec1") {
    return ecPrivate(list, nameOf(members(list.find(({ tag }) => tag === 0xa0).value)[0]));
  }
  return list[0].tag === SEQUENCE ? fromSpki(list) : fromPkcs8(list);
}

function fromSpki([{ value: algorithm }, { value: bits }]) {
  const [kind, parameters] = members(algorithm);
  const content = bits.subarray(1);
  switch (nameOf(kind)) {
    case RSA:
    case RSA_PSS:
      return rsaPublic(members(read(content).value));
    case EC:
      return new KeyObject("public", "ec", { curve: curveOf(nameOf(parameters)).name, point: content });
    case ED25519:
      return new KeyObject("public", "ed25519", { point: content });
    default:
      throw unsupported();
  }
}

function fromPkcs8([, { value: algorithm }, { value: content }]) {
  const [kind, parameters] = members(algorithm);
  switch (nameOf(kind)) {
    case RSA:
    case RSA_PSS:
      return rsaPrivate(members(read(content).value));
    case EC:
      return ecPrivate(members(read(content).value), nameOf(parameters));
    case ED25519:
      return new KeyObject("private", "ed25519", { secret: read(content).value });
    default:
      throw unsupported();
  }
}

const rsaPublic = (list) => new KeyObject("public", "rsa", { n: numberOf(list[0]), e: numberOf(list[1]) });
const rsaPrivate = (list) =>
  new KeyObject("private", "rsa", Object.fromEntries(RSA_MEMBERS.map((name, i) => [name, numberOf(list[i + 1])])));
const ecPrivate = (list, curve) => new KeyObject("private", "ec", { curve: curveOf(curve).name, secret: list[1].value });

export function publicOf({ asymmetricKeyType: kind, material }) {
  if (kind === "rsa") {
    return new KeyObject("public", "rsa", { n: material.n, e: material.e });
  }
  const point = Buffer.from(curveNamed(material.curve ?? "ed25519").curve.getPublicKey(material.secret, false));
  return new KeyObject("public", kind, kind === "ec" ? { curve: material.curve, point } : { point });
}

function publicForm({ asymmetricKeyType: kind, material }, type) {
  const rsa = () => write(SEQUENCE, writeNumber(material.n), writeNumber(material.e));
  if (type === "pkcs1") {
    return ["RSA PUBLIC KEY", rsa()];
  }
  const bits = write(BIT_STRING, Buffer.from([0]), kind === "rsa" ? rsa() : material.point);
  return ["PUBLIC KEY", write(SEQUENCE, algorithm(kind, material), bits)];
}

function privateForm({ asymmetricKeyType: kind, material }, type) {
  const rsa = () => write(SEQUENCE, writeNumber(0n), ...RSA_MEMBERS.map((name) => writeNumber(material[name])));
  const ec = (...more) => write(SEQUENCE, writeNumber(1n), write(OCTET_STRING, material.secret), ...more);
  if (type === "pkcs1") {
    return ["RSA PRIVATE KEY", rsa()];
  }
  if (type === "sec1") {
    return ["EC PRIVATE KEY", ec(write(0xa0, write(OID, Buffer.from(curveNamed(material.curve).oid, "hex"))))];
  }
  const content = kind === "rsa" ? rsa() : kind === "ec" ? ec() : write(OCTET_STRING, material.secret);
  return ["PRIVATE KEY", write(SEQUENCE, writeNumber(0n), algorithm(kind, material), write(OCTET_STRING, content))];
}

function algorithm(kind, { curve }) {
  const name = (hex) => write(OID, Buffer.from(hex, "hex"));
  return kind === "rsa"
    ? write(SEQUENCE, name(RSA), NULL)
    : kind === "ec"
      ? write(SEQUENCE, name(EC), name(curveNamed(curve).oid))
      : write(SEQUENCE, name(ED25519));
}

const pem = (label, der) => `-----BEGIN ${label}-----\n${der.toString("base64").replace(/.{64}(?=.)/g, "$&\n")}\n-----END ${label}-----\n`;

const fromBase64 = (text) => BigInt(`0x${Buffer.from(text, "base64url").toString("hex")}`);
const toBase64 = (number) => Buffer.from(number.toString(16).replace(/^(?=(..)*.$)/, "0"), "hex").toString("base64url");

function fromJwk(jwk) {
  if (jwk.kty === "RSA") {
    const names = jwk.d === undefined ? ["n", "e"] : RSA_MEMBERS;
    return new KeyObject(jwk.d === undefined ? "public" : "private", "rsa", Object.fromEntries(names.map((name) => [name, fromBase64(jwk[name])])));
  }
  const isEd = jwk.kty === "OKP" && jwk.crv === "Ed25519";
  if (!isEd && jwk.kty !== "EC") {
    throw unsupported();
  }
  const kind = isEd ? "ed25519" : "ec";
  const bytes = (name) => Buffer.from(jwk[name], "base64url");
  const curve = isEd ? undefined : curveNamed(jwk.crv).name;
  if (jwk.d !== undefined) {
    return new KeyObject("private", kind, { curve, secret: bytes("d") });
  }
  return new KeyObject("public", kind, { curve, point: isEd ? bytes("x") : Buffer.concat([Buffer.from([4]), bytes("x"), bytes("y")]) });
}

function jwkOf(key) {
  const { material } = key;
  if (key.type === "secret") {
    return { kty: "oct", k: Buffer.from(material).toString("base64url") };
  }
  if (key.asymmetricKeyType === "rsa") {
    const names = key.type === "public" ? ["n", "e"] : RSA_MEMBERS;
    return { kty: "RSA", ...Object.fromEntries(names.map((name) => [name, toBase64(material[name])])) };
  }
  const { point } = (key.type === "public" ? key : publicOf(key)).material;
  const secret = key.type === "private" ? { d: Buffer.from(material.secret).toString("base64url") } : {};
  if (key.asymmetricKeyType === "ed25519") {
    return { crv: "Ed25519", x: Buffer.from(point).toString("base64url"), kty: "OKP", ...secret };
  }
  const half = (point.length - 1) / 2;
  const [x, y] = [point.subarray(1, 1 + half), point.subarray(1 + half)].map((bytes) => Buffer.from(bytes).toString("base64url"));
  return { kty: "EC", x, y, crv: curveNamed(material.curve).jwk, ...secret };
}
