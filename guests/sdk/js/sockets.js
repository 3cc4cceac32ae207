// This module decides whether a guest has sockets: where its code names what opens one.

// What of these modules opens a socket or looks a name up, by its name. Most packages that import `net` only ask whether a
// text is an address.
const NAMED = [
  [["net", "tls"], /(?<![\w$-])(?:connect|createConnection|Socket|TLSSocket)(?![\w$-])/],
  [["dns", "dns/promises"], /(?<![\w$-])(?:lookup|resolve[46]?|Resolver)(?![\w$-])/],
];

// Returns whether a handler's code, which imports these of Node's modules, needs sockets.
export const needsSockets = (code, names) => NAMED.some(([modules, named]) => modules.some((name) => names.has(name)) && named.test(code));
