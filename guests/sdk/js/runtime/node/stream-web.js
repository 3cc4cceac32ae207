import { CompressionStream, DecompressionStream } from "../web/compression.js";
import * as streams from "../web/streams.js";

export * from "../web/streams.js";
export { CompressionStream, DecompressionStream };
export default { ...streams, CompressionStream, DecompressionStream };
