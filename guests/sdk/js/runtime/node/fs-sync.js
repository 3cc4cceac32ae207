import { randomBytes } from "../random.js";
import { decode, encode } from "../text.js";
import { Buffer } from "./buffer.js";
import { at, attempt, close, failure, pathOf } from "./fs-wasi.js";

export const constants = {
  F_OK: 0, X_OK: 1, W_OK: 2, R_OK: 4, COPYFILE_EXCL: 1,
  O_RDONLY: 0, O_WRONLY: 1, O_RDWR: 2, O_CREAT: 0o100, O_EXCL: 0o200, O_TRUNC: 0o1000, O_APPEND: 0o2000,
  S_IFMT: 0o170000, S_IFREG: 0o100000, S_IFDIR: 0o40000, S_IFLNK: 0o120000,
};

// What a `read` of WASI is asked for at once.
const CHUNK = 0x100000;
// What `blocking-write-and-flush` takes at most.
const APPEND = 4096;

export function readFileSync(path, options) {
  const { encoding, flag = "r" } = optionsOf(options);
  if (typeof path === "number") {
    throw failure("unsupported", "read", `file descriptor ${path}`);
  }
  const bytes = withFile("open", path, flag, readAll);
  if (isUtf8(encoding)) {
    return decode(bytes);
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return encoding == null || encoding === "buffer" ? buffer : buffer.toString(encoding);
}

export function writeFileSync(path, data, options) {
  const { encoding, flag = "w" } = optionsOf(options);
  const bytes = bytesOf(data, encoding);
  withFile("open", path, flag, (file) => {
    flag.startsWith("a") ? appendAll(file, bytes) : writeAll(file, bytes);
  });
}

export function appendFileSync(path, data, options) {
  writeFileSync(path, data, { flag: "a", ...optionsOf(options) });
}

export function existsSync(path) {
  try {
    statSync(path);
    return true;
  } catch {
    return false;
  }
}

export function accessSync(path) {
  status("access", path);
}

export function statSync(path, { throwIfNoEntry = true } = {}) {
  return statusOr("stat", path, true, throwIfNoEntry);
}

export function lstatSync(path, { throwIfNoEntry = true } = {}) {
  return statusOr("lstat", path, false, throwIfNoEntry);
}

export function mkdirSync(path, options) {
  if (!optionsOf(options).recursive) {
    at("mkdir", path, (directory, name) => directory.createDirectoryAt(name));
    return undefined;
  }
  // As in Node, the first directory that was made.
  let first;
  const full = pathOf(path);
  const parts = full.split("/").slice(1);
  for (let i = 1; i <= parts.length; i++) {
    const part = `/${parts.slice(0, i).join("/")}`;
    const found = statusOr("mkdir", part, true, false);
    if (found === undefined) {
      at("mkdir", part, (directory, name) => directory.createDirectoryAt(name));
      first ??= part;
    } else if (!found.isDirectory()) {
      throw failure(i < parts.length ? "not-directory" : "exist", "mkdir", full);
    }
  }
  return first;
}

export function mkdtempSync(prefix) {
  const path = `${prefix}${randomBytes(3).toHex()}`;
  mkdirSync(path);
  return path;
}

export function readdirSync(path, options) {
  const { withFileTypes, recursive } = optionsOf(options);
  const entries = withDescriptor("scandir", path, { directory: true }, { read: true }, (directory) => {
    const stream = directory.readDirectory();
    try {
      const entries = [];
      for (let entry; (entry = stream.readDirectoryEntry()); ) {
        entries.push(entry);
      }
      return entries;
    } finally {
      close(stream);
    }
  });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  if (recursive) {
    return entries.flatMap(({ name, type }) => {
      const own = withFileTypes ? new Dirent(name, pathOf(path), type) : name;
      const inner = type === "directory" ? readdirSync(`${pathOf(path)}/${name}`, options) : [];
      return [own, ...inner.map((entry) => (withFileTypes ? entry : `${name}/${entry}`))];
    });
  }
  return withFileTypes ? entries.map(({ name, type }) => new Dirent(name, pathOf(path), type)) : entries.map(({ name }) => name);
}

export function unlinkSync(path) {
  at("unlink", path, (directory, name) => directory.unlinkFileAt(name));
}

export function rmdirSync(path) {
  at("rmdir", path, (directory, name) => directory.removeDirectoryAt(name));
}

export function rmSync(path, options) {
  const { force = false, recursive = false } = optionsOf(options);
  const found = statusOr("lstat", path, false, !force);
  if (found === undefined) {
    return;
  }
  if (!found.isDirectory()) {
    unlinkSync(path);
    return;
  }
  if (!recursive) {
    const message = `Path is a directory: rm returned EISDIR (is a directory) ${pathOf(path)}`;
    throw Object.assign(new Error(message), { name: "SystemError", code: "ERR_FS_EISDIR", errno: 21, syscall: "rm", path: pathOf(path) });
  }
  for (const name of readdirSync(path)) {
    rmSync(`${pathOf(path)}/${name}`, options);
  }
  rmdirSync(path);
}

export function renameSync(from, to) {
  at("rename", from, (directory, name) => at("rename", to, (target, newName) => directory.renameAt(name, target, newName), pathOf(from)), undefined, pathOf(to));
}

export function copyFileSync(from, to, mode = 0) {
  const bytes = withFile("copyfile", from, "r", readAll);
  withFile("copyfile", to, mode & constants.COPYFILE_EXCL ? "wx" : "w", (file) => writeAll(file, bytes));
}

const FLAGS = {
  r: [{}, { read: true }],
  "r+": [{}, { read: true, write: true }],
  w: [{ create: true, truncate: true }, { write: true }],
  "w+": [{ create: true, truncate: true }, { read: true, write: true }],
  wx: [{ create: true, exclusive: true }, { write: true }],
  a: [{ create: true }, { write: true }],
  "a+": [{ create: true }, { read: true, write: true }],
  ax: [{ create: true, exclusive: true }, { write: true }],
  "wx+": [{ create: true, exclusive: true }, { read: true, write: true }],
};

function withFile(syscall, path, flag, use) {
  const [openFlags, flags] = flagsOf(flag);
  return withDescriptor(syscall, path, openFlags, flags, use);
}

function flagsOf(flag) {
  if (typeof flag === "number") {
    return numbered(flag);
  }
  const name = String(flag).replace("s", "");
  if (!Object.hasOwn(FLAGS, name)) {
    throw Object.assign(new TypeError(`The argument 'flags' is invalid. Received '${flag}'`), { code: "ERR_INVALID_ARG_VALUE" });
  }
  return FLAGS[name];
}

function numbered(flag) {
  const has = (bit) => (flag & bit) !== 0;
  const isWritten = has(constants.O_WRONLY) || has(constants.O_RDWR);
  return [
    { create: has(constants.O_CREAT), exclusive: has(constants.O_EXCL), truncate: has(constants.O_TRUNC) },
    { read: !has(constants.O_WRONLY), write: isWritten },
    has(constants.O_APPEND),
  ];
}

// Opens a file that somebody else closes.
export function open(syscall, path, flag) {
  const [openFlags, flags, isAppending = String(flag).startsWith("a")] = flagsOf(flag);
  const file = at(syscall, path, (directory, name) => directory.openAt({ symlinkFollow: true }, name, openFlags, flags));
  return { path: pathOf(path), file, isAppending };
}

// There are no links that lead elsewhere.
export function realpathSync(path) {
  status("realpath", path);
  return pathOf(path);
}

export function truncateSync(path, length = 0) {
  withFile("open", path, "r+", (file) => file.setSize(length));
}

// WASI knows no modes and no owners: this finds only whether there is such a file.
export function chmodSync(path) {
  status("chmod", path);
}

export function utimesSync(path) {
  status("utime", path);
}

function withDescriptor(syscall, path, openFlags, flags, use) {
  const file = at(syscall, path, (directory, name) => directory.openAt({ symlinkFollow: true }, name, openFlags, flags));
  try {
    return attempt(syscall === "scandir" ? syscall : flags.write ? "write" : "read", pathOf(path), () => use(file));
  } catch (error) {
    // A directory can be opened, and WASI then says of its descriptor what Node says of the directory.
    throw error.code === "EBADF" ? failure("is-directory", error.syscall, error.path) : error;
  } finally {
    close(file);
  }
}

function readAll(file) {
  const chunks = [];
  let size = 0;
  for (let isEnd = false; !isEnd; ) {
    let chunk;
    [chunk, isEnd] = file.read(CHUNK, size);
    chunks.push(chunk);
    size += chunk.length;
    isEnd ||= chunk.length === 0;
  }
  if (chunks.length === 1) {
    return chunks[0];
  }
  const bytes = new Uint8Array(size);
  chunks.reduce((end, chunk) => (bytes.set(chunk, end), end + chunk.length), 0);
  return bytes;
}

function writeAll(file, bytes) {
  for (let i = 0; i < bytes.length; ) {
    i += file.write(bytes.subarray(i, i + CHUNK), i);
  }
}

// Other instances may be writing to the same file: where its end is only the host can say.
function appendAll(file, bytes) {
  const stream = file.appendViaStream();
  try {
    for (let i = 0; i < bytes.length; i += APPEND) {
      stream.blockingWriteAndFlush(bytes.subarray(i, i + APPEND));
    }
  } finally {
    close(stream);
  }
}

function status(syscall, path, symlinkFollow = true) {
  return new Stats(at(syscall, path, (directory, name) => directory.statAt({ symlinkFollow }, name)));
}

function statusOr(syscall, path, symlinkFollow, isNeeded) {
  try {
    return status(syscall, path, symlinkFollow);
  } catch (error) {
    if (error.code !== "ENOENT" || isNeeded) {
      throw error;
    }
    return undefined;
  }
}

function optionsOf(options) {
  return typeof options === "string" ? { encoding: options } : typeof options === "object" && options !== null ? options : {};
}

export function bytesOf(data, encoding) {
  if (typeof data === "string") {
    return encoding == null || isUtf8(encoding) ? encode(data) : Buffer.from(data, encoding);
  }
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  const message = 'The "data" argument must be of type string or an instance of Buffer, TypedArray, or DataView.';
  throw Object.assign(new TypeError(message), { code: "ERR_INVALID_ARG_TYPE" });
}

function isUtf8(encoding) {
  return /^utf-?8$/i.test(encoding ?? "");
}

class Typed {
  #type;

  constructor(type) {
    this.#type = type;
  }

  isFile() {
    return this.#type === "regular-file";
  }

  isDirectory() {
    return this.#type === "directory";
  }

  isSymbolicLink() {
    return this.#type === "symbolic-link";
  }

  isFIFO() {
    return this.#type === "fifo";
  }

  isSocket() {
    return this.#type === "socket";
  }

  isBlockDevice() {
    return this.#type === "block-device";
  }

  isCharacterDevice() {
    return this.#type === "character-device";
  }
}

// Of what WASI does not tell (mode, owner, inode) there is nothing.
export class Stats extends Typed {
  constructor(wire) {
    super(wire.type);
    this.size = wire.size;
    this.nlink = wire.linkCount;
    for (const [name, time] of [
      ["atime", wire.dataAccessTimestamp],
      ["mtime", wire.dataModificationTimestamp],
      ["ctime", wire.statusChangeTimestamp],
    ]) {
      this[`${name}Ms`] = time ? time.seconds * 1000 + time.nanoseconds / 1e6 : 0;
      this[name] = new Date(this[`${name}Ms`]);
    }
  }
}

export class Dirent extends Typed {
  constructor(name, parentPath, type) {
    super(type);
    this.name = name;
    this.parentPath = parentPath;
  }
}
