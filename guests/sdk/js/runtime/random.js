import wasi from "wasi:random/random@0.2.0";

// 53 bits of the host's for each number: there is no seed that two instances could share. Drawn in stock, since a call
// costs more.
const STOCK = 64;
let numbers = new Float64Array(0);
let used = 0;

export function random() {
  if (used === numbers.length) {
    const words = new Uint32Array(wasi.getRandomBytes(STOCK * 8).slice().buffer);
    numbers = Float64Array.from({ length: STOCK }, (_, i) => ((words[2 * i] >>> 5) * 0x4000000 + (words[2 * i + 1] >>> 6)) / 2 ** 53);
    used = 0;
  }
  return numbers[used++];
}

export function randomBytes(length) {
  return wasi.getRandomBytes(length);
}

export const crypto = {
  getRandomValues(array) {
    if (!ArrayBuffer.isView(array) || array instanceof DataView || /^Float/.test(array[Symbol.toStringTag])) {
      throw new DOMException("The data argument must be an integer-type TypedArray", "TypeMismatchError");
    }
    if (array.byteLength > 65536) {
      throw new DOMException(`The requested length exceeds 65,536 bytes`, "QuotaExceededError");
    }
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(randomBytes(array.byteLength));
    return array;
  },

  randomUUID() {
    const bytes = randomBytes(16);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    return bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  },
};
