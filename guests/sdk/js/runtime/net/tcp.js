// This module opens connections by `wasi:sockets`, and has the host speak TLS over them by `wasi:tls`. `node:net` and
// `node:tls` are built on it.

import creation from "wasj:sockets/tcp-create-socket@0.2.1";
import tls from "wasj:tls/types@0.2.0-draft";
import { textOf } from "./ip.js";
import { lookUp, withNetwork } from "./lookup.js";
import { coded, codeOf, failure } from "./socket-errors.js";
import { stopWaiting, whenReady } from "./poll.js";
import { unwrapped } from "./result.js";

const CHUNK = 65536;

// All that are open, so that the engine does not drop their parts in an order of its own: the host takes a stream only
// before its socket.
const open = new Set();

// Makes a connection to a name or an address. Calls `onOpen`, or `onError` with an error of `failure`.
export class Connection {
  remote; // `{ address, family, port }`
  local;
  #stopLookup; // while the name is looked up
  #handshake; // while it is made
  #socket;
  #input;
  #output;
  #secured;
  #waiting = new Set();

  constructor({ host, port }, { onLookup, onOpen, onError }) {
    open.add(this);
    // Not from within the call that connects.
    queueMicrotask(() => {
      if (!open.has(this)) {
        return;
      }
      this.#stopLookup = lookUp(host, (addresses) => {
        this.#stopLookup = undefined;
        onLookup(addresses);
        if (!open.has(this)) {
          return;
        }
        this.#connect(addresses, port, onOpen, onError);
      }, (error) => {
        this.close();
        onError(error);
      });
    });
  }

  // Tries one address after the other.
  #connect([address, ...others], port, onOpen, onError) {
    const fail = (error) => {
      this.#drop();
      if (others.length > 0) {
        this.#connect(others, port, onOpen, onError);
        return;
      }
      this.close();
      onError(failure(error, "connect", textOf(address), port));
    };
    try {
      this.#socket = creation.createTcpSocket(address.tag);
      const rest = address.tag === "ipv4" ? {} : { flowInfo: 0, scopeId: 0 };
      const remote = { tag: address.tag, val: { port, address: address.val, ...rest } };
      withNetwork((network) => this.#socket.startConnect(network, remote));
    } catch (error) {
      fail(error);
      return;
    }
    this.#untilDone(this.#socket, () => {
      [this.#input, this.#output] = this.#socket.finishConnect();
    }, () => {
      this.remote = endOf({ tag: address.tag, val: { port, address: address.val } });
      this.local = endOf(this.#socket.localAddress());
      onOpen();
    }, fail);
  }

  // Has the host speak TLS from now on, and check that the server has a certificate for this name.
  startTls(name, onSecure, onError) {
    if (this.#secured !== undefined) {
      onError(new Error("TLS inside of TLS is not supported in a guest"));
      return;
    }
    this.#stopWaiting();
    // The handshake takes the streams.
    const [input, output] = [this.#input, this.#output];
    this.#input = this.#output = undefined;
    const fail = (error) => {
      this.close();
      onError(handshakeFailure(error));
    };
    try {
      this.#handshake = tls.ClientHandshake.finish(new tls.ClientHandshake(name, input, output));
    } catch (error) {
      fail(error);
      return;
    }
    this.#untilDone(this.#handshake, () => {
      const result = this.#handshake.get() ?? undefined;
      if (result === undefined) {
        throw { payload: "would-block" };
      }
      [this.#secured, this.#input, this.#output] = unwrapped(unwrapped(result));
    }, () => {
      this.#handshake[Symbol.dispose]();
      this.#handshake = undefined;
      onSecure();
    }, fail);
  }

  // Returns the next bytes, none if they have not come, or null at the end. Throws what broke the connection.
  read() {
    try {
      return this.#input === undefined ? null : this.#input.read(CHUNK);
    } catch (error) {
      const broken = streamFailure(error, "read");
      if (broken !== undefined) {
        throw broken;
      }
      return null;
    }
  }

  // Writes what the host takes now, and returns how many bytes these are.
  write(bytes) {
    try {
      const room = this.#output === undefined ? undefined : Number(this.#output.checkWrite());
      if (room === undefined) {
        throw { payload: "closed" };
      }
      const taken = Math.min(room, bytes.length);
      if (taken > 0) {
        this.#output.write(taken === bytes.length ? bytes : bytes.subarray(0, taken));
      }
      return taken;
    } catch (error) {
      throw streamFailure(error, "write") ?? coded("EPIPE", "write EPIPE", { syscall: "write" });
    }
  }

  // Has the host send what it took.
  flush() {
    try {
      this.#output?.flush();
    } catch (error) {
      // Who reads or writes next is told.
      streamFailure(error);
    }
  }

  // Calls once the host has sent what it took, or can't: what it still holds is lost when the connection is closed.
  whenFlushed(call) {
    let isSent;
    try {
      isSent = this.#output === undefined || this.#output.checkWrite() > 0;
    } catch (error) {
      streamFailure(error);
      isSent = true;
    }
    isSent ? call() : this.whenWritable(() => this.whenFlushed(call));
  }

  // Tells the other side that nothing more comes.
  end() {
    try {
      this.#secured === undefined ? this.#socket?.shutdown("send") : this.#secured.closeOutput();
    } catch {
      // The other side has gone already.
    }
  }

  whenReadable(call, isRef) {
    return this.#wait(this.#input.subscribe(), call, isRef);
  }

  whenWritable(call) {
    return this.#wait(this.#output.subscribe(), call);
  }

  close() {
    open.delete(this);
    this.#stopWaiting();
    this.#stopLookup?.();
    this.#drop();
  }

  #drop() {
    // Streams come before what they are parts of.
    for (const part of [this.#handshake, this.#input, this.#output, this.#secured, this.#socket]) {
      part?.[Symbol.dispose]();
    }
    this.#handshake = this.#input = this.#output = this.#secured = this.#socket = undefined;
  }

  #wait(pollable, call, isRef) {
    const entry = whenReady(pollable, () => {
      this.#waiting.delete(entry);
      call();
    }, isRef);
    this.#waiting.add(entry);
    return entry;
  }

  #stopWaiting() {
    this.#waiting.forEach(stopWaiting);
    this.#waiting.clear();
  }

  // Calls until that does not throw `would-block`, then `done`, or `fail` with what else was thrown.
  #untilDone(resource, call, done, fail) {
    try {
      call();
    } catch (error) {
      if (codeOf(error) === "would-block") {
        this.#wait(resource.subscribe(), () => open.has(this) && this.#untilDone(resource, call, done, fail));
      } else {
        fail(error);
      }
      return;
    }
    done();
  }
}

const endOf = ({ tag, val }) => ({ address: textOf({ tag, val: val.address }), family: tag === "ipv4" ? "IPv4" : "IPv6", port: val.port });

// Makes Node's error of what ended a handshake.
function handshakeFailure(thrown) {
  if (thrown?.payload === undefined) {
    return thrown;
  }
  const said = taken(thrown.payload);
  return /certificate/i.test(said)
    ? coded("UNABLE_TO_VERIFY_LEAF_SIGNATURE", `unable to verify the certificate: ${said}`)
    : coded("EPROTO", said);
}

// Returns what broke a stream, or undefined where it only ended, and lets go of the host's error.
function streamFailure(thrown, syscall) {
  if (thrown?.payload === undefined) {
    return thrown;
  }
  if (codeOf(thrown) === "closed") {
    return undefined;
  }
  taken(thrown.payload.val);
  return coded("ECONNRESET", `${syscall} ECONNRESET`, { errno: -104, syscall });
}

// Returns what an error of the host says, and lets go of it.
function taken(error) {
  const said = String(error?.toDebugString?.() ?? error);
  error?.[Symbol.dispose]?.();
  return said;
}
