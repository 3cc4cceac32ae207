// `node:tls`, in a guest that opens sockets: the host speaks TLS, and always checks the server's certificate.

import { isIP } from "../net/ip.js";
import { optionsOf, Socket, unsupported } from "./net/socket.js";

// A socket that speaks TLS: of its own, or over another one.
export class TLSSocket extends Socket {
  encrypted = true;
  authorized = false;
  authorizationError = null;
  alpnProtocol = false;
  servername = false;
  #options;

  constructor(socket, options = {}) {
    super(options);
    this.#options = options;
    if (socket && !(socket instanceof Socket)) {
      throw unsupported("TLS over a stream that is no socket");
    }
    if (socket) {
      this._parent = socket;
      this.connecting = true;
      socket.on("error", (error) => this.destroy(error));
      socket.once("close", () => this.destroy(this.connecting ? disconnected() : undefined));
      socket.connecting ? socket.once("connect", () => this.#takeOver(socket)) : this.#takeOver(socket);
    }
  }

  #takeOver(socket) {
    const connection = socket._release();
    if (connection === undefined) {
      this.destroy(disconnected());
      return;
    }
    this._host = socket._host;
    this.once("close", () => socket.destroy());
    this._take(connection);
    this.#secure();
  }

  _opened() {
    this._active();
    this.emit("connect");
    this.destroyed || this.#secure();
  }

  #secure() {
    const { servername, host } = this.#options;
    const name = servername || host || this._host || "localhost";
    this.servername = isIP(name) ? false : name;
    this._connection.startTls(name, () => {
      this.connecting = false;
      this.authorized = true;
      this._active();
      this._host === null || this._parent || this.emit("ready");
      this.emit("secure");
      this.emit("secureConnect");
      this.destroyed || this._start();
    }, (error) => this.destroy(error));
  }

  // The host keeps these to itself.
  getPeerCertificate() {
    return {};
  }

  getCertificate() {
    return {};
  }

  getCipher() {
    return {};
  }

  getProtocol() {
    return null;
  }

  getSession() {
    return undefined;
  }

  getTLSTicket() {
    return undefined;
  }

  getFinished() {
    return undefined;
  }

  isSessionReused() {
    return false;
  }

  setServername(name) {
    this.#options = { ...this.#options, servername: name };
  }

  setSession() {}

  setMaxSendFragment() {
    return true;
  }

  disableRenegotiation() {}
}

const disconnected = () =>
  Object.assign(new Error("Client network socket disconnected before secure TLS connection was established"), { code: "ECONNRESET" });

// `connect(options[, callback])`, `connect(port[, host][, options][, callback])`.
export function connect(...values) {
  const callback = typeof values.at(-1) === "function" ? values.pop() : undefined;
  const more = values.length > 1 && typeof values.at(-1) === "object" ? values.pop() : {};
  const options = { ...optionsOf(values), ...more };
  const socket = new TLSSocket(options.socket, options);
  callback && socket.once("secureConnect", callback);
  options.timeout && socket.setTimeout(options.timeout);
  return options.socket ? socket : socket.connect(options);
}

// Certificates and keys in it are not used: the host has those of its machine.
export const createSecureContext = (options = {}) => ({ context: {}, ...options });

// The host checks the name.
export const checkServerIdentity = () => undefined;
export const getCiphers = () => ["tls_aes_128_gcm_sha256", "tls_aes_256_gcm_sha384", "tls_chacha20_poly1305_sha256"];
export const rootCertificates = Object.freeze([]);

export default { TLSSocket, checkServerIdentity, connect, createSecureContext, getCiphers, rootCertificates };
