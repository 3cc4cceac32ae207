// `node:http`.

import { Agent, ClientRequest, requestOf } from "./http/client.js";
import { IncomingMessage } from "./http/incoming.js";
import { OutgoingMessage, ServerResponse, validateHeaderName, validateHeaderValue } from "./http/outgoing.js";
import { createServer, Server } from "./http/server.js";
import { METHODS, STATUS_CODES } from "guesthouse:http-constants";

export { Agent, ClientRequest, createServer, IncomingMessage, METHODS, OutgoingMessage, Server, ServerResponse, STATUS_CODES };
export { validateHeaderName, validateHeaderValue };
export const globalAgent = new Agent({ keepAlive: true });
export const maxHeaderSize = 16384;
export const request = (...values) => requestOf("http:", values);
export const get = (...values) => request(...values).end();
export const setMaxIdleHTTPParsers = () => {};

export default {
  Agent, ClientRequest, IncomingMessage, METHODS, OutgoingMessage, STATUS_CODES, Server, ServerResponse, createServer, get, globalAgent,
  maxHeaderSize, request, setMaxIdleHTTPParsers, validateHeaderName, validateHeaderValue,
};
