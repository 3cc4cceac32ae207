import { Readable, Writable } from "./stream.js";

export const isatty = () => false;
export const ReadStream = class ReadStream extends Readable {};
export const WriteStream = class WriteStream extends Writable {};
export default { isatty, ReadStream, WriteStream };
