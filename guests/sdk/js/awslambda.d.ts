// The global `awslambda`, by which handlers of events stream their responses: `"types": ["node", "guesthouse/awslambda"]`
// in tsconfig.json. The package `@types/aws-lambda` has it, too: who has that needs no more.

import type { Writable } from "node:stream";
import type { Context } from "guesthouse";

/** A handler that streams its response. It ends the stream; what it returns is not sent. */
export type StreamingHandler<Event = any> = (
  event: Event,
  responseStream: awslambda.HttpResponseStream,
  context: Omit<Context, "done" | "fail" | "succeed">,
) => Promise<void>;

declare global {
  namespace awslambda {
    class HttpResponseStream extends Writable {
      /** Has the response begin with a status, headers and cookies. */
      static from(responseStream: Writable, prelude: Prelude): HttpResponseStream;
      /** Sets the media type, before anything is written; `application/octet-stream` if nobody does. */
      setContentType(contentType: string): void;
    }

    /** What stands before the body of an HTTP response. */
    interface Prelude {
      statusCode?: number;
      headers?: Record<string, string>;
      /** The values of `set-cookie`. */
      cookies?: string[];
      [name: string]: unknown;
    }

    /** Marks a handler as one that streams its response. */
    function streamifyResponse<Event = any>(handler: StreamingHandler<Event>, options?: { highWaterMark?: number }): StreamingHandler<Event>;
  }
}
