// `fetch`, over `net/http.js`.

import { DENIED } from "../net/errors.js";
import { headerText, send } from "../net/http.js";
import { sourceOf } from "./body.js";
import { chunksOf } from "./bytes.js";
import { ACCEPTED, decoded } from "./decompress.js";
import { lazyHeaders } from "./headers.js";
import { Request } from "./request.js";
import { Received, REDIRECTS, Response } from "./response.js";
import { originOf, parts, resolved } from "./url.js";

const MOST_REDIRECTS = 20;

export function fetch(input, init) {
  return new Promise((resolve, reject) => {
    const request = input instanceof Request && init === undefined ? input : new Request(input, init);
    const hasSignal = init?.signal != null || input instanceof Request;
    const dispatcher = new Fetch(request, hasSignal ? request.signal : undefined, resolve, reject);
    dispatcher.start();
  });
}

class Fetch {
  #url;
  #method;
  #headers;
  #source;
  #redirect;
  #hops = 0;
  #signal;
  #onAbort;
  #giveUp;
  #body; // of the response that was returned
  #resolve;
  #reject;

  constructor(request, signal, resolve, reject) {
    this.#url = request.url;
    this.#method = request.method;
    this.#headers = [...request.headers];
    this.#redirect = request.redirect;
    this.#source = sourceOf(request);
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start() {
    const signal = this.#signal;
    if (signal?.aborted) {
      this.#reject(signal.reason);
      return;
    }
    if (/^data:/i.test(this.#url)) {
      this.#settle(this.#resolve, dataResponse(this.#url));
      return;
    }
    if (signal) {
      this.#onAbort = () => {
        this.#giveUp?.();
        this.#body?.abort(signal.reason);
        this.#settle(this.#reject, signal.reason);
      };
      signal.addEventListener("abort", this.#onAbort, { once: true });
    }
    this.#send();
  }

  #send() {
    const headers = this.#headers.slice();
    const has = (name) => headers.some(([other]) => other === name);
    const source = this.#source;
    if (source instanceof Uint8Array) {
      has("content-length") || headers.push(["content-length", String(source.length)]);
    } else if (source === null && (this.#method === "POST" || this.#method === "PUT")) {
      has("content-length") || headers.push(["content-length", "0"]);
    }
    has("accept") || headers.push(["accept", "*/*"]);
    has("accept-encoding") || headers.push(["accept-encoding", ACCEPTED]);
    has("user-agent") || headers.push(["user-agent", "guesthouse"]);
    let place;
    try {
      place = parts(this.#url);
    } catch (error) {
      this.#fail(error);
      return;
    }
    const body = source === null || source instanceof Uint8Array ? source : chunksOf(source);
    this.#giveUp = send(
      { ...place, method: this.#method, headers, body },
      (response) => {
        try {
          this.#receive(response);
        } catch (error) {
          this.#fail(error);
        }
      },
      (error) => this.#fail(error),
    );
  }

  #receive({ status, headers, body }) {
    const value = (name) => {
      const values = headers.filter(([other]) => other.toLowerCase() === name);
      return values.length === 0 ? undefined : values.map(([, bytes]) => headerText(bytes)).join(", ");
    };
    const location = REDIRECTS.includes(status) && this.#redirect !== "manual" ? value("location") : undefined;
    if (location !== undefined) {
      body.close();
      this.#follow(status, location);
      return;
    }
    const source = this.#bodyOf(status, body, value("content-encoding"));
    const response = new Response(
      null,
      new Received(source, {
        status,
        statusText: STATUS_TEXTS[status] ?? "",
        headers: lazyHeaders(() => headers.map(([name, bytes]) => [name, headerText(bytes)])),
        url: this.#url.replace(/#.*/, ""),
        redirected: this.#hops > 0,
        type: "basic",
      }),
    );
    this.#resolve(response);
  }

  #bodyOf(status, body, encoding) {
    if (this.#method === "HEAD" || status === 204 || status === 205 || status === 304) {
      body.close();
      this.#removeListener();
      return null;
    }
    const source = encoding === undefined ? body : (decoded(body, encoding) ?? body);
    return (this.#body = new ResponseBody(source, source !== body, () => this.#removeListener()));
  }

  #follow(status, location) {
    if (this.#redirect === "error") {
      this.#fail(new Error("unexpected redirect"));
      return;
    }
    if (this.#hops++ === MOST_REDIRECTS) {
      this.#fail(new Error("redirect count exceeded"));
      return;
    }
    const url = resolved(location, this.#url);
    if (!/^https?:/.test(url)) {
      this.#fail(new Error("URL scheme must be a HTTP(S) scheme"));
      return;
    }
    if (/^https?:\/\/[^/?#]*@/.test(url)) {
      this.#fail(new Error('cross origin not allowed for request mode "cors"'));
      return;
    }
    const isGet = this.#method === "GET" || this.#method === "HEAD";
    if (status === 303 ? !isGet : (status === 301 || status === 302) && this.#method === "POST") {
      this.#method = "GET";
      this.#source = null;
      this.#drop(/^content-(encoding|language|length|location|type)$/);
    } else if (this.#source !== null && !(this.#source instanceof Uint8Array)) {
      // A stream is spent.
      this.#fail(new Error("Response body object should not be disturbed or locked"));
      return;
    }
    if (originOf(url) !== originOf(this.#url)) {
      this.#drop(/^(authorization|proxy-authorization|cookie|host)$/);
    }
    this.#url = url;
    this.#send();
  }

  #drop(names) {
    this.#headers = this.#headers.filter(([name]) => !names.test(name));
  }

  #fail(cause) {
    const text = cause.message?.includes(DENIED) ? `fetch failed: ${cause.message}` : "fetch failed";
    this.#settle(this.#reject, new TypeError(text, { cause }));
  }

  #settle(how, value) {
    this.#removeListener();
    how(value);
  }

  #removeListener() {
    this.#onAbort && this.#signal.removeEventListener("abort", this.#onAbort);
    this.#onAbort = undefined;
  }
}

// A body that an `AbortSignal` can end while somebody reads it.
class ResponseBody {
  #inner;
  #onEnd;
  #reason;
  #failRead;

  constructor(inner, isDecoded, onEnd) {
    this.#inner = inner;
    this.isDecoded = isDecoded;
    this.#onEnd = onEnd;
  }

  read(done, fail) {
    if (this.#reason !== undefined) {
      fail(this.#reason.error);
      return;
    }
    this.#failRead = fail;
    this.#inner.read(
      (chunk) => {
        this.#failRead = undefined;
        chunk === null && this.#onEnd();
        done(chunk);
      },
      (cause) => {
        this.#failRead = undefined;
        this.#onEnd();
        fail(new TypeError("terminated", { cause }));
      },
    );
  }

  abort(error) {
    this.#reason = { error };
    this.#inner.close();
    this.#failRead?.(error);
  }

  close() {
    this.#onEnd();
    this.#inner.close();
  }
}

function dataResponse(url) {
  const match = /^data:([^,]*?)(;\s*base64)?,([^#]*)/is.exec(url);
  if (!match) {
    return Promise.reject(new TypeError("fetch failed"));
  }
  const [, type, isBase64, data] = match;
  const bytes = isBase64 ? Uint8Array.fromBase64(decodeURIComponent(data)) : Uint8Array.from(unescape(data), (c) => c.charCodeAt(0));
  return new Response(bytes, { headers: { "content-type": type || "text/plain;charset=US-ASCII" } });
}

// The host does not say what the server wrote beside the number.
export const STATUS_TEXTS = {
  200: "OK", 201: "Created", 202: "Accepted", 203: "Non-Authoritative Information", 204: "No Content", 205: "Reset Content",
  206: "Partial Content", 300: "Multiple Choices", 301: "Moved Permanently", 302: "Found", 303: "See Other",
  304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized",
  402: "Payment Required", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
  408: "Request Timeout", 409: "Conflict", 410: "Gone", 411: "Length Required", 412: "Precondition Failed",
  413: "Payload Too Large", 414: "URI Too Long", 415: "Unsupported Media Type", 416: "Range Not Satisfiable",
  417: "Expectation Failed", 421: "Misdirected Request", 422: "Unprocessable Entity", 423: "Locked", 424: "Failed Dependency",
  425: "Too Early", 426: "Upgrade Required", 428: "Precondition Required", 429: "Too Many Requests",
  431: "Request Header Fields Too Large", 451: "Unavailable For Legal Reasons", 500: "Internal Server Error",
  501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
};
