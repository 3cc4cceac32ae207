// Random numbers, all of which the host draws.

import { crypto, randomBytes as bytes } from "../../random.js";
import { queueCall } from "../../jobs.js";
import { Buffer } from "../buffer.js";

// Some sizes are larger than the host gives at once.
const MOST = 65536;

export function randomBytes(length, callback) {
  const buffer = randomFillSync(Buffer.alloc(length));
  return callback === undefined ? buffer : void queueCall(() => callback(null, buffer));
}

export function randomFillSync(target, offset = 0, size = target.byteLength - offset) {
  const view = new Uint8Array(target.buffer ?? target, (target.byteOffset ?? 0) + offset, size);
  for (let i = 0; i < view.length; i += MOST) {
    view.set(bytes(Math.min(MOST, view.length - i)), i);
  }
  return target;
}

export function randomFill(target, ...rest) {
  const callback = rest.pop();
  randomFillSync(target, ...rest);
  queueCall(() => callback(null, target));
}

// Uniform: numbers beyond the last whole multiple of the range are drawn again.
export function randomInt(least, end, callback) {
  if (typeof end === "function" || end === undefined) {
    [least, end, callback] = [0, least, end];
  }
  const range = end - least;
  if (!(range > 0 && range <= 2 ** 48)) {
    throw Object.assign(new RangeError(`The value of "max" is out of range. Received ${end}`), { code: "ERR_OUT_OF_RANGE" });
  }
  const most = 2 ** 48 - (2 ** 48 % range);
  for (;;) {
    const drawn = Buffer.from(bytes(6)).readUIntBE(0, 6);
    if (drawn < most) {
      const number = least + (drawn % range);
      return callback === undefined ? number : void queueCall(() => callback(null, number));
    }
  }
}

export const { getRandomValues, randomUUID } = crypto;
