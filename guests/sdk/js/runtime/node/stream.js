// `node:stream`: the package `readable-stream`, which is Node's own code, and the ways to and from the streams of the web.

import streams from "readable-stream/lib/stream.js";
import { fromReadable, fromWritable, toReadable, toWritable } from "./stream-adapters.js";

export const { Duplex, PassThrough, Readable, Stream, Transform, Writable } = streams;
export const { addAbortSignal, compose, destroy, finished, pipeline, promises } = streams;
export const { getDefaultHighWaterMark, setDefaultHighWaterMark } = streams;
export const { isDestroyed, isDisturbed, isErrored, isReadable, isWritable } = streams;

Readable.fromWeb = (stream, options) => fromReadable(Readable, stream, options);
Readable.toWeb = (stream) => toReadable(stream);
Writable.fromWeb = (stream, options) => fromWritable(Writable, stream, options);
Writable.toWeb = (stream) => toWritable(stream);
Duplex.fromWeb = ({ readable, writable }, options) =>
  Duplex.from({ readable: Readable.fromWeb(readable, options), writable: Writable.fromWeb(writable, options) });
Duplex.toWeb = (stream) => ({ readable: toReadable(stream), writable: toWritable(stream) });

export default streams;
