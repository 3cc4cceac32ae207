// What a request carries with it, and a pipeline of streams: AsyncLocalStorage, events, gzip, hashes, keys, files.
import { AsyncLocalStorage } from "node:async_hooks";
import { createCipheriv, createDecipheriv, createHash, createHmac, scryptSync, timingSafeEqual } from "node:crypto";
import { EventEmitter, on, once } from "node:events";
import { createReadStream, createWriteStream, promises as fs } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { createGunzip, createGzip, gzip } from "node:zlib";

const request = new AsyncLocalStorage();
const where = () => request.getStore()?.id ?? "nowhere";

async function followed(id) {
  return request.run({ id }, async () => {
    const seen = [where()];
    await null;
    seen.push(where());
    await sleep(id === "a" ? 4 : 1);
    seen.push(where());
    await new Promise((resolve) => process.nextTick(() => setImmediate(() => resolve(seen.push(where())))));
    await Promise.all([1, 2].map(async () => seen.push(where())));
    request.exit(() => seen.push(where()));
    for await (const one of Readable.from(["x"]).map((text) => `${text} in ${where()}`)) {
      seen.push(one);
    }
    return seen;
  });
}

async function packed(text) {
  const file = join("/tmp", `pipeline-${createHash("md5").update(text).digest("hex")}.gz`);
  const upper = new Transform({ transform: (chunk, encoding, done) => done(null, chunk.toString().toUpperCase()) });
  await pipeline(Readable.from(text.match(/.{1,3}/gs)), upper, createGzip(), createWriteStream(file));
  const hash = createHash("sha256");
  const parts = [];
  await pipeline(createReadStream(file), createGunzip(), async function (source) {
    for await (const chunk of source) {
      parts.push(chunk);
      hash.update(chunk);
    }
  });
  await fs.rm(file);
  return { text: Buffer.concat(parts).toString(), hash: hash.digest("base64url") };
}

async function told() {
  const emitter = new EventEmitter();
  setImmediate(() => ["one", "two"].forEach((name) => emitter.emit("name", name)));
  const [first] = await once(emitter, "name");
  setImmediate(() => emitter.emit("name", "three"));
  for await (const [name] of on(emitter, "name")) {
    return [first, name];
  }
}

function sealed(text) {
  const key = scryptSync("password", "salt", 32, { N: 1024 });
  const cipher = createCipheriv("aes-256-gcm", key, Buffer.alloc(12, 1));
  const bytes = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  const decipher = createDecipheriv("aes-256-gcm", key, Buffer.alloc(12, 1)).setAuthTag(cipher.getAuthTag());
  return { bytes: bytes.toString("hex"), tag: cipher.getAuthTag().toString("hex"), text: decipher.update(bytes, null, "utf8") + decipher.final("utf8") };
}

async function derived(text) {
  const password = new TextEncoder().encode(text);
  const hex = (buffer) => Buffer.from(buffer).toString("hex");
  const parameters = { hash: "SHA-256", salt: new Uint8Array(16), info: password, iterations: 50 };
  const made = {};
  for (const name of ["PBKDF2", "HKDF"]) {
    const key = await crypto.subtle.importKey("raw", password, name, false, ["deriveBits", "deriveKey"]);
    const algorithm = { ...parameters, name };
    const hmac = { name: "HMAC", hash: "SHA-384" };
    const own = await crypto.subtle.deriveKey(algorithm, key, hmac, true, ["sign"]);
    made[name] = [hex(await crypto.subtle.deriveBits(algorithm, key, 264)), hex(await crypto.subtle.exportKey("raw", own))];
  }
  return made;
}

// Packages replace what they find of a buffer's methods.
function enumerated() {
  const found = [];
  for (const name in Buffer.prototype) {
    found.push(name);
  }
  return ["copy", "slice", "toString", "utf8Write", "writeDoubleBE", "writeUintLE"].filter((name) => found.includes(name));
}

const ADDRESSES = ["1.2.3.4", "01.2.3.4", "1.2.3", "::", "::1", "1::2::3", "::ffff:1.2.3.4", "::1.2.3.256", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "fe80::1%eth0", "g::", ""];

export const handler = async ({ text }) => {
  const mac = createHmac("sha512", "key").update(text).digest();
  return {
    followed: await Promise.all(["a", "b"].map(followed)),
    after: where(),
    packed: await packed(text),
    small: (await promisify(gzip)(text)).length < text.length + 40,
    told: await told(),
    sealed: sealed(text),
    derived: await derived(text),
    hashes: [0, 55, 56, 64, 119, 120, 5000].map((length) => createHash("sha256").update("x".repeat(length)).digest("hex")),
    enumerated: enumerated(),
    addresses: ADDRESSES.map(isIP),
    isSame: timingSafeEqual(mac, Buffer.from(mac)),
    mac: mac.toString("base64"),
  };
};
