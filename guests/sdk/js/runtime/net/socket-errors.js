// What the host says of a socket or a name that failed, as Node says it.

import { DENIED } from "./errors.js";

// Node's code, and its number, for each of the host's.
const CODES = {
  "access-denied": ["EACCES", -13],
  "connection-aborted": ["ECONNABORTED", -103],
  "connection-refused": ["ECONNREFUSED", -111],
  "connection-reset": ["ECONNRESET", -104],
  "name-unresolvable": ["ENOTFOUND", -3008],
  "new-socket-limit": ["EMFILE", -24],
  "permanent-resolver-failure": ["ENOTFOUND", -3008],
  "remote-unreachable": ["EHOSTUNREACH", -113],
  "temporary-resolver-failure": ["EAI_AGAIN", -3001],
  timeout: ["ETIMEDOUT", -110],
};

// Makes Node's error of what a call threw that looks up a host, or connects to its port.
export function failure(thrown, syscall, host, port) {
  if (thrown?.payload === undefined) {
    return thrown;
  }
  const [code, errno] = CODES[codeOf(thrown)] ?? ["EIO", -5];
  const where = port === undefined ? host : `${host}:${port}`;
  const names = port === undefined ? { hostname: host } : { address: host, port };
  return coded(code, `${syscall} ${code} ${where}${code === "EACCES" ? `: ${DENIED}` : ""}`, { errno, syscall, ...names });
}

export const coded = (code, message, facts) => Object.assign(new Error(message), { code, ...facts });

// Returns the tag of the error that the host gave.
export function codeOf(thrown) {
  const payload = thrown?.payload;
  return typeof payload === "string" ? payload : payload?.tag;
}
