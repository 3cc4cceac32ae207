// `node:https`. The host speaks TLS, and judges certificates: options for either have no effect.

import { Agent as HttpAgent, requestOf } from "./http/client.js";
import { createServer, Server } from "./http/server.js";

export const Agent = class Agent extends HttpAgent {};
export { createServer, Server };
export const globalAgent = new Agent({ keepAlive: true });
export const request = (...values) => requestOf("https:", values);
export const get = (...values) => request(...values).end();

export default { Agent, Server, createServer, get, globalAgent, request };
