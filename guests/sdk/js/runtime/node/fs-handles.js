// Open files by number, as `fs.openSync` returns them. 1 and 2 are the standard streams.

import { writeErr, writeOut } from "../console.js";
import { Buffer } from "./buffer.js";
import { bytesOf, open, Stats } from "./fs-sync.js";
import { attempt, close, failure } from "./fs-wasi.js";

// Numbers of files begin after those of the standard streams.
const FIRST = 3;

const handles = []; // entries { path, file, position, isAppending }

export function openSync(path, flags = "r") {
  const at = handles.findIndex((handle) => handle === undefined);
  const fd = at < 0 ? handles.length : at;
  handles[fd] = { ...open("open", path, flags), position: 0 };
  return fd + FIRST;
}

export function closeSync(fd) {
  close(handleOf(fd, "close").file);
  handles[fd - FIRST] = undefined;
}

export function readSync(fd, buffer, ...range) {
  const handle = handleOf(fd, "read");
  const { offset = 0, length = buffer.byteLength - offset, position } = rangeOf(range);
  const from = typeof position === "number" && position >= 0 ? position : handle.position;
  const [bytes] = attempt("read", handle.path, () => handle.file.read(length, from));
  new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength).set(bytes, offset);
  from === position || (handle.position += bytes.length);
  return bytes.length;
}

export function writeSync(fd, data, ...range) {
  if (typeof data === "string") {
    const [position, encoding] = range;
    return writeBytes(fd, bytesOf(data, encoding), position);
  }
  const { offset = 0, length, position } = rangeOf(range);
  const bytes = bytesOf(data);
  return writeBytes(fd, bytes.subarray(offset, length === undefined ? undefined : offset + length), position);
}

export function writevSync(fd, list, position) {
  return writeSync(fd, Buffer.concat(list), 0, undefined, position);
}

export function fstatSync(fd) {
  const { file, path } = handleOf(fd, "fstat");
  return new Stats(attempt("fstat", path, () => file.stat()));
}

export function ftruncateSync(fd, length = 0) {
  const { file, path } = handleOf(fd, "ftruncate");
  attempt("ftruncate", path, () => file.setSize(length));
}

export function fsyncSync(fd) {
  fd === 1 || fd === 2 || handleOf(fd, "fsync");
}

export const fdatasyncSync = fsyncSync;

function writeBytes(fd, bytes, position) {
  if (fd === 1 || fd === 2) {
    (fd === 1 ? writeOut : writeErr)(bytes);
    return bytes.length;
  }
  const handle = handleOf(fd, "write");
  const at = handle.isAppending ? attempt("write", handle.path, () => handle.file.stat()).size : typeof position === "number" ? position : handle.position;
  for (let i = 0; i < bytes.length; ) {
    i += attempt("write", handle.path, () => handle.file.write(bytes.subarray(i), at + i));
  }
  at === position || (handle.position = at + bytes.length);
  return bytes.length;
}

// Either `offset, length, position`, or one object with these.
function rangeOf([first, length, position]) {
  return typeof first === "object" && first !== null ? first : { offset: first ?? undefined, length: length ?? undefined, position };
}

function handleOf(fd, syscall) {
  const handle = handles[fd - FIRST];
  if (handle === undefined) {
    const { message, ...members } = failure("bad-descriptor", syscall, "");
    throw Object.assign(new Error(message.replace(/ ''$/, "")), members, { path: undefined });
  }
  return handle;
}
