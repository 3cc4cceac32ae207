// `http.createServer`: a server that nothing reaches, for programs that make one and give it requests themselves.

import EventEmitter from "../events.js";

export class Server extends EventEmitter {
  headersTimeout = 60000;
  keepAliveTimeout = 5000;
  listening = false;
  maxHeadersCount = null;
  requestTimeout = 300000;
  timeout = 0;

  constructor(options, listener) {
    super();
    const onRequest = typeof options === "function" ? options : listener;
    onRequest && this.on("request", onRequest);
  }

  listen() {
    const message = "a guest can't listen: Lambda calls its handler. Give the event to the program with `serverless-http`, or export a handler";
    throw Object.assign(new Error(message), { code: "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM" });
  }

  address() {
    return null;
  }

  close(callback) {
    callback?.(Object.assign(new Error("Server is not running."), { code: "ERR_SERVER_NOT_RUNNING" }));
    return this;
  }

  closeAllConnections() {}

  closeIdleConnections() {}

  setTimeout() {
    return this;
  }

  ref() {
    return this;
  }

  unref() {
    return this;
  }
}

export const createServer = (options, listener) => new Server(options, listener);
