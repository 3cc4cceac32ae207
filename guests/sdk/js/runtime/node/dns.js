// `node:dns`, in a guest that opens sockets: the host looks names up. Records of other kinds than addresses it has not.

import { queueTick } from "../jobs.js";
import { textOf } from "../net/ip.js";
import { lookUp } from "../net/lookup.js";

const FAMILIES = { 4: 4, 6: 6, IPv4: 4, IPv6: 6, 0: 0 };

// `lookup(name[, options], callback)`, where the options may be a family alone.
export function lookup(name, ...values) {
  const callback = values.pop();
  const { all = false, family = 0 } = typeof values[0] === "object" && values[0] !== null ? values[0] : { family: values[0] };
  const wanted = FAMILIES[family];
  if (wanted === undefined) {
    throw Object.assign(new TypeError(`The argument 'family' must be one of: 0, 4, 6. Received ${family}`), { code: "ERR_INVALID_ARG_VALUE" });
  }
  find(name || "localhost", wanted).then(
    (found) => (all ? callback(null, found) : callback(null, found[0].address, found[0].family)),
    (error) => callback(error),
  );
}

// Returns the addresses of a name, of one family or of both.
function find(name, wanted) {
  return new Promise((resolve, reject) => {
    // Not from within the call.
    queueTick(() => lookUp(name, (addresses) => {
      const found = addresses
        .map((address) => ({ address: textOf(address), family: address.tag === "ipv4" ? 4 : 6 }))
        .filter(({ family }) => wanted === 0 || family === wanted);
      if (found.length > 0) {
        resolve(found);
      } else {
        const facts = { code: "ENOTFOUND", errno: -3008, syscall: "getaddrinfo", hostname: name };
        reject(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), facts));
      }
    }, reject));
  });
}

const addressesOf = (family) => (name) => find(name, family).then((found) => found.map(({ address }) => address));

const byCallback = (call) => (name, ...values) => {
  const callback = values.pop();
  call(name).then((found) => callback(null, found), (error) => callback(error));
};

const [ofFour, ofSix] = [addressesOf(4), addressesOf(6)];

export const resolve4 = byCallback(ofFour);
export const resolve6 = byCallback(ofSix);

export const promises = {
  lookup: (name, options) =>
    new Promise((resolve, reject) =>
      lookup(name, options ?? {}, (error, found, family) => {
        if (error) {
          reject(error);
        } else {
          resolve(Array.isArray(found) ? found : { address: found, family });
        }
      }),
    ),
  resolve4: ofFour,
  resolve6: ofSix,
};

export const getDefaultResultOrder = () => "verbatim";
export const setDefaultResultOrder = () => {};

export default { getDefaultResultOrder, lookup, promises, resolve4, resolve6, setDefaultResultOrder };
