// `node:fs`: the functions whose results are there at once, those with a callback, and `fs.promises`. WASI's own calls
// block, so all of them do the same at once; a promise or a callback only tells of it later. Each function stands alone, so
// that a bundle has those that are used.

import { queueCall } from "../jobs.js";
import * as handles from "./fs-handles.js";
import promises from "./fs-promises.js";
import { createReadStream, createWriteStream, ReadStream, WriteStream } from "./fs-streams.js";
import * as whole from "./fs-sync.js";

// Returns the function that calls back, of one that returns. `more` makes of the parameters what a callback gets besides.
function calling(call, more = () => []) {
  return (...values) => {
    const callback = values.pop();
    if (typeof callback !== "function") {
      throw Object.assign(new TypeError('The "cb" argument must be of type function'), { code: "ERR_INVALID_ARG_TYPE" });
    }
    let result;
    try {
      result = [null, call(...values), ...more(values)];
    } catch (error) {
      result = [error];
    }
    queueCall(() => callback(...result));
  };
}

// The second of the parameters are the bytes.
const bytes = ([, data]) => [data];

export const access = /* @__PURE__ */ calling(whole.accessSync);
export const appendFile = /* @__PURE__ */ calling(whole.appendFileSync);
export const chmod = /* @__PURE__ */ calling(whole.chmodSync);
export const copyFile = /* @__PURE__ */ calling(whole.copyFileSync);
export const lstat = /* @__PURE__ */ calling(whole.lstatSync);
export const mkdir = /* @__PURE__ */ calling(whole.mkdirSync);
export const mkdtemp = /* @__PURE__ */ calling(whole.mkdtempSync);
export const readdir = /* @__PURE__ */ calling(whole.readdirSync);
export const readFile = /* @__PURE__ */ calling(whole.readFileSync);
export const realpath = /* @__PURE__ */ calling(whole.realpathSync);
export const rename = /* @__PURE__ */ calling(whole.renameSync);
export const rm = /* @__PURE__ */ calling(whole.rmSync);
export const rmdir = /* @__PURE__ */ calling(whole.rmdirSync);
export const stat = /* @__PURE__ */ calling(whole.statSync);
export const truncate = /* @__PURE__ */ calling(whole.truncateSync);
export const unlink = /* @__PURE__ */ calling(whole.unlinkSync);
export const utimes = /* @__PURE__ */ calling(whole.utimesSync);
export const writeFile = /* @__PURE__ */ calling(whole.writeFileSync);
export const close = /* @__PURE__ */ calling(handles.closeSync);
export const fdatasync = /* @__PURE__ */ calling(handles.fdatasyncSync);
export const fstat = /* @__PURE__ */ calling(handles.fstatSync);
export const fsync = /* @__PURE__ */ calling(handles.fsyncSync);
export const ftruncate = /* @__PURE__ */ calling(handles.ftruncateSync);
export const open = /* @__PURE__ */ calling(handles.openSync);
export const read = /* @__PURE__ */ calling(handles.readSync, bytes);
export const write = /* @__PURE__ */ calling(handles.writeSync, bytes);
export const writev = /* @__PURE__ */ calling(handles.writevSync, bytes);
// The one whose callback gets no error.
export const exists = (path, callback) => queueCall(() => callback(whole.existsSync(path)));
exists[Symbol.for("nodejs.util.promisify.custom")] = async (path) => whole.existsSync(path);

export {
  accessSync, appendFileSync, chmodSync, constants, copyFileSync, Dirent, existsSync, lstatSync, mkdirSync, mkdtempSync,
  readdirSync, readFileSync, realpathSync, renameSync, rmdirSync, rmSync, Stats, statSync, truncateSync, unlinkSync,
  utimesSync, writeFileSync,
} from "./fs-sync.js";
export {
  closeSync, fdatasyncSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync, writevSync,
} from "./fs-handles.js";
export { createReadStream, createWriteStream, promises, ReadStream, WriteStream };

export default {
  ...whole,
  ...handles,
  access, appendFile, chmod, close, copyFile, createReadStream, createWriteStream, exists, fdatasync, fstat, fsync,
  ftruncate, lstat, mkdir, mkdtemp, open, promises, read, readdir, readFile, ReadStream, realpath, rename, rm, rmdir,
  stat, truncate, unlink, utimes, write, writeFile, WriteStream, writev,
};
