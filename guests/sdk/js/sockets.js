// This module decides whether a guest has sockets: where its code names what opens one.

const MODULES = ["net", "tls"];

// What of `net` and `tls` opens a socket, by its name. Most packages that import `net` only ask whether a text is an
// address.
const NAMED = /(?<![\w$-])(?:connect|createConnection|Socket|TLSSocket)(?![\w$-])/;

// Returns whether a handler's code, which imports these of Node's modules, needs sockets.
export const needsSockets = (code, names) => MODULES.some((name) => names.has(name)) && NAMED.test(code);
