// This module looks names up by `wasi:sockets`: those that a rule for sockets has.

import instance from "wasj:sockets/instance-network@0.2.1";
import lookup from "wasj:sockets/ip-name-lookup@0.2.1";
import { ipOf } from "./ip.js";
import { stopWaiting, whenReady } from "./poll.js";
import { codeOf, failure } from "./socket-errors.js";

// Calls `onFound` with one address or more, or `onError`. Returns a function that gives up.
export function lookUp(name, onFound, onError) {
  const literal = ipOf(name);
  if (literal !== undefined) {
    onFound([literal]);
    return () => {};
  }
  const addresses = [];
  let names;
  let waiting;
  const stop = () => {
    waiting && stopWaiting(waiting);
    names?.[Symbol.dispose]();
    waiting = names = undefined;
  };
  const next = () => {
    waiting = undefined;
    try {
      for (let address; (address = names.resolveNextAddress() ?? undefined) !== undefined; ) {
        addresses.push(address);
      }
      if (addresses.length === 0) {
        throw { payload: "name-unresolvable" };
      }
    } catch (error) {
      if (codeOf(error) === "would-block") {
        waiting = whenReady(names.subscribe(), next);
      } else {
        stop();
        onError(failure(error, "getaddrinfo", name));
      }
      return;
    }
    stop();
    onFound(addresses);
  };
  try {
    names = withNetwork((network) => lookup.resolveAddresses(network, name));
  } catch (error) {
    onError(failure(error, "getaddrinfo", name));
    return () => {};
  }
  next();
  return stop;
}

export function withNetwork(use) {
  const network = instance.instanceNetwork();
  try {
    return use(network);
  } finally {
    network[Symbol.dispose]();
  }
}
