// `node:console`.

import { console, consoleOf } from "../console.js";

// A console of one's own. What it writes is as it is, without a level.
export const Console = class Console {
  constructor(...values) {
    const isOptions = typeof values[0]?.write !== "function";
    const [stdout, stderr = stdout] = isOptions ? [values[0].stdout, values[0].stderr] : values;
    Object.assign(this, consoleOf((text) => stdout.write(text), (text) => stderr.write(text)));
  }
};

console.Console = Console;

export const { assert, count, countReset, debug, dir, dirxml, error, group, groupCollapsed, groupEnd, info, log, table, time, timeEnd, timeLog, trace, warn } = console;
export default console;
