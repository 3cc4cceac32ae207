// The globals of the web, in the guests whose code names one of them: `globals` in `web.js`.

import { Buffer } from "../node/buffer.js";
import { URL, URLSearchParams } from "../node/url.js";
import { absentGlobals } from "./absent.js";
import { AbortController, AbortSignal } from "./abort.js";
import { Blob, File } from "./blob.js";
import { CompressionStream, DecompressionStream } from "./compression.js";
import { CustomEvent, Event, EventTarget } from "./events.js";
import { fetch } from "./fetch.js";
import { FormData } from "./form.js";
import { Headers } from "./headers.js";
import { Request } from "./request.js";
import { Response } from "./response.js";
import * as streams from "./streams.js";
import { CryptoKey, subtle } from "./subtle.js";

const globals = {
  ...absentGlobals,
  AbortController,
  AbortSignal,
  Blob,
  // Packages ask the global object for this one and for `URL`, too. In other guests they are only what code names.
  Buffer,
  CompressionStream,
  CryptoKey,
  CustomEvent,
  DecompressionStream,
  Event,
  EventTarget,
  fetch,
  File,
  FormData,
  Headers,
  navigator: { userAgent: "guesthouse", hardwareConcurrency: 1, language: "en-US", platform: "linux" },
  Request,
  Response,
  ...streams,
  URL,
  URLSearchParams,
};

for (const [name, value] of Object.entries(globals)) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
}
Object.defineProperty(crypto, "subtle", { value: subtle, configurable: true });
