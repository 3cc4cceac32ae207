// Paths and errors between Node and WASI.

import preopens from "wasi:filesystem/preopens@0.2.0";
import { Buffer } from "./buffer.js";

// The directories that the host opened, the longest path first. Asked for when first used: in the image they would be
// those of the build.
let directories;

// Calls with the directory that holds the path, and the path in it. `from` and `to` are for messages that tell of two
// paths.
export function at(syscall, path, use, from, to) {
  const full = pathOf(path);
  directories ??= preopens.getDirectories().sort(([, a], [, b]) => b.length - a.length);
  const found = directories.find(([, root]) => full === root || full.startsWith(root.endsWith("/") ? root : `${root}/`));
  return attempt(syscall, from ?? full, () => {
    if (found === undefined) {
      throw { payload: "no-entry" };
    }
    const [directory, root] = found;
    return use(directory, full.slice(root.length).replace(/^\//, "") || ".");
  }, from === undefined ? to : full);
}

// Calls, and makes of WASI's error codes what Node throws.
export function attempt(syscall, path, call, to) {
  try {
    return call();
  } catch (error) {
    const code = error?.payload;
    if (code === undefined) {
      throw error;
    }
    // A stream's failure does not say which.
    throw failure(typeof code === "string" ? code : "io", syscall, path, to);
  }
}

export function failure(wasi, syscall, path, dest) {
  const [code, errno, text] = CODES[wasi] ?? [`E${wasi.replaceAll("-", "").toUpperCase()}`, 5, wasi.replaceAll("-", " ")];
  const error = new Error(`${code}: ${text}, ${syscall} '${path}'${dest === undefined ? "" : ` -> '${dest}'`}`);
  return Object.assign(error, { errno: -errno, code, syscall, path }, dest === undefined ? {} : { dest });
}

// Instances have a limit of open files: none is left to the garbage collector.
export function close(resource) {
  resource[Symbol.dispose]();
}

// An absolute path without `.` and `..`.
export function pathOf(path) {
  if (path instanceof Uint8Array) {
    path = Buffer.from(path).toString();
  } else if (typeof path === "object" && path?.protocol === "file:") {
    path = decodeURIComponent(path.pathname);
  }
  if (typeof path !== "string") {
    const message = 'The "path" argument must be of type string or an instance of Buffer or URL.';
    throw Object.assign(new TypeError(message), { code: "ERR_INVALID_ARG_TYPE" });
  }
  if (path.includes("\0")) {
    const message = "The argument 'path' must be a string, Uint8Array, or URL without null bytes.";
    throw Object.assign(new TypeError(message), { code: "ERR_INVALID_ARG_VALUE" });
  }
  if (path === "") {
    return "";
  }
  const parts = [];
  for (const part of path.toWellFormed().split("/")) {
    if (part === "..") {
      parts.pop();
    } else if (part !== "" && part !== ".") {
      parts.push(part);
    }
  }
  return `/${parts.join("/")}`;
}

const CODES = {
  access: ["EACCES", 13, "permission denied"],
  "bad-descriptor": ["EBADF", 9, "bad file descriptor"],
  busy: ["EBUSY", 16, "resource busy or locked"],
  "cross-device": ["EXDEV", 18, "cross-device link not permitted"],
  exist: ["EEXIST", 17, "file already exists"],
  "file-too-large": ["EFBIG", 27, "file too large"],
  "illegal-byte-sequence": ["EILSEQ", 84, "illegal byte sequence"],
  "insufficient-memory": ["ENOMEM", 12, "not enough memory"],
  "insufficient-space": ["ENOSPC", 28, "no space left on device"],
  invalid: ["EINVAL", 22, "invalid argument"],
  io: ["EIO", 5, "i/o error"],
  "is-directory": ["EISDIR", 21, "illegal operation on a directory"],
  loop: ["ELOOP", 40, "too many symbolic links encountered"],
  "name-too-long": ["ENAMETOOLONG", 36, "name too long"],
  "no-entry": ["ENOENT", 2, "no such file or directory"],
  "not-directory": ["ENOTDIR", 20, "not a directory"],
  "not-empty": ["ENOTEMPTY", 39, "directory not empty"],
  "not-permitted": ["EPERM", 1, "operation not permitted"],
  quota: ["EDQUOT", 122, "disk quota exceeded"],
  "read-only": ["EROFS", 30, "read-only file system"],
  "too-many-links": ["EMLINK", 31, "too many links"],
  unsupported: ["ENOTSUP", 95, "operation not supported on socket"],
};
