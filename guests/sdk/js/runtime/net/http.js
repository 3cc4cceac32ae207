// This module sends requests by `wasi:http`. `fetch` and `node:http` are built on it.

import outgoing from "wasj:http/outgoing-handler@0.2.1";
import http from "wasj:http/types@0.2.1";
import { decode, encode } from "../text.js";
import { dropBodies, IncomingBody, tidyBodies } from "./body.js";
import { networkError } from "./errors.js";
import { stopWriting, writeBody } from "./write.js";
import { stopWaiting, whenReady } from "./poll.js";
import { unwrapped } from "./result.js";

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]);

// What the host writes itself, and refuses from a guest.
export const FORBIDDEN = new Set([
  "connection", "expect", "host", "http2-settings", "keep-alive", "proxy-authenticate", "proxy-authorization",
  "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
]);

// The host takes 128 requests whose responses have not come. What is beyond waits here.
const MOST = 100;
const inFlight = new Set();
const queue = [];

// Sends a request: `{ method, scheme, authority, path, headers, body }`. `headers` are pairs of texts; `body` is null,
// bytes, or something to iterate over. Calls `onResponse` with `{ status, headers, body }`, or `onError`. Returns a
// function that gives up.
export function send(request, onResponse, onError) {
  const exchange = { request, onResponse, onError, isOver: false };
  if (inFlight.size < MOST) {
    start(exchange);
  } else {
    queue.push(exchange);
  }
  return () => giveUp(exchange);
}

function start(exchange) {
  const { request } = exchange;
  tidyBodies();
  inFlight.add(exchange);
  try {
    const { body } = request;
    const message = messageOf(request);
    const sink = body === null ? undefined : message.body();
    // The error is thrown where no rule allows the request, and then nothing is left to drop but the body.
    try {
      exchange.future = outgoing.handle(message, undefined);
    } catch (error) {
      sink?.[Symbol.dispose]();
      throw error;
    }
    if (sink) {
      exchange.writing = writeBody(sink, body, (error) => fail(exchange, error));
    }
    exchange.waiting = whenReady(exchange.future.subscribe(), () => receive(exchange));
  } catch (error) {
    // Not from within `send`, whose caller has not got its result yet.
    queueMicrotask(() => fail(exchange, error));
  }
}

function messageOf({ method, scheme, authority, path, headers }) {
  const list = [];
  for (const [name, value] of headers) {
    if (!FORBIDDEN.has(name.toLowerCase())) {
      list.push([name, encode(value)]);
    }
  }
  const message = new http.OutgoingRequest(http.Fields.fromList(list));
  if (method !== "GET") {
    message.setMethod(METHODS.has(method) ? { tag: method.toLowerCase() } : { tag: "other", val: method });
  }
  message.setScheme({ tag: scheme === "https" ? "HTTPS" : "HTTP" });
  message.setAuthority(authority);
  message.setPathWithQuery(path);
  return message;
}

function receive(exchange) {
  if (exchange.isOver) {
    return;
  }
  exchange.waiting = undefined;
  let response;
  try {
    response = unwrapped(unwrapped(exchange.future.get()));
  } catch (error) {
    fail(exchange, error);
    return;
  }
  const status = response.status();
  const fields = response.headers();
  const headers = fields.entries();
  fields[Symbol.dispose]();
  const incoming = response.consume();
  response[Symbol.dispose]();
  const { onResponse, writing } = exchange;
  const body = new IncomingBody(incoming, () => writing?.stop());
  end(exchange, true);
  // The body must not hold whoever has the response, so that it is found unused.
  exchange.onResponse = exchange.onError = undefined;
  onResponse({ status, headers, body });
  tidyBodies();
}

function fail(exchange, thrown) {
  if (!exchange.isOver) {
    end(exchange, false);
    exchange.onError(thrown?.payload === undefined ? thrown : networkError(thrown.payload, whereOf(exchange.request)));
  }
}

function giveUp(exchange) {
  const at = queue.indexOf(exchange);
  if (at >= 0) {
    queue.splice(at, 1);
    exchange.isOver = true;
  } else if (!exchange.isOver) {
    end(exchange, false);
  }
}

// Gives up all requests, and lets go of all that is still sent or received.
export function giveUpAll() {
  queue.splice(0).forEach((exchange) => (exchange.isOver = true));
  inFlight.forEach((exchange) => end(exchange, false));
  stopWriting();
  dropBodies();
}

// Lets go of what the host holds for a request, and begins with the next one. A body that is still being sent may go
// on after the response has begun.
function end(exchange, isSending) {
  exchange.isOver = true;
  if (exchange.waiting) {
    stopWaiting(exchange.waiting);
  }
  if (!isSending) {
    exchange.writing?.stop();
  }
  exchange.future?.[Symbol.dispose]();
  exchange.future = undefined;
  inFlight.delete(exchange);
  if (queue.length > 0) {
    start(queue.shift());
  }
}

const whereOf = ({ method, scheme, authority }) => `${method} ${scheme}://${authority}`;

// The text of a header's value: most are ASCII, and some servers send UTF-8.
export function headerText(bytes) {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] > 0x7f) {
      return decode(bytes);
    }
  }
  return String.fromCharCode.apply(null, bytes);
}
