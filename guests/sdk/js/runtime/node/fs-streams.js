// Streams over open files, and `FileHandle`.

import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "./fs-handles.js";
import { Buffer } from "./buffer.js";
import { Readable, Writable } from "./stream.js";

const CHUNK = 65536;

export class ReadStream extends Readable {
  constructor(path, options = {}) {
    const { start, end = Infinity, fd, flags = "r", autoClose = true, highWaterMark = CHUNK, ...rest } = optionsOf(options);
    super({ ...rest, highWaterMark, autoDestroy: autoClose });
    Object.assign(this, { path, flags, fd: fd?.fd ?? fd ?? null, bytesRead: 0, pending: true });
    this.position = start;
    this.end = end;
  }

  _construct(callback) {
    opened(this, callback);
  }

  _read(size) {
    try {
      const left = this.end - (this.position ?? this.bytesRead) + 1;
      const buffer = Buffer.alloc(Math.max(0, Math.min(size, CHUNK, left)));
      const length = buffer.length === 0 ? 0 : readSync(this.fd, buffer, 0, buffer.length, this.position);
      this.position !== undefined && (this.position += length);
      this.bytesRead += length;
      this.push(length === 0 ? null : buffer.subarray(0, length));
    } catch (error) {
      this.destroy(error);
    }
  }

  _destroy(error, callback) {
    closed(this, error, callback);
  }

  close(callback) {
    callback && this.once("close", callback);
    this.destroy();
  }
}

export class WriteStream extends Writable {
  constructor(path, options = {}) {
    const { start, fd, flags = "w", autoClose = true, encoding, ...rest } = optionsOf(options);
    super({ ...rest, decodeStrings: true, defaultEncoding: encoding ?? "utf8", autoDestroy: autoClose });
    Object.assign(this, { path, flags, fd: fd?.fd ?? fd ?? null, bytesWritten: 0, pending: true, position: start });
  }

  _construct(callback) {
    opened(this, callback);
  }

  _write(chunk, encoding, callback) {
    try {
      writeSync(this.fd, chunk, 0, chunk.length, this.position);
      this.position !== undefined && (this.position += chunk.length);
      this.bytesWritten += chunk.length;
      callback();
    } catch (error) {
      callback(error);
    }
  }

  _destroy(error, callback) {
    closed(this, error, callback);
  }

  close(callback) {
    callback && (this.writableFinished ? callback() : this.once("close", callback));
    this.end();
  }
}

function opened(stream, callback) {
  try {
    stream.fd ??= openSync(stream.path, stream.flags);
    stream.pending = false;
    callback();
    stream.emit("open", stream.fd);
    stream.emit("ready");
  } catch (error) {
    callback(error);
  }
}

function closed(stream, error, callback) {
  try {
    stream.fd > 2 && closeSync(stream.fd);
    stream.fd = null;
    callback(error);
  } catch (failure) {
    callback(error ?? failure);
  }
}

const optionsOf = (options) => (typeof options === "string" ? { encoding: options } : (options ?? {}));

export const createReadStream = (path, options) => new ReadStream(path, options);
export const createWriteStream = (path, options) => new WriteStream(path, options);

// What `fs.promises.open` returns.
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
    const { encoding } = optionsOf(options);
    const buffer = Buffer.alloc(fstatSync(this.fd).size);
    const bytes = buffer.subarray(0, readSync(this.fd, buffer, 0, buffer.length, 0));
    return encoding ? bytes.toString(encoding) : bytes;
  }

  async writeFile(data, options) {
    writeSync(this.fd, typeof data === "string" ? Buffer.from(data, optionsOf(options).encoding) : data);
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

  createReadStream(options) {
    return new ReadStream(undefined, { ...options, fd: this.fd });
  }

  createWriteStream(options) {
    return new WriteStream(undefined, { ...options, fd: this.fd });
  }

  async [Symbol.asyncDispose]() {
    await this.close();
  }
}
