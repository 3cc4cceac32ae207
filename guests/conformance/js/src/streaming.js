// Streams responses as the tests ask.

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

export const handler = awslambda.streamifyResponse(async (event, response, context) => behaviours[event.do](event, response, context));

const behaviours = {
  __proto__: null,

  // A text of this type.
  text: ({ type, text }, response) => {
    type && response.setContentType(type);
    response.write(text);
    response.end();
  },

  // So many pieces of so many bytes each, with a pause before each.
  pieces: async ({ pieces, bytes, ms }, response) => {
    async function* all() {
      for (let i = 0; i < pieces; i++) {
        await new Promise((resolve) => setTimeout(resolve, ms ?? 0));
        yield Buffer.alloc(bytes ?? 1, "a");
      }
    }
    await pipeline(Readable.from(all()), response);
  },

  // An HTTP response, with a body or none.
  http: ({ prelude, body }, response) => {
    const http = awslambda.HttpResponseStream.from(response, prelude);
    http.end(body);
  },

  json: (event, response) => {
    response.write(event);
    response.end();
  },

  "fail before": () => {
    throw Object.assign(new Error("no such order"), { name: "OrderNotFound" });
  },

  "fail after": (event, response) => {
    response.write("begun");
    throw Object.assign(new Error("the rest is lost"), { name: "OrderNotFound" });
  },

  // Sets the type when it is too late.
  late: (event, response) => {
    response.write("begun");
    response.setContentType("text/plain");
  },

  // Returns without an end.
  unfinished: (event, response) => void response.write("begun"),

  // Ends after the handler has returned.
  later: (event, response) => void setTimeout(() => response.end("later"), 5),

  break: (event, response) => {
    response.write("begun");
    response.destroy(new RangeError("broken"));
  },

  context: (event, response, { awsRequestId }) => void response.end(awsRequestId),
};
