// What the component exports. The handler's own file is not run here, where it would be run at build time, and what it
// reads (the clock, the environment, random numbers) would be frozen in the image: `init` runs it, once in each
// instance.

import "./globals.js";
import "guesthouse:web";
import "guesthouse:intl";
import { invoked } from "./invocation.js";
import { lifecycleOf } from "./lifecycle.js";
import { awaited } from "./loop.js";
import { asHandlerError, HandlerError } from "./errors.js";
import { Context } from "./context.js";
import { parse } from "./json.js";
import { setTraceId, startProcess } from "./process.js";
import { isStreaming, streamed } from "guesthouse:streaming";
import { load, missing } from "guesthouse:handler";

let handle;

export const lifecycle = lifecycleOf(start);

export const handler = {
  handle(text, wire) {
    try {
      // Hosts need not know of `lifecycle`.
      handle ?? start();
      setTraceId(wire.traceId);
      const event = eventOf(text);
      const context = new Context(wire);
      // What is returned beside a streamed response is not sent.
      return stringify(isStreaming(handle) ? streamed(handle, event, context) : invoked(handle, event, context));
    } catch (error) {
      throw asHandlerError(error);
    }
  },
};

function start() {
  startProcess();
  const found = awaited(load);
  if (typeof found !== "function") {
    throw new HandlerError("Runtime.HandlerNotFound", missing);
  }
  handle = found;
}

function eventOf(text) {
  try {
    return parse(text);
  } catch (error) {
    throw new HandlerError("InvalidEvent", `the event is not JSON: ${error.message}`);
  }
}

function stringify(response) {
  try {
    // A function and `undefined` have no JSON.
    return JSON.stringify(response) ?? "null";
  } catch (error) {
    throw new HandlerError("InvalidResponse", `the response can't be written as JSON: ${error.message}`);
  }
}
