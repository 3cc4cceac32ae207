// `node:perf_hooks`, and the rest of the global `performance`.

import { performance } from "../process.js";

export { performance };
export const constants = {};
// Nothing is observed.
export const PerformanceObserver = class PerformanceObserver {
  static supportedEntryTypes = [];
  observe() {}
  disconnect() {}
  takeRecords() {
    return [];
  }
};
export const monitorEventLoopDelay = () => ({ enable: () => true, disable: () => true, reset() {}, min: 0, max: 0, mean: 0, stddev: 0, percentile: () => 0 });
export default { PerformanceObserver, constants, monitorEventLoopDelay, performance };
