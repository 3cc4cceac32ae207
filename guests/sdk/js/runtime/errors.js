import { console } from "./console.js";
import { inspect } from "./inspect.js";
import { traced } from "./stack.js";

// Whatever was thrown, as the contract's record. Texts must be well-formed: half a surrogate pair would be a trap.
export function asHandlerError(thrown) {
  logCauses(thrown);
  return recordOf(thrown);
}

// The same, and nothing is logged.
export function recordOf(thrown) {
  const [errorType, errorMessage, stackTrace] = describe(thrown);
  return {
    errorType: errorType.toWellFormed(),
    errorMessage: errorMessage.toWellFormed(),
    stackTrace: stackTrace.map((line) => line.toWellFormed()),
  };
}

// An error of the SDK's own. It has no stack, since nothing in it is the user's.
export class HandlerError {
  constructor(type, message) {
    this.type = type;
    this.message = message;
  }
}

// Logs whatever was thrown, as the SDK's own errors have no form of their own.
export function logThrown(thrown) {
  try {
    console.error(thrown instanceof HandlerError ? `${thrown.type}: ${thrown.message}` : thrown);
  } catch {
    // Its getters throw.
  }
}

// What is behind an error has no place in the contract's record. It is logged as Node prints it.
function logCauses(thrown) {
  try {
    if (thrown instanceof Error && ("cause" in thrown || thrown instanceof AggregateError)) {
      console.error(thrown);
    }
  } catch {
    // Its getters throw.
  }
}

function describe(thrown) {
  try {
    if (thrown instanceof HandlerError) {
      return [thrown.type, thrown.message, []];
    }
    if (thrown instanceof Error) {
      return [String(thrown.name || "Error"), String(thrown.message), traced(thrown.stack)];
    }
    return [typeof thrown, typeof thrown === "string" ? thrown : inspect(thrown), []];
  } catch {
    // Its getters throw, too.
    return ["Error", "an error that can't be told", []];
  }
}
