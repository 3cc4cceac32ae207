// `CompressionStream` and `DecompressionStream`, by fflate.

import { Deflate, Gzip, Zlib } from "fflate";
import { bytesOf } from "./bytes.js";
import { decoders } from "./decompress.js";
import { TransformStream } from "./streams.js";

const encoders = { gzip: Gzip, deflate: Zlib, "deflate-raw": Deflate };

function streamOf(coders) {
  return class extends TransformStream {
    constructor(format) {
      if (!Object.hasOwn(coders, format)) {
        throw new TypeError(`Unsupported compression format: '${format}'`);
      }
      const coder = new coders[format]();
      super({
        start: (controller) => (coder.ondata = (chunk) => chunk.length > 0 && controller.enqueue(chunk)),
        transform: (chunk) => coder.push(bytesOf(chunk).slice(), false),
        flush: () => coder.push(new Uint8Array(0), true),
      });
    }
  };
}

export const CompressionStream = streamOf(encoders);
export const DecompressionStream = streamOf(decoders);
