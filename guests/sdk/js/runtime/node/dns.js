// `node:dns`, in a guest that opens sockets: the host looks names up. Records of other kinds than addresses it has not.

import { queueTick } from "../jobs.js";
import { isIP, textOf } from "../net/ip.js";
import { lookUp } from "../net/lookup.js";

const FAMILIES = { 4: 4, 6: 6, IPv4: 4, IPv6: 6, 0: 0, null: 0, undefined: 0 };

// `lookup(name[, options], callback)`, where the options may be a family alone.
export function lookup(name, ...values) {
  const callback = values.pop();
  const { all = false, family } = typeof values[0] === "object" && values[0] !== null ? values[0] : { family: values[0] };
  const wanted = FAMILIES[family];
  if (wanted === undefined) {
    throw Object.assign(new TypeError(`The argument 'family' must be one of: 0, 4, 6. Received ${family}`), { code: "ERR_INVALID_ARG_VALUE" });
  }
  const literal = isIP(name || "");
  const looked = !name ? Promise.resolve([]) : literal > 0 ? Promise.resolve([{ address: name, family: literal }]) : find(name, wanted);
  looked.then(
    (found) => (all ? callback(null, found) : callback(null, found[0]?.address ?? null, found[0]?.family ?? 4)),
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

const BY_TYPE = { A: addressesOf(4), AAAA: addressesOf(6) };

// Records of other types.
const notImplemented = async (name, type) => {
  const facts = { code: "ENOTIMP", errno: undefined, syscall: `query${type}`, hostname: name };
  throw Object.assign(new Error(`query${type} ENOTIMP ${name}: a guest looks up addresses only`), facts);
};

const resolved = (name, type = "A") => (Object.hasOwn(BY_TYPE, type) ? BY_TYPE[type](name) : notImplemented(name, type));

// The functions of Node that ask for records of a type.
const QUERIES = Object.fromEntries(
  ["A", "AAAA", "Any", "Caa", "Cname", "Mx", "Naptr", "Ns", "Ptr", "Soa", "Srv", "Tlsa", "Txt"].map((type) => [
    { A: "resolve4", AAAA: "resolve6" }[type] ?? `resolve${type}`,
    (name) => resolved(name, type),
  ]),
);

// The callback comes last, after options that mean nothing here.
const byCallback = (call) => (name, ...values) => {
  const callback = values.pop();
  call(name, typeof values[0] === "string" ? values[0] : undefined).then(
    (found) => callback(null, found),
    (error) => callback(error),
  );
};

const servers = { getServers: () => [], setServers: () => {} };

const callbacks = Object.fromEntries(Object.entries({ ...QUERIES, resolve: resolved }).map(([name, query]) => [name, byCallback(query)]));

export const {
  resolve, resolve4, resolve6, resolveAny, resolveCaa, resolveCname, resolveMx, resolveNaptr, resolveNs, resolvePtr, resolveSoa, resolveSrv, resolveTlsa,
  resolveTxt,
} = callbacks;
export const { getServers, setServers } = servers;

// A resolver of its own has the host's servers, too.
export class Resolver {
  cancel() {}

  setLocalAddress() {}

  static {
    Object.assign(this.prototype, callbacks, servers);
  }
}

class PromisesResolver extends Resolver {
  static {
    Object.assign(this.prototype, QUERIES, { resolve: resolved });
  }
}

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
  ...QUERIES,
  ...servers,
  resolve: resolved,
  Resolver: PromisesResolver,
};

lookup[Symbol.for("nodejs.util.promisify.custom")] = promises.lookup;

export const getDefaultResultOrder = () => "verbatim";
export const setDefaultResultOrder = () => {};

export default { ...callbacks, ...servers, Resolver, getDefaultResultOrder, lookup, promises, setDefaultResultOrder };
