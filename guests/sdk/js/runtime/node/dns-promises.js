// `node:dns/promises`, in a guest that opens sockets.

import { promises } from "./dns.js";

export const { lookup, resolve4, resolve6 } = promises;
export default promises;
