// What the component of a handler of HTTP requests exports. `guest.js` says why the handler's file is not run here.

import "./globals.js";
import "guesthouse:web";
import "guesthouse:intl";
import { HandlerError, logThrown } from "./errors.js";
import { lifecycleOf } from "./lifecycle.js";
import { awaited, forgetRequest, rememberRequest } from "./loop.js";
import { giveUpAll } from "./net/http.js";
import { startProcess, setTraceId } from "./process.js";
import { ExecutionContext } from "./serve/execution.js";
import { Received } from "./serve/request.js";
import { refuse, respond } from "./serve/response.js";
import { loadMethod, missing } from "guesthouse:handler";

let fetch;

export const lifecycle = lifecycleOf(start);

export const incomingHandler = {
  // Responds to one request. Hosts may call it again: nothing of a request goes on in the next one.
  handle(incoming, out) {
    rememberRequest();
    const received = new Received(incoming);
    const execution = new ExecutionContext(received);
    try {
      respondTo(received, execution, out);
      finish(execution);
    } finally {
      received.close();
      giveUpAll();
      forgetRequest();
    }
  },
};

function respondTo(received, execution, out) {
  let response;
  try {
    // Not all hosts know of `lifecycle`.
    fetch ?? start();
    setTraceId(received.traceId);
    response = awaited(() => fetch(received.request, process.env, execution));
  } catch (error) {
    refuse(out, error);
    return;
  }
  respond(out, response, received);
}

// Does what was handed to `waitUntil`. What fails in it is only told of.
function finish(execution) {
  while (execution.isBusy) {
    try {
      awaited(() => execution.finished());
      return;
    } catch (error) {
      logThrown(error);
      if (error instanceof HandlerError && error.type === "Runtime.NeverSettled") {
        return;
      }
    }
  }
}

function start() {
  startProcess();
  const found = awaited(loadMethod);
  if (found === undefined) {
    throw new HandlerError("Runtime.HandlerNotFound", missing);
  }
  fetch = found;
}
