import { constants } from "./fs-sync.js";
import { promises } from "./fs.js";

export const { access, appendFile, copyFile, lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, rmdir, stat, unlink, writeFile } = promises;
export { constants };
export default { ...promises, constants };
