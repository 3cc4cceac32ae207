// `Response`.

import { Body, sourceFor } from "./body.js";
import { Headers } from "./headers.js";
import { normalized } from "./url.js";

export const REDIRECTS = [301, 302, 303, 307, 308];
const EMPTY = [101, 103, 204, 205, 304];

// What `fetch` makes a response of, without the checks and copies of the constructor.
export class Received {
  constructor(source, { status, statusText, headers, url, redirected, type }) {
    Object.assign(this, { source, status, statusText, headers, url, redirected, type });
  }
}

export const Response = class Response extends Body {
  #url = "";
  #isRedirected = false;
  #type = "default";

  constructor(body = null, init = {}) {
    if (init instanceof Received) {
      super(init.source);
      this.status = init.status;
      this.statusText = init.statusText;
      this.headers = init.headers;
      this.#url = init.url;
      this.#isRedirected = init.redirected;
      this.#type = init.type;
      return;
    }
    const { status = 200, statusText = "", headers } = init ?? {};
    if (!(status >= 200 && status <= 599)) {
      throw new RangeError('init["status"] must be in the range of 200 to 599, inclusive.');
    }
    if (body !== null && body !== undefined && EMPTY.includes(status)) {
      throw new TypeError(`Response constructor: Invalid response status code ${status}`);
    }
    const [source, type] = sourceFor(body);
    super(source);
    this.status = status;
    this.statusText = String(statusText);
    this.headers = new Headers(headers);
    if (type !== undefined && !this.headers.has("content-type")) {
      this.headers.set("content-type", type);
    }
  }

  get ok() {
    return this.status >= 200 && this.status <= 299;
  }

  get url() {
    return this.#url;
  }

  get redirected() {
    return this.#isRedirected;
  }

  get type() {
    return this.#type;
  }

  clone() {
    const { status, statusText, url, redirected, type } = this;
    return new Response(null, new Received(this.split(), { status, statusText, headers: new Headers(this.headers), url, redirected, type }));
  }

  static json(data, init = {}) {
    const text = JSON.stringify(data);
    if (text === undefined) {
      throw new TypeError("The data is not JSON serializable");
    }
    const response = new Response(text, init);
    if (!new Headers(init.headers).has("content-type")) {
      response.headers.set("content-type", "application/json");
    }
    return response;
  }

  static redirect(url, status = 302) {
    if (!REDIRECTS.includes(status)) {
      throw new RangeError(`Invalid status code ${status}`);
    }
    return new Response(null, { status, headers: { location: normalized(url) } });
  }

  static error() {
    const response = new Response();
    response.#type = "error";
    response.status = 0;
    return response;
  }

  get [Symbol.toStringTag]() {
    return "Response";
  }
};
