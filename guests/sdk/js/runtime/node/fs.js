// `node:fs`: the functions whose results are there at once, those with a callback, and `fs.promises`. WASI's own calls
// block, so all of them do the same at once; a promise or a callback only tells of it later.

import { queueCall } from "../jobs.js";
import * as sync from "./fs-sync.js";

const names = Object.keys(sync).filter((name) => name.endsWith("Sync"));
const shortNames = names.map((name) => name.slice(0, -"Sync".length));

export const promises = Object.fromEntries(
  shortNames
    .filter((name) => name !== "exists")
    .map((name) => [name, async (...args) => sync[`${name}Sync`](...args)]),
);

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
      promises[name](...args).then(
        (value) => queueCall(() => callback(null, value)),
        (error) => queueCall(() => callback(error)),
      );
    },
  ]),
);

export const { access, appendFile, copyFile, exists, lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, rmdir, stat, unlink, writeFile } = callbacks;
export * from "./fs-sync.js";
export default { ...sync, ...callbacks, promises };
