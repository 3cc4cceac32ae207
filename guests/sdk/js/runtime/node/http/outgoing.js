// `OutgoingMessage` and `ServerResponse`: a response as text of HTTP/1.1 for what is assigned as its socket. Packages that
// turn an event into a request (serverless-http and its kin) give it one that takes the text apart. The functions are
// no classes, since such packages call them on objects of their own.

import { queueCall } from "../../jobs.js";
import { Buffer } from "../buffer.js";
import { Stream } from "../stream.js";
import { STATUS_CODES } from "guesthouse:http-constants";

const TOKEN = /^[\^`\-\w!#$%&'*+.|~]+$/;
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;

function failure(type, code, message) {
  return Object.assign(new type(message), { code });
}

export function validateHeaderName(name) {
  if (typeof name !== "string" || !TOKEN.test(name)) {
    throw failure(TypeError, "ERR_INVALID_HTTP_TOKEN", `Header name must be a valid HTTP token ["${String(name)}"]`);
  }
}

export function validateHeaderValue(name, value) {
  if (value === undefined) {
    throw failure(TypeError, "ERR_HTTP_INVALID_HEADER_VALUE", `Invalid value "undefined" for header "${name}"`);
  }
  if ([value].flat().some((one) => FORBIDDEN.test(String(one)))) {
    throw failure(TypeError, "ERR_INVALID_CHAR", `Invalid character in header content ["${name}"]`);
  }
}

export function OutgoingMessage(options) {
  Stream.call(this, options);
  Object.assign(this, {
    outputData: [],
    outputSize: 0,
    writable: true,
    destroyed: false,
    errored: null,
    chunkedEncoding: false,
    shouldKeepAlive: true,
    useChunkedEncodingByDefault: true,
    sendDate: false,
    finished: false,
    strictContentLength: false,
    socket: null,
    _contentLength: null,
    _defaultKeepAlive: true,
    _hasBody: true,
    _header: null,
    _headerSent: false,
    _removedConnection: false,
    _removedContLen: false,
    _removedTE: false,
    _closed: false,
  });
  Object.defineProperty(this, "_headerMap", { value: new Map(), writable: true }); // by lower-case names
}
inherit(OutgoingMessage, Stream, {
  get connection() {
    return this.socket;
  },
  set connection(socket) {
    this.socket = socket;
  },
  get headersSent() {
    return Boolean(this._header);
  },
  get closed() {
    return this._closed;
  },
  get writableEnded() {
    return this.finished;
  },
  get writableFinished() {
    return this.finished && this.outputSize === 0 && Boolean(this._isFinished);
  },
  get writableObjectMode() {
    return false;
  },
  get writableLength() {
    return this.outputSize;
  },
  get writableHighWaterMark() {
    return 16384;
  },
  get writableCorked() {
    return 0;
  },
  get writableNeedDrain() {
    return false;
  },
  get _headers() {
    return this.getHeaders();
  },

  setHeader(name, value) {
    if (this._header) {
      throw failure(Error, "ERR_HTTP_HEADERS_SENT", "Cannot set headers after they are sent to the client");
    }
    validateHeaderName(name);
    validateHeaderValue(name, value);
    this._headerMap.set(name.toLowerCase(), [name, value]);
    return this;
  },
  setHeaders(headers) {
    const all = new Map();
    for (const [name, value] of headers) {
      all.set(name, all.has(name) ? [all.get(name), value].flat() : value);
    }
    all.forEach((value, name) => this.setHeader(name, value));
    return this;
  },
  appendHeader(name, value) {
    const before = this.getHeader(name);
    return this.setHeader(name, before === undefined ? value : [before, value].flat());
  },
  getHeader(name) {
    return this._headerMap.get(String(name).toLowerCase())?.[1];
  },
  getHeaders() {
    const headers = Object.create(null);
    this._headerMap.forEach(([, value], name) => (headers[name] = value));
    return headers;
  },
  getHeaderNames() {
    return [...this._headerMap.keys()];
  },
  getRawHeaderNames() {
    return [...this._headerMap.values()].map(([name]) => name);
  },
  hasHeader(name) {
    return this._headerMap.has(String(name).toLowerCase());
  },
  removeHeader(name) {
    if (this._header) {
      throw failure(Error, "ERR_HTTP_HEADERS_SENT", "Cannot remove headers after they are sent to the client");
    }
    const key = String(name).toLowerCase();
    const removed = { connection: "_removedConnection", "content-length": "_removedContLen", "transfer-encoding": "_removedTE" }[key];
    removed && (this[removed] = true);
    this._headerMap.delete(key);
  },
  addTrailers() {},

  assignSocket(socket) {
    this.socket = socket;
    socket._httpMessage = this;
    this.emit("socket", socket);
    this._flush();
  },
  detachSocket() {
    this.socket = null;
  },
  setTimeout(time, callback) {
    callback && this.once("timeout", callback);
    return this;
  },
  cork() {},
  uncork() {},
  flushHeaders() {
    this._header || this._implicitHeader();
    this._send("");
  },

  write(chunk, encoding, callback) {
    if (typeof encoding === "function") {
      [encoding, callback] = [undefined, encoding];
    }
    requireData(chunk);
    return this._writeChunk(chunk, encoding, callback, false);
  },

  end(chunk, encoding, callback) {
    if (typeof chunk === "function") {
      [chunk, encoding, callback] = [undefined, undefined, chunk];
    } else if (typeof encoding === "function") {
      [encoding, callback] = [undefined, encoding];
    }
    if (this.finished) {
      const error = failure(Error, "ERR_STREAM_ALREADY_FINISHED", "Cannot call end after a stream was finished");
      typeof callback === "function" && queueCall(() => callback(this._isFinished ? error : undefined));
      return this;
    }
    if (chunk !== undefined && chunk !== null) {
      requireData(chunk);
      this._writeChunk(chunk, encoding, undefined, true);
    } else if (!this._header) {
      this._contentLength = 0;
      this._implicitHeader();
    }
    typeof callback === "function" && this.once("finish", callback);
    this.finished = true;
    this._send(this._hasBody && this.chunkedEncoding ? "0\r\n\r\n" : "", "latin1", () => {
      this._isFinished = true;
      queueCall(() => {
        this.emit("finish");
        this._closed = true;
        this.emit("close");
      });
    });
    this.emit("prefinish");
    return this;
  },

  destroy(error) {
    if (!this.destroyed) {
      this.destroyed = true;
      this.errored = error ?? null;
      this.socket?.destroy?.(error);
      queueCall(() => {
        error && this.emit("error", error);
        this._closed = true;
        this.emit("close");
      });
    }
    return this;
  },

  pipe() {
    this.emit("error", failure(Error, "ERR_STREAM_CANNOT_PIPE", "Cannot pipe, not readable"));
  },

  _writeChunk(chunk, encoding, callback, isLast) {
    if (this.finished || this.destroyed) {
      const error = this.finished
        ? failure(Error, "ERR_STREAM_WRITE_AFTER_END", "write after end")
        : failure(Error, "ERR_STREAM_DESTROYED", "Cannot call write after a stream was destroyed");
      queueCall(() => {
        typeof callback === "function" && callback(error);
        this.finished && !this.destroyed && this.emit("error", error);
      });
      return false;
    }
    if (!this._header) {
      isLast && (this._contentLength = typeof chunk === "string" ? Buffer.byteLength(chunk, encoding) : chunk.byteLength);
      this._implicitHeader();
    }
    if (!this._hasBody) {
      typeof callback === "function" && queueCall(() => callback());
      return true;
    }
    if (!this.chunkedEncoding) {
      return this._send(chunk, encoding, callback);
    }
    const bytes = typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk;
    if (bytes.byteLength === 0) {
      typeof callback === "function" && queueCall(() => callback());
      return true;
    }
    this._send(`${bytes.byteLength.toString(16)}\r\n`, "latin1");
    this._send(bytes);
    return this._send("\r\n", "latin1", callback);
  },

  // The header goes out with the first of the data.
  _send(data, encoding, callback) {
    if (!this._headerSent && this._header !== null) {
      this._headerSent = true;
      if (typeof data === "string" && (encoding === undefined || encoding === "utf8" || encoding === "latin1")) {
        data = this._header + data;
      } else {
        this._writeRaw(this._header, "latin1");
      }
    }
    return this._writeRaw(data, encoding, callback);
  },

  _writeRaw(data, encoding, callback) {
    this.outputData.push({ data, encoding, callback });
    this.outputSize += data.length;
    return this._flush();
  },

  _flush() {
    const { socket } = this;
    if (socket === null || socket.writable === false) {
      this._needsDrain = true;
      return false;
    }
    for (const { data, encoding, callback } of this.outputData.splice(0)) {
      this.outputSize -= data.length;
      if (data.length > 0) {
        socket.write(data, encoding, callback);
      } else {
        callback?.();
      }
    }
    if (this._needsDrain) {
      this._needsDrain = false;
      this.finished || queueCall(() => this.emit("drain"));
    }
    return true;
  },

  _implicitHeader() {
    throw failure(Error, "ERR_METHOD_NOT_IMPLEMENTED", "The _implicitHeader() method is not implemented");
  },

  _storeHeader(firstLine) {
    const lines = [firstLine];
    this._headerMap.forEach(([name, value]) => {
      const isMany = Array.isArray(value) && name.toLowerCase() !== "cookie";
      (isMany ? value : [Array.isArray(value) ? value.join("; ") : value]).forEach((one) => lines.push(`${name}: ${one}\r\n`));
    });
    if (this.sendDate && !this.hasHeader("date")) {
      lines.push(`Date: ${new Date().toUTCString()}\r\n`);
    }
    if (!this._removedConnection && !this.hasHeader("connection")) {
      lines.push(this.shouldKeepAlive ? "Connection: keep-alive\r\n" : "Connection: close\r\n");
    }
    if (/chunked/i.test(String(this.getHeader("transfer-encoding") ?? ""))) {
      this.chunkedEncoding = true;
    } else if (!this.hasHeader("content-length") && this._hasBody) {
      if (!this._removedContLen && typeof this._contentLength === "number") {
        lines.push(`Content-Length: ${this._contentLength}\r\n`);
      } else if (this.useChunkedEncodingByDefault && !this._removedTE) {
        lines.push("Transfer-Encoding: chunked\r\n");
        this.chunkedEncoding = true;
      }
    }
    this._header = `${lines.join("")}\r\n`;
    this._headerSent = false;
  },
});

export function ServerResponse(request, options) {
  OutgoingMessage.call(this, options);
  Object.assign(this, { req: request, sendDate: true, statusCode: 200, statusMessage: undefined, _sent100: false, _expect_continue: false });
  if (request?.method === "HEAD") {
    this._hasBody = false;
  }
  if (request?.httpVersionMajor < 1 || request?.httpVersionMinor < 1) {
    this.useChunkedEncodingByDefault = false;
    this.shouldKeepAlive = false;
  }
}
inherit(ServerResponse, OutgoingMessage, {
  writeHead(status, reason, headers) {
    if (this._header) {
      throw failure(Error, "ERR_HTTP_HEADERS_SENT", "Cannot write headers after they are sent to the client");
    }
    const code = status | 0;
    if (code < 100 || code > 999) {
      throw failure(RangeError, "ERR_HTTP_INVALID_STATUS_CODE", `Invalid status code: ${status}`);
    }
    if (typeof reason === "string") {
      this.statusMessage = reason;
    } else {
      this.statusMessage ||= STATUS_CODES[code] ?? "unknown";
      headers ??= reason;
    }
    if (FORBIDDEN.test(this.statusMessage)) {
      throw failure(TypeError, "ERR_INVALID_CHAR", "Invalid character in statusMessage");
    }
    this.statusCode = code;
    const pairs = pairsOf(headers);
    Array.isArray(headers) && pairs.forEach(([name]) => this.removeHeader(name));
    for (const [name, value] of pairs) {
      Array.isArray(headers) ? this.appendHeader(name, value) : this.setHeader(name, value);
    }
    if (code === 204 || code === 304 || code < 200) {
      this._hasBody = false;
    }
    this._storeHeader(`HTTP/1.1 ${code} ${this.statusMessage}\r\n`);
    return this;
  },
  writeHeader(...values) {
    return this.writeHead(...values);
  },
  _implicitHeader() {
    this.writeHead(this.statusCode);
  },
  writeContinue(callback) {
    callback?.();
  },
  writeProcessing() {},
  writeEarlyHints(hints, callback) {
    callback?.();
  },
});

export function pairsOf(headers) {
  if (!Array.isArray(headers)) {
    return Object.entries(headers ?? {});
  }
  return Array.isArray(headers[0]) ? headers : headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1]]] : []));
}

export function requireData(chunk) {
  if (chunk === null) {
    throw failure(TypeError, "ERR_STREAM_NULL_VALUES", "May not write null values to stream");
  }
  if (typeof chunk !== "string" && !(chunk instanceof Uint8Array)) {
    const message = `The "chunk" argument must be of type string or an instance of Buffer or Uint8Array. Received ${typeof chunk}`;
    throw failure(TypeError, "ERR_INVALID_ARG_TYPE", message);
  }
}

// Gives a function the prototype of a class that it extends.
export function inherit(constructor, parent, members) {
  Object.setPrototypeOf(constructor, parent);
  Object.setPrototypeOf(constructor.prototype, parent.prototype);
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(members))) {
    Object.defineProperty(constructor.prototype, name, { ...descriptor, enumerable: false });
  }
}
