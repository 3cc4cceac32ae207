import promises from "./timers-promises.js";

export { promises };
export const { clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } = globalThis;
export default { promises, clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout };
