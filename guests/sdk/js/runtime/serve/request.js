// The request that a host received, as `Request`.

import { IncomingBody } from "../net/body.js";
import { headerText } from "../net/http.js";
import { AbortController } from "../web/abort.js";
import { lazyHeaders } from "../web/headers.js";
import { Incoming, Request } from "../web/request.js";

export class Received {
  #incoming;
  #fields; // pairs of a name and bytes
  #body;
  #controller;

  constructor(incoming) {
    this.#incoming = incoming;
    const fields = incoming.headers();
    this.#fields = fields.entries();
    fields[Symbol.dispose]();
    this.method = nameOf(incoming.method());
    this.authority = incoming.authority() ?? this.header("host") ?? "localhost";
    this.#body = this.method === "GET" || this.method === "HEAD" || this.header("content-length") === "0" ? null : new Unread(incoming);
    this.request = new Request(
      new Incoming({
        method: this.method,
        url: this.#url(),
        headers: lazyHeaders(() => this.#pairs()),
        source: this.#body,
        signal: () => (this.#controller ??= new AbortController()).signal,
      }),
    );
  }

  // As it came: nothing of the path is changed.
  #url() {
    const scheme = this.#incoming.scheme();
    const path = this.#incoming.pathWithQuery() ?? "/";
    return `${schemeOf(scheme)}://${this.authority}${path.startsWith("/") ? "" : "/"}${path === "*" ? "" : path}`;
  }

  #pairs() {
    const pairs = this.#fields.map(([name, bytes]) => [name, headerText(bytes)]);
    // Some hosts keep it to themselves.
    return pairs.some(([name]) => name === "host") ? pairs : [...pairs, ["host", this.authority]];
  }

  // The value of a header that is there once. Hosts have the names in lower case.
  header(name) {
    for (const [other, bytes] of this.#fields) {
      if (other === name) {
        return headerText(bytes);
      }
    }
    return undefined;
  }

  get traceId() {
    return this.header("x-amzn-trace-id");
  }

  // Tells the handler that nobody receives its response.
  abort() {
    this.#controller?.abort();
  }

  // Lets go of what the host holds, read or not.
  close() {
    this.#body?.close();
    this.#incoming[Symbol.dispose]();
  }
}

// A body that is opened for who reads it, as few requests' are.
class Unread {
  #incoming;
  #body;

  constructor(incoming) {
    this.#incoming = incoming;
  }

  read(done, fail) {
    if (this.#incoming === undefined) {
      fail(new TypeError("the request's body is gone: its invocation has ended"));
      return;
    }
    this.#body ??= new IncomingBody(this.#incoming.consume(), () => {});
    this.#body.read(done, fail);
  }

  close() {
    this.#body?.close();
    this.#incoming = undefined;
  }
}

function nameOf(method) {
  const tag = method?.tag ?? method;
  return tag === "other" ? method.val : tag.toUpperCase();
}

function schemeOf(scheme) {
  const tag = scheme?.tag ?? scheme ?? "https";
  return tag === "other" ? scheme.val : tag.toLowerCase();
}
