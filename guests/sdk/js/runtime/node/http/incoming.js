// `IncomingMessage`: a request of a server's, or a response of a client's.

import { queueCall } from "../../jobs.js";
import { Readable } from "../stream.js";
import { inherit } from "./outgoing.js";

// Of these a message has one, whatever it has been sent (Node's `matchKnownFields`).
const SINGLE = new Set([
  "age", "authorization", "content-length", "content-type", "etag", "expires", "from", "host", "if-modified-since",
  "if-unmodified-since", "last-modified", "location", "max-forwards", "proxy-authorization", "referer", "retry-after", "server",
  "user-agent",
]);

export function IncomingMessage(socket) {
  Readable.call(this, { autoDestroy: true, highWaterMark: socket?.readableHighWaterMark });
  Object.assign(this, {
    socket,
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    httpVersion: "1.1",
    complete: false,
    rawHeaders: [],
    rawTrailers: [],
    aborted: false,
    upgrade: null,
    url: "",
    method: null,
    statusCode: null,
    statusMessage: null,
    client: socket,
  });
  Object.defineProperty(this, "_headers", { value: undefined, writable: true });
}
inherit(IncomingMessage, Readable, {
  get connection() {
    return this.socket;
  },
  set connection(socket) {
    this.socket = socket;
  },
  get headers() {
    return (this._headers ??= joined(this.rawHeaders));
  },
  set headers(headers) {
    this._headers = headers;
  },
  get headersDistinct() {
    const all = Object.create(null);
    for (let i = 0; i < this.rawHeaders.length; i += 2) {
      (all[this.rawHeaders[i].toLowerCase()] ??= []).push(this.rawHeaders[i + 1]);
    }
    return all;
  },
  get trailers() {
    return {};
  },
  get trailersDistinct() {
    return {};
  },
  setTimeout(time, callback) {
    callback && this.on("timeout", callback);
    this.socket?.setTimeout?.(time);
    return this;
  },
  // Node does not document it, and serverless-express fills its requests by it.
  _addHeaderLines(headers, count) {
    if (headers?.length > 0) {
      this.rawHeaders = headers.slice(0, count);
      this._headers = undefined;
    }
  },
  _read() {},
  _destroy(error, callback) {
    if (!this.readableEnded || !this.complete) {
      this.aborted = true;
      this.emit("aborted");
    }
    // As in Node, an error that nobody listens to is not one.
    queueCall(() => callback(this.listenerCount("error") > 0 ? error : null));
  },
  _dump() {
    this.resume();
  },
});

function joined(raw) {
  const headers = {};
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i].toLowerCase();
    const value = raw[i + 1];
    if (name === "set-cookie") {
      (headers[name] ??= []).push(value);
    } else if (headers[name] === undefined) {
      headers[name] = value;
    } else if (!SINGLE.has(name)) {
      headers[name] += `${name === "cookie" ? "; " : ", "}${value}`;
    }
  }
  return headers;
}
