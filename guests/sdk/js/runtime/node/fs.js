// `node:fs`: the functions whose results are there at once, those with a callback, and `fs.promises`. WASI's own calls
// block, so all of them do the same at once; a promise or a callback only tells of it later.

import { queueCall } from "../jobs.js";
import * as handles from "./fs-handles.js";
import { createReadStream, createWriteStream, FileHandle, ReadStream, WriteStream } from "./fs-streams.js";
import * as whole from "./fs-sync.js";

const sync = { ...whole, ...handles };
const names = Object.keys(sync).filter((name) => name.endsWith("Sync"));
const shortNames = names.map((name) => name.slice(0, -"Sync".length));

const later = Object.fromEntries(shortNames.map((name) => [name, async (...args) => sync[`${name}Sync`](...args)]));

export const promises = { ...later, open: async (...args) => new FileHandle(handles.openSync(...args)), constants: whole.constants };
for (const name of ["exists", "close", "read", "write", "writev", "fstat", "ftruncate", "fsync", "fdatasync"]) {
  delete promises[name];
}

// What a callback of these gets after the number of bytes.
const SECOND = new Set(["read", "write", "writev"]);

const callbacks = Object.fromEntries(
  shortNames.map((name) => [
    name,
    (...args) => {
      const callback = args.pop();
      if (typeof callback !== "function") {
        throw Object.assign(new TypeError('The "cb" argument must be of type function'), { code: "ERR_INVALID_ARG_TYPE" });
      }
      if (name === "exists") {
        const found = sync.existsSync(...args);
        queueCall(() => callback(found));
        return;
      }
      later[name](...args).then(
        (value) => queueCall(() => (SECOND.has(name) ? callback(null, value, args[1]) : callback(null, value))),
        (error) => queueCall(() => callback(error)),
      );
    },
  ]),
);

export const {
  access, appendFile, chmod, close, copyFile, exists, fdatasync, fstat, fsync, ftruncate, lstat, mkdir, mkdtemp, open, read, readdir,
  readFile, realpath, rename, rm, rmdir, stat, truncate, unlink, utimes, write, writeFile, writev,
} = callbacks;
realpath.native = realpath;
export {
  accessSync, appendFileSync, chmodSync, constants, copyFileSync, Dirent, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync,
  readFileSync, realpathSync, renameSync, rmdirSync, rmSync, Stats, statSync, truncateSync, unlinkSync, utimesSync, writeFileSync,
} from "./fs-sync.js";
export { closeSync, fdatasyncSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync, writevSync } from "./fs-handles.js";
export { createReadStream, createWriteStream, ReadStream, WriteStream };
export default { ...sync, ...callbacks, createReadStream, createWriteStream, promises, ReadStream, WriteStream };
