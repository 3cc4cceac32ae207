// `net.Socket`, over a connection of `net/tcp.js`.

import { Connection } from "../../net/tcp.js";
import { isIP, textOf } from "../../net/ip.js";
import { queueTick } from "../../jobs.js";
import { clear, setTimeout } from "../../loop.js";
import { Buffer } from "../buffer.js";
import { Duplex } from "../stream.js";

export class Socket extends Duplex {
  connecting = false;
  bytesRead = 0;
  timeout = 0;
  _host = null;
  _connection; // once there is one
  #isRef = true;
  #isReading = false; // while the stream wants more
  #isWaiting = false; // for bytes to come
  #sent = 0;
  #onceOpen; // what was written meanwhile
  #timer;

  constructor({ allowHalfOpen = false, highWaterMark, signal, handle, fd } = {}) {
    super({ highWaterMark, allowHalfOpen, emitClose: false, signal });
    if (fd !== undefined || handle !== undefined) {
      throw unsupported("a socket by its file descriptor");
    }
    this.on("end", onEnd);
  }

  // `connect(options[, callback])`, `connect(port[, host][, callback])`.
  connect(...values) {
    const callback = typeof values.at(-1) === "function" ? values.pop() : undefined;
    const options = optionsOf(values);
    callback && this.once("connect", callback);
    const { host = "localhost", port, timeout } = options;
    if (options.path !== undefined) {
      throw unsupported("a local socket");
    }
    const number = portOf(port);
    if (this.destroyed) {
      // As in Node, a socket can be connected again.
      this._undestroy();
      this.#isReading = this.#isWaiting = false;
      this.bytesRead = this.#sent = 0;
    }
    this._connection?.close();
    timeout && this.setTimeout(timeout);
    this.connecting = true;
    this._host = host;
    const connection = new Connection({ host: host || "localhost", port: number }, {
      onLookup: ([address]) => isIP(host) || this.emit("lookup", null, textOf(address), address.tag === "ipv4" ? 4 : 6, host),
      onOpen: () => this._connection === connection && this._opened(),
      onError: (error) => this._connection === connection && this.destroy(error),
    });
    this._connection = connection;
    return this;
  }

  // Tells that the connection is made.
  _opened() {
    this.connecting = false;
    this._active();
    this.emit("connect");
    this.emit("ready");
    this.destroyed || this._start();
  }

  // Writes and reads what the stream wanted meanwhile.
  _start() {
    const onceOpen = this.#onceOpen;
    this.#onceOpen = undefined;
    onceOpen?.();
    this.#isReading && this.#receive();
    // Who never reads is told of the end, too.
    this.isPaused() || this.read(0);
  }

  _read() {
    this.#isReading = true;
    this.connecting || this.#receive();
  }

  #receive() {
    while (this.#isReading && !this.#isWaiting && this._connection !== undefined) {
      let bytes;
      try {
        bytes = this._connection.read();
      } catch (error) {
        this.destroy(error);
        return;
      }
      if (bytes === null) {
        this.#isReading = false;
        this.push(null);
        // Without this nobody would be told of the end of a stream that nobody reads.
        this.readableLength === 0 && this.read(0);
        return;
      }
      if (bytes.length === 0) {
        this.#isWaiting = true;
        this._connection.whenReadable(() => {
          this.#isWaiting = false;
          this.#receive();
        }, () => this.#isRef);
        return;
      }
      this.bytesRead += bytes.length;
      this._active();
      this.#isReading = this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    }
  }

  _write(chunk, encoding, callback) {
    if (this.connecting) {
      this.#onceOpen = () => this._write(chunk, encoding, callback);
      return;
    }
    this.#send(chunk, 0, callback);
  }

  #send(bytes, from, callback) {
    let at = from;
    try {
      while (at < bytes.length) {
        if (this._connection === undefined) {
          throw Object.assign(new Error("write EPIPE"), { code: "EPIPE", errno: -32, syscall: "write" });
        }
        const taken = this._connection.write(at === 0 ? bytes : bytes.subarray(at));
        if (taken === 0) {
          this._connection.whenWritable(() => this.#send(bytes, at, callback));
          return;
        }
        at += taken;
        this._active();
      }
    } catch (error) {
      callback(error);
      return;
    }
    this._connection?.flush();
    this.#sent += bytes.length;
    callback();
  }

  _final(callback) {
    if (this.connecting) {
      this.#onceOpen = () => this._final(callback);
      return;
    }
    if (this._connection === undefined) {
      callback();
      return;
    }
    this._connection.whenFlushed(() => {
      this._connection?.end();
      callback();
    });
  }

  _destroy(error, callback) {
    this.connecting = false;
    this.setTimeout(0);
    this._connection?.close();
    this._connection = undefined;
    this.#onceOpen = undefined;
    callback(error);
    queueTick(() => this.emit("close", Boolean(error)));
  }

  // Hands the connection to another socket, which goes on with it.
  _release() {
    const connection = this._connection;
    this._connection = undefined;
    this.#isReading = this.#isWaiting = false;
    return connection;
  }

  // Takes a connection that is open.
  _take(connection) {
    this._connection = connection;
    this.#isWaiting = false;
  }

  _active() {
    if (this.#timer !== undefined) {
      this.#timer.refresh();
    }
  }

  setTimeout(milliseconds, callback) {
    this.timeout = milliseconds;
    this.#timer && clear(this.#timer);
    this.#timer = undefined;
    if (milliseconds > 0) {
      callback && this.once("timeout", callback);
      this.#timer = setTimeout(() => this.emit("timeout"), milliseconds).unref();
    } else if (callback) {
      this.off("timeout", callback);
    }
    return this;
  }

  // The host decides on the next two.
  setNoDelay() {
    return this;
  }

  setKeepAlive() {
    return this;
  }

  ref() {
    this.#isRef = true;
    return this;
  }

  // What waits for this socket alone waits for nothing.
  unref() {
    this.#isRef = false;
    return this;
  }

  destroySoon() {
    this.writable && this.end();
    this.writableFinished ? this.destroy() : this.once("finish", this.destroy);
  }

  resetAndDestroy() {
    return this.destroy();
  }

  address() {
    return this._connection?.local ?? {};
  }

  get pending() {
    return this._connection === undefined || this.connecting;
  }

  get readyState() {
    if (this.connecting) {
      return "opening";
    }
    const [reads, writes] = [this.readable, this.writable];
    return reads && writes ? "open" : reads ? "readOnly" : writes ? "writeOnly" : "closed";
  }

  get remoteAddress() {
    return this._connection?.remote?.address;
  }

  get remoteFamily() {
    return this._connection?.remote?.family;
  }

  get remotePort() {
    return this._connection?.remote?.port;
  }

  get localAddress() {
    return this._connection?.local?.address;
  }

  get localFamily() {
    return this._connection?.local?.family;
  }

  get localPort() {
    return this._connection?.local?.port;
  }

  get bytesWritten() {
    return this.#sent + this.writableLength;
  }

  get bufferSize() {
    return this.writableLength;
  }
}

function onEnd() {
  this.allowHalfOpen || this.destroySoon();
}

// Returns the options of `connect(options)`, `connect(port[, host])` and `connect(path)`.
export function optionsOf([first, second]) {
  if (typeof first === "object" && first !== null) {
    return first;
  }
  if (typeof first === "number" || (typeof first === "string" && /^\d+$/.test(first))) {
    return { port: first, ...(typeof second === "string" ? { host: second } : undefined) };
  }
  if (typeof first === "string") {
    return { path: first };
  }
  const error = new TypeError('The "options" or "port" or "path" argument must be specified');
  throw Object.assign(error, { code: "ERR_MISSING_ARGS" });
}

function portOf(port) {
  const number = Number(port);
  if (port === undefined || port === null || port === "" || !Number.isInteger(number) || number < 0 || number > 65535) {
    throw Object.assign(new RangeError(`Port should be >= 0 and < 65536. Received ${port}.`), { code: "ERR_SOCKET_BAD_PORT" });
  }
  return number;
}

export const unsupported = (what) =>
  Object.assign(new Error(`a guest has not what this asks for: ${what}`), { code: "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM" });
