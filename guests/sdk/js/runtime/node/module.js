// `node:module`. A guest is one file: what it requires is known when it is built.

import { names } from "guesthouse:builtins";

export const builtinModules = names;
export const isBuiltin = (name) => names.includes(String(name).replace(/^node:/, ""));

export function createRequire() {
  const require = (name) => {
    throw Object.assign(new Error(`Cannot find module '${name}': a guest has what was bundled, and a name that is only known at run time is not`), {
      code: "MODULE_NOT_FOUND",
    });
  };
  return Object.assign(require, { resolve: require, cache: {}, main: undefined });
}

export const syncBuiltinESMExports = () => {};
export const register = () => {};
export default { builtinModules, createRequire, isBuiltin, register, syncBuiltinESMExports };
