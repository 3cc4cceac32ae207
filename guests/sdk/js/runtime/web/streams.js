// The Streams Standard, by `web-streams-polyfill`, and the streams of texts and of compression.

import { TransformStream } from "web-streams-polyfill";

export {
  ByteLengthQueuingStrategy,
  CountQueuingStrategy,
  ReadableByteStreamController,
  ReadableStream,
  ReadableStreamBYOBReader,
  ReadableStreamDefaultController,
  ReadableStreamDefaultReader,
  TransformStream,
  TransformStreamDefaultController,
  WritableStream,
  WritableStreamDefaultController,
  WritableStreamDefaultWriter,
} from "web-streams-polyfill";

export const TextDecoderStream = class TextDecoderStream extends TransformStream {
  constructor(label, options) {
    const decoder = new TextDecoder(label, options);
    const enqueue = (controller, text) => text !== "" && controller.enqueue(text);
    super({
      transform: (chunk, controller) => enqueue(controller, decoder.decode(chunk, { stream: true })),
      flush: (controller) => enqueue(controller, decoder.decode()),
    });
    Object.assign(this, { encoding: decoder.encoding, fatal: decoder.fatal, ignoreBOM: decoder.ignoreBOM });
  }
};

export const TextEncoderStream = class TextEncoderStream extends TransformStream {
  encoding = "utf-8";

  constructor() {
    const encoder = new TextEncoder();
    let high = ""; // half a pair at a chunk's end
    super({
      transform(chunk, controller) {
        const text = high + chunk;
        high = /[\ud800-\udbff]$/.test(text) ? text.at(-1) : "";
        const whole = high === "" ? text : text.slice(0, -1);
        whole !== "" && controller.enqueue(encoder.encode(whole));
      },
      flush: (controller) => high !== "" && controller.enqueue(encoder.encode(high)),
    });
  }
};
