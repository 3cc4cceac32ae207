// `node:fs/promises`. WASI's calls block, so that a promise only tells of them later. Each function stands alone, so that
// a bundle has those that are used.

import { FileHandle } from "./fs-file-handle.js";
import { openSync } from "./fs-handles.js";
import * as sync from "./fs-sync.js";

export const access = async (...values) => sync.accessSync(...values);
export const appendFile = async (...values) => sync.appendFileSync(...values);
export const chmod = async (...values) => sync.chmodSync(...values);
export const copyFile = async (...values) => sync.copyFileSync(...values);
export const lstat = async (...values) => sync.lstatSync(...values);
export const mkdir = async (...values) => sync.mkdirSync(...values);
export const mkdtemp = async (...values) => sync.mkdtempSync(...values);
export const readdir = async (...values) => sync.readdirSync(...values);
export const readFile = async (...values) => sync.readFileSync(...values);
export const realpath = async (...values) => sync.realpathSync(...values);
export const rename = async (...values) => sync.renameSync(...values);
export const rm = async (...values) => sync.rmSync(...values);
export const rmdir = async (...values) => sync.rmdirSync(...values);
export const stat = async (...values) => sync.statSync(...values);
export const truncate = async (...values) => sync.truncateSync(...values);
export const unlink = async (...values) => sync.unlinkSync(...values);
export const utimes = async (...values) => sync.utimesSync(...values);
export const writeFile = async (...values) => sync.writeFileSync(...values);
export const open = async (...values) => new FileHandle(openSync(...values));
export const { constants } = sync;

export default {
  access, appendFile, chmod, constants, copyFile, lstat, mkdir, mkdtemp, open, readdir, readFile, realpath, rename, rm,
  rmdir, stat, truncate, unlink, utimes, writeFile,
};
