// What `fs.promises.open` returns.

import { Buffer } from "./buffer.js";
import { closeSync, fstatSync, ftruncateSync, readSync, writeSync } from "./fs-handles.js";

export class FileHandle {
  constructor(fd) {
    this.fd = fd;
  }

  async read(buffer = Buffer.alloc(16384), ...range) {
    if (!ArrayBuffer.isView(buffer)) {
      return this.read(buffer.buffer, buffer);
    }
    return { bytesRead: readSync(this.fd, buffer, ...range), buffer };
  }

  async write(buffer, ...range) {
    return { bytesWritten: writeSync(this.fd, buffer, ...range), buffer };
  }

  async readFile(options) {
    const encoding = encodingOf(options);
    const buffer = Buffer.alloc(fstatSync(this.fd).size);
    const bytes = buffer.subarray(0, readSync(this.fd, buffer, 0, buffer.length, 0));
    return encoding ? bytes.toString(encoding) : bytes;
  }

  async writeFile(data, options) {
    writeSync(this.fd, typeof data === "string" ? Buffer.from(data, encodingOf(options)) : data);
  }

  async appendFile(data, options) {
    await this.writeFile(data, options);
  }

  async stat() {
    return fstatSync(this.fd);
  }

  async truncate(length) {
    ftruncateSync(this.fd, length);
  }

  async sync() {}

  async datasync() {}

  async close() {
    this.fd > 2 && closeSync(this.fd);
    this.fd = -1;
  }

  // `fs-streams.js` has these, which most programs do without.
  createReadStream() {
    throw withoutStreams("createReadStream");
  }

  createWriteStream() {
    throw withoutStreams("createWriteStream");
  }

  async [Symbol.asyncDispose]() {
    await this.close();
  }
}

const withoutStreams = (name) => new Error(`the guest has no streams of files: import \`${name}\` of \`node:fs\`, too`);
const encodingOf = (options) => (typeof options === "string" ? options : options?.encoding);
