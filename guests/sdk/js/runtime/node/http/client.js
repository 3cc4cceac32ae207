// `http.request`, over the host's HTTP, which keeps the connections and speaks TLS.

import { queueCall } from "../../jobs.js";
import { headerText, send } from "../../net/http.js";
import { Buffer } from "../buffer.js";
import EventEmitter from "../events.js";
import { URL, urlToHttpOptions } from "../url.js";
import { IncomingMessage } from "./incoming.js";
import { inherit, OutgoingMessage, pairsOf, requireData } from "./outgoing.js";
import { STATUS_CODES } from "guesthouse:http-constants";

const PORTS = { "http:": 80, "https:": 443 };

// What `fetch` and `node:http` call the same.
const CODES = {
  UND_ERR_SOCKET: ["ECONNRESET", "socket hang up"],
  UND_ERR_CONNECT_TIMEOUT: ["ETIMEDOUT", "connect ETIMEDOUT"],
  UND_ERR_HEADERS_TIMEOUT: ["ETIMEDOUT", "read ETIMEDOUT"],
  UND_ERR_HEADERS_OVERFLOW: ["HPE_HEADER_OVERFLOW", "Parse Error: Header overflow"],
};

// `request([url], [options], [callback])`, where both may hold the same things.
export function requestOf(protocol, values) {
  let options = {};
  if (typeof values[0] === "string" || values[0] instanceof URL) {
    const url = values.shift();
    options = urlToHttpOptions(typeof url === "string" ? new URL(url) : url);
  }
  if (typeof values[0] !== "function") {
    options = { ...options, ...values.shift() };
  }
  return new ClientRequest({ ...options, protocol: options.protocol || protocol }, values[0]);
}

export function ClientRequest(options, callback) {
  OutgoingMessage.call(this);
  const { hostname, host, port, headers, auth, timeout, signal } = options;
  const [protocol, method, path] = [options.protocol || "http:", options.method || "GET", options.path || "/"];
  if (PORTS[protocol] === undefined) {
    throw Object.assign(new TypeError(`Protocol "${protocol}" not supported. Expected "http:"`), { code: "ERR_INVALID_PROTOCOL" });
  }
  if (/[^\x21-\xff]/.test(path)) {
    throw Object.assign(new TypeError("Request path contains unescaped characters"), { code: "ERR_UNESCAPED_CHARACTERS" });
  }
  const name = hostname || host || "localhost";
  const number = Number(port || options.defaultPort || PORTS[protocol]);
  Object.assign(this, { method: method.toUpperCase(), path, host: name, protocol, agent: options.agent, aborted: false, reusedSocket: false, res: null, maxHeadersCount: null });
  const authority = name.includes(":") && !name.startsWith("[") ? `[${name}]` : name;
  hide(this, {
    _authority: number === PORTS[protocol] ? authority : `${authority}:${number}`,
    _chunks: [],
    _isStarted: false,
    _giveUp: undefined,
    _wake: undefined,
    _timer: undefined,
    _time: timeout,
  });
  for (const [header, value] of pairsOf(headers)) {
    value === undefined || this.setHeader(header, value);
  }
  if (auth && !this.hasHeader("authorization")) {
    this.setHeader("Authorization", `Basic ${Buffer.from(auth).toString("base64")}`);
  }
  this.hasHeader("host") || this.setHeader("Host", this._authority);
  callback && this.once("response", callback);
  if (signal) {
    const abort = () => this.destroy(Object.assign(new Error("The operation was aborted", { cause: signal.reason }), { name: "AbortError", code: "ABORT_ERR" }));
    signal.aborted ? queueCall(abort) : signal.addEventListener("abort", abort, { once: true });
  }
  queueCall(() => {
    if (!this.destroyed) {
      this.socket = new Socket(this);
      this.emit("socket", this.socket);
    }
  });
}
inherit(ClientRequest, OutgoingMessage, {
  setTimeout(time, callback) {
    this._time = time;
    callback && this.once("timeout", callback);
    this._isStarted && this._restartTimer();
    return this;
  },
  setNoDelay() {},
  setSocketKeepAlive() {},
  onSocket() {},
  flushHeaders() {
    queueCall(() => this._start());
  },
  abort() {
    if (!this.aborted) {
      this.aborted = true;
      queueCall(() => this.emit("abort"));
      this.destroy();
    }
  },

  destroy(error) {
    if (this.destroyed) {
      return this;
    }
    this.destroyed = true;
    clearTimeout(this._timer);
    this._giveUp?.();
    this._wake?.();
    if (this.res && !this.res.complete) {
      error && queueCall(() => this.emit("error", error));
      this.res.destroy(Object.assign(new Error("aborted"), { code: "ECONNRESET" }));
      return this; // the response's `close` tells of the request's
    }
    queueCall(() => {
      const told = error ?? (this.res ? undefined : hangUp());
      told && this.emit("error", told);
      this._closed = true;
      this.emit("close");
    });
    return this;
  },

  _writeChunk(chunk, encoding, callback) {
    requireData(chunk);
    if (this.finished) {
      const error = Object.assign(new Error("write after end"), { code: "ERR_STREAM_WRITE_AFTER_END" });
      queueCall(() => (typeof callback === "function" ? callback(error) : this.emit("error", error)));
      return false;
    }
    this._chunks.push(typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk);
    this._wake?.();
    // What is ended at once goes out as a whole.
    queueCall(() => this._start());
    typeof callback === "function" && queueCall(() => callback());
    return true;
  },

  end(chunk, encoding, callback) {
    if (typeof chunk === "function") {
      [chunk, callback] = [undefined, chunk];
    } else if (typeof encoding === "function") {
      [encoding, callback] = [undefined, encoding];
    }
    if (!this.finished) {
      chunk === undefined || chunk === null || this._writeChunk(chunk, encoding);
      this.finished = true;
      this._start();
      this._wake?.();
      queueCall(() => {
        this._isFinished = true;
        this.emit("finish");
        callback?.();
      });
    }
    return this;
  },

  _start() {
    if (this._isStarted || this.destroyed) {
      return;
    }
    this._isStarted = true;
    this._header = "sent";
    const headers = [...this._headerMap.values()].flatMap(([name, value]) => [value].flat().map((one) => [name, String(one)]));
    let body = null;
    if (!this.finished) {
      body = bodyOf(this);
    } else if (this._chunks.length > 0 || /^(POST|PUT|PATCH)$/.test(this.method)) {
      body = Buffer.concat(this._chunks);
      this.hasHeader("content-length") || headers.push(["content-length", String(body.length)]);
    }
    this._restartTimer();
    this._giveUp = send(
      { method: this.method, scheme: this.protocol.slice(0, -1), authority: this._authority, path: this.path, headers, body },
      (response) => this._receive(response),
      (error) => this._fail(error),
    );
  },

  _receive({ status, headers, body }) {
    const response = new IncomingMessage(this.socket ?? new Socket(this));
    this.res = response;
    Object.assign(response, { req: this, statusCode: status, statusMessage: STATUS_CODES[status] ?? "", rawHeaders: headers.flatMap(([name, value]) => [name, headerText(value)]) });
    const end = () => {
      clearTimeout(this._timer);
      response.complete = true;
      response.push(null);
    };
    response.on("close", () => {
      response.complete || body.close();
      clearTimeout(this._timer);
      this.destroyed = true;
      this.emit("close");
    });
    if (this.method === "HEAD" || status === 204 || status === 304) {
      body.close();
      end();
    } else {
      response._read = () => {
        this._restartTimer();
        body.read(
          (chunk) => (chunk === null ? end() : response.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))),
          () => response.destroy(Object.assign(new Error("aborted"), { code: "ECONNRESET" })),
        );
      };
    }
    this._restartTimer();
    // A response that nobody listens to is received, and thrown away.
    this.emit("response", response) || response.resume();
  },

  _fail(error) {
    const [code, message] = CODES[error.code] ?? [error.code, error.message];
    this.destroy(Object.assign(new Error(message), { code, ...(error.syscall && { syscall: error.syscall, hostname: this.host }) }));
  },

  _restartTimer() {
    clearTimeout(this._timer);
    if (this._time > 0) {
      this._timer = setTimeout(() => {
        this.emit("timeout");
        this.res?.emit("timeout");
        this.socket?.emit("timeout");
      }, this._time);
    }
  },
});

async function* bodyOf(request) {
  for (;;) {
    while (request._chunks.length > 0) {
      yield request._chunks.shift();
    }
    if (request.finished || request.destroyed) {
      return;
    }
    await new Promise((resolve) => (request._wake = resolve));
  }
}

const hangUp = () => Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });

function hide(object, members) {
  for (const [name, value] of Object.entries(members)) {
    Object.defineProperty(object, name, { value, writable: true });
  }
}

// Programs set options of sockets. The host's connections have none that a guest could set.
class Socket extends EventEmitter {
  #request;
  authorized = true;
  bytesRead = 0;
  bytesWritten = 0;
  connecting = false;
  destroyed = false;
  readable = true;
  writable = true;

  constructor(request) {
    super();
    this.#request = request;
    this.encrypted = request.protocol === "https:";
  }

  setTimeout(time, callback) {
    callback && this.once("timeout", callback);
    this.#request.setTimeout(time);
    return this;
  }

  setKeepAlive() {
    return this;
  }

  setNoDelay() {
    return this;
  }

  ref() {
    return this;
  }

  unref() {
    return this;
  }

  getPeerCertificate() {
    return {};
  }

  destroy(error) {
    this.destroyed = true;
    this.#request.destroy(error);
    return this;
  }

  end() {
    return this;
  }
}

// The host keeps connections, whichever agent a request has.
export class Agent extends EventEmitter {
  freeSockets = {};
  requests = {};
  sockets = {};

  constructor(options = {}) {
    super();
    const { keepAlive = false, maxFreeSockets = 256, maxSockets = Infinity, maxTotalSockets = Infinity, scheduling = "lifo" } = options;
    Object.assign(this, { keepAlive, maxFreeSockets, maxSockets, maxTotalSockets, options: { ...options }, scheduling });
  }

  getName({ host = "localhost", port = "", localAddress = "" } = {}) {
    return `${host}:${port}:${localAddress}`;
  }

  destroy() {}
}
