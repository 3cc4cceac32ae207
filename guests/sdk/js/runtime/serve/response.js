// Sends a `Response`, its body as it comes.

import http from "wasj:http/types@0.2.1";
import { logThrown, recordOf } from "../errors.js";
import { awaited } from "../loop.js";
import { FORBIDDEN } from "../net/http.js";
import { writeBody } from "../net/write.js";
import { encode } from "../text.js";
import { sourceOf } from "../web/body.js";
import { chunksOf } from "../web/bytes.js";
import { Response } from "../web/response.js";

// Sends what a handler returned, and returns when the body was taken.
export function respond(out, response, received) {
  let message;
  let source;
  let sink;
  try {
    requireResponse(response);
    source = sourceOf(response);
    const isEmpty = source === null || received.method === "HEAD";
    message = messageOf(response, source);
    sink = isEmpty ? undefined : message.body();
  } catch (error) {
    message?.[Symbol.dispose]();
    refuse(out, error);
    return;
  }
  http.ResponseOutparam.set(out, { tag: "ok", val: message });
  if (sink === undefined) {
    source?.cancel?.().catch(() => {});
    source?.close?.();
    return;
  }
  let writing;
  try {
    let isOver = false;
    const { promise, resolve, reject } = Promise.withResolvers();
    writing = writeBody(sink, source instanceof Uint8Array ? source : chunksOf(source), reject, (isWhole) => {
      isWhole || received.abort();
      isOver = true;
      resolve();
    });
    // Most bodies are taken at once.
    isOver || awaited(() => promise);
  } catch (error) {
    // Without its end the host knows that it is broken.
    writing?.stop();
    logThrown(error);
  }
}

// Says that there is no response, and why.
export function refuse(out, error) {
  logThrown(error);
  const { errorType, errorMessage } = recordOf(error);
  http.ResponseOutparam.set(out, { tag: "err", val: { tag: "internal-error", val: `${errorType}: ${errorMessage}` } });
}

function requireResponse(response) {
  if (!(response instanceof Response)) {
    throw new TypeError("the handler returned no `Response`");
  }
  if (response.type === "error") {
    throw new TypeError("the handler returned `Response.error()`");
  }
}

function messageOf(response, source) {
  const list = [];
  // A response of `fetch` that is passed on tells of bytes that nobody has any more.
  const isDecoded = Boolean(source?.isDecoded);
  let hasLength = false;
  for (const [name, value] of response.headers) {
    if (FORBIDDEN.has(name) || (isDecoded && (name === "content-encoding" || name === "content-length"))) {
      continue;
    }
    hasLength ||= name === "content-length";
    list.push([name, encode(value)]);
  }
  if (source instanceof Uint8Array && !hasLength) {
    list.push(["content-length", encode(String(source.length))]);
  }
  const message = new http.OutgoingResponse(fieldsOf(list));
  if (response.status !== 200) {
    message.setStatusCode(response.status);
  }
  return message;
}

function fieldsOf(list) {
  try {
    return http.Fields.fromList(list);
  } catch (error) {
    throw error.payload === undefined ? error : new TypeError("a header of the response can't be sent: its value has a control character");
  }
}
