// Of `node:net` the functions that only read texts: in a guest that opens no sockets.

import { isIP, isIPv4, isIPv6 } from "../net/ip.js";

export { isIP, isIPv4, isIPv6 };
export default { isIP, isIPv4, isIPv6 };
