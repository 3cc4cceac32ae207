import { constants, promises } from "./fs.js";

export const {
  access, appendFile, chmod, copyFile, lstat, mkdir, mkdtemp, open, readdir, readFile, realpath, rename, rm, rmdir, stat, truncate,
  unlink, utimes, writeFile,
} = promises;
export { constants };
export default promises;
