import { crypto, randomBytes as bytes } from "../random.js";
import { Buffer } from "./buffer.js";

export const randomBytes = (length) => Buffer.from(bytes(length).buffer);
export const { getRandomValues, randomUUID } = crypto;
export const webcrypto = crypto;

// Uniform: numbers beyond the last whole multiple of the range are drawn again.
export function randomInt(least, end) {
  [least, end] = end === undefined ? [0, least] : [least, end];
  const range = end - least;
  if (!(range > 0 && range <= 2 ** 48)) {
    throw Object.assign(new RangeError(`The value of "max" is out of range. Received ${end}`), { code: "ERR_OUT_OF_RANGE" });
  }
  const most = 2 ** 48 - (2 ** 48 % range);
  for (;;) {
    const drawn = randomBytes(6).readUIntBE(0, 6);
    if (drawn < most) {
      return least + (drawn % range);
    }
  }
}

export default { ...crypto, randomBytes, randomInt, webcrypto };
