// This module waits for WASI's pollables, beside the timers of the event loop.

import clock from "wasj:clocks/monotonic-clock@0.2.1";
import poll from "wasj:io/poll@0.2.1";
import { bound } from "../jobs.js";
import { pollBy } from "../loop.js";

const waiting = []; // entries { pollable, call, isRef }

// Calls a function when a pollable is ready, in a turn of the loop. Returns what to give to `stopWaiting`. `isRef` tells
// whether it is worth waiting for, where nothing else is left to do.
export function whenReady(pollable, call, isRef = () => true) {
  const entry = { pollable, call: bound(call), isRef };
  waiting.push(entry);
  return entry;
}

// Stops to wait. A pollable must be dropped before what it belongs to, so callers use this before they drop that.
export function stopWaiting(entry) {
  const at = waiting.indexOf(entry);
  if (at >= 0) {
    waiting.splice(at, 1);
    entry.pollable[Symbol.dispose]();
  }
}

pollBy({
  isWaiting: (isLast) => (isLast ? waiting.some(({ isRef }) => isRef()) : waiting.length > 0),

  // Waits until something is ready, or for so many nanoseconds at most. Returns what is to be called.
  wait(most) {
    if (most === undefined && waiting.length === 1) {
      waiting[0].pollable.block();
      return [taken(waiting.pop())];
    }
    const pollables = waiting.map(({ pollable }) => pollable);
    const timer = most === undefined ? undefined : clock.subscribeDuration(most);
    if (timer) {
      pollables.push(timer);
    }
    const ready = Array.from(poll.poll(pollables), (i) => waiting[i]).filter((entry) => entry !== undefined);
    timer?.[Symbol.dispose]();
    for (const entry of ready) {
      waiting.splice(waiting.indexOf(entry), 1);
    }
    return ready.map(taken);
  },
});

function taken({ pollable, call }) {
  pollable[Symbol.dispose]();
  return call;
}
