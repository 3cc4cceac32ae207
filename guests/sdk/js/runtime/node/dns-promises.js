// `node:dns/promises`, in a guest that opens sockets.

import { promises } from "./dns.js";

export const {
  Resolver, getServers, lookup, resolve, resolve4, resolve6, resolveAny, resolveCaa, resolveCname, resolveMx, resolveNaptr, resolveNs, resolvePtr,
  resolveSoa, resolveSrv, resolveTlsa, resolveTxt, setServers,
} = promises;
export default promises;
