// `Request`.

import { Body, sourceFor, sourceOf } from "./body.js";
import { AbortSignal } from "./abort.js";
import { Headers } from "./headers.js";
import { normalized } from "./url.js";

const UPPER = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"];

// What a request that was received is made of, without the checks and copies of the constructor. `signal` makes one.
export class Incoming {
  constructor({ source, method, url, headers, signal }) {
    Object.assign(this, { source, method, url, headers, signal });
  }
}

export const Request = class Request extends Body {
  constructor(input, init) {
    if (input instanceof Incoming) {
      super(input.source);
      this.url = input.url;
      this.method = input.method;
      this.headers = input.headers;
      this.#makeSignal = input.signal;
      this.#describe({});
      return;
    }
    const from = input instanceof Request ? input : undefined;
    const options = init ?? {};
    const method = methodOf(options.method ?? from?.method ?? "GET");
    const url = from ? from.url : normalized(input);
    const [source, type] = options.body != null ? sourceFor(options.body) : [from ? sourceOf(from) : null];
    if (source !== null && (method === "GET" || method === "HEAD")) {
      throw new TypeError("Request with GET/HEAD method cannot have body.");
    }
    super(source);
    this.url = url;
    this.method = method;
    this.headers = new Headers(options.headers ?? from?.headers);
    if (type !== undefined && !this.headers.has("content-type")) {
      this.headers.set("content-type", type);
    }
    // A signal of its own would be what the standard wants. It is made only for who asks.
    this.#signal = options.signal === undefined ? from?.#signal : options.signal;
    this.#makeSignal = options.signal === undefined ? from?.#makeSignal : undefined;
    this.#describe(options, from);
  }

  #describe(options, from) {
    this.redirect = options.redirect ?? from?.redirect ?? "follow";
    this.credentials = options.credentials ?? from?.credentials ?? "same-origin";
    this.mode = options.mode ?? from?.mode ?? "cors";
    this.cache = options.cache ?? from?.cache ?? "default";
    this.keepalive = Boolean(options.keepalive ?? from?.keepalive);
    this.referrer = "about:client";
    this.referrerPolicy = this.integrity = this.destination = "";
    this.duplex = "half";
  }

  #signal;
  #makeSignal;

  get signal() {
    return (this.#signal ??= this.#makeSignal?.() ?? AbortSignal.any([]));
  }

  clone() {
    const other = new Request(this.url, { ...options(this), headers: this.headers, signal: this.#signal ?? this.#makeSignal?.() });
    const source = this.split();
    return source === null ? other : new Request(other, { body: source, headers: this.headers });
  }

  get [Symbol.toStringTag]() {
    return "Request";
  }
};

const options = ({ method, redirect, credentials, mode, cache, keepalive }) => ({ method, redirect, credentials, mode, cache, keepalive });

function methodOf(name) {
  const text = String(name);
  if (!/^[!#$%&'*+\-.^_`|~\w]+$/.test(text) || /^(CONNECT|TRACE|TRACK)$/i.test(text)) {
    throw new TypeError(`'${text}' is not a valid HTTP method.`);
  }
  const upper = text.toUpperCase();
  return UPPER.includes(upper) ? upper : text;
}
