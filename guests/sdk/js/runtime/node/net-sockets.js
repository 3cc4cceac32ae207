// `node:net`, in a guest that opens sockets. It can't listen.

import { isIP, isIPv4, isIPv6 } from "../net/ip.js";
import { optionsOf, Socket } from "./net/socket.js";

export { isIP, isIPv4, isIPv6, Socket, Socket as Stream };

export function connect(...values) {
  const callback = typeof values.at(-1) === "function" ? [values.pop()] : [];
  const options = optionsOf(values);
  return new Socket(options).connect(options, ...callback);
}

export const createConnection = connect;
export const getDefaultAutoSelectFamily = () => true;
export const setDefaultAutoSelectFamily = () => {};

export default {
  Socket, Stream: Socket, connect, createConnection, getDefaultAutoSelectFamily, isIP, isIPv4, isIPv6, setDefaultAutoSelectFamily,
};
