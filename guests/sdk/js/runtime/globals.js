// The globals that Node has and the engine has not, or has in a form that can't be used here. All of this runs at build
// time and is frozen in the image, so nothing here may ask for the time, the environment or a random number.

import "./async.js";
import "./call-sites.js";
import { console } from "./console.js";
import { clear, queueMicrotask, setImmediate, setInterval, setTimeout } from "./loop.js";
import { performance, process } from "./process.js";
import { OurPromise } from "./promise.js";
import { crypto, random } from "./random.js";
import { structuredClone } from "./clone.js";
import { TextDecoder, TextEncoder } from "./text.js";

const globals = {
  console,
  crypto,
  global: globalThis,
  performance,
  process,
  Promise: OurPromise,
  queueMicrotask,
  setImmediate,
  setInterval,
  setTimeout,
  clearImmediate: clear,
  clearInterval: clear,
  clearTimeout: clear,
  structuredClone,
  TextDecoder,
  TextEncoder,
  // The engine would queue its calls with the jobs that nothing runs. A registry may never call.
  FinalizationRegistry: class FinalizationRegistry {
    register() {}
    unregister() {
      return false;
    }
  },
};

for (const [name, value] of Object.entries(globals)) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
}

// The engine's own generator has its state in the image: all instances would draw the same numbers.
Math.random = random;

// These return the engine's own promises.
Array.fromAsync = async (items, map, self) => {
  const array = [];
  for await (const item of items[Symbol.asyncIterator] || items[Symbol.iterator] ? items : Array.from(items)) {
    array.push(map ? await map.call(self, item, array.length) : item);
  }
  return array;
};
delete globalThis.AsyncDisposableStack;
// The tool's own.
delete globalThis.wit;
