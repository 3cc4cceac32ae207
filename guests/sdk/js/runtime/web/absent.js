// Globals of Node that a guest has nothing behind. Packages ask whether something is an instance of one.

import { absent } from "../node/absent.js";

const NAMES = ["BroadcastChannel", "EventSource", "MessageChannel", "MessageEvent", "MessagePort", "WebSocket"];

export const absentGlobals = Object.fromEntries(NAMES.map((name) => [name, absent("worker_threads", name)]));
