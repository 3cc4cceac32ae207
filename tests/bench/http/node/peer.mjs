// The same app under Hono's own adapter for Lambda.

import { handle, streamHandle } from "hono/aws-lambda";

import app from "./app.mjs";

export const buffered = handle(app);
export const streamed = streamHandle(app);
