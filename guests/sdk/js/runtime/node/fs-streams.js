// Streams over open files.

import { closeSync, openSync, readSync, writeSync } from "./fs-handles.js";
import { Buffer } from "./buffer.js";
import { FileHandle } from "./fs-file-handle.js";
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

FileHandle.prototype.createReadStream = function (options) {
  return closing(this, new ReadStream(undefined, { ...options, fd: this.fd }));
};
FileHandle.prototype.createWriteStream = function (options) {
  return closing(this, new WriteStream(undefined, { ...options, fd: this.fd }));
};

// The stream has closed the handle's file, whose number may be another's by now.
function closing(handle, stream) {
  const { _destroy } = stream;
  stream._destroy = (error, callback) => {
    handle.fd = -1;
    _destroy.call(stream, error, callback);
  };
  return stream;
}
