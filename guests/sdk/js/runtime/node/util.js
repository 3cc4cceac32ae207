import { format, inspect } from "../inspect.js";

export { format, inspect };

export const { TextDecoder, TextEncoder } = globalThis;

export const promisify = (f) =>
  function (...args) {
    return new Promise((resolve, reject) => {
      f.call(this, ...args, (error, value) => (error ? reject(error) : resolve(value)));
    });
  };

export function inherits(constructor, parent) {
  Object.setPrototypeOf(constructor.prototype, parent.prototype);
}

export default { format, inherits, inspect, promisify, TextDecoder, TextEncoder };
