// This module leaves packages out that other packages ask for and that are not installed: a client for many databases
// asks for the driver of the one that is used, and has those of the others named. As in Node, whoever asks gets an error
// then. What the program itself asks for, or what a package imports by a statement, must be there.

const SKIP = "optional";
const NAMESPACE = "guesthouse-not-installed";

// A bare name: no path, and no URL.
const PACKAGE = /^(?:@[^/:]+\/)?[^./:][^/:]*(?:\/.*)?$/;
const ASKED_FOR = new Set(["require-call", "dynamic-import", "require-resolve"]);

// The plugin, which adds the packages to a map: their names, and the first file that asks for each.
export const optional = (notInstalled = new Map()) => ({
  name: "optional",
  setup(build) {
    build.onResolve({ filter: PACKAGE }, async ({ path, importer, resolveDir, kind, pluginData }) => {
      if (pluginData === SKIP || !ASKED_FOR.has(kind) || !importer.includes("/node_modules/")) {
        return undefined;
      }
      const found = await build.resolve(path, { importer, resolveDir, kind, pluginData: SKIP });
      if (found.errors.length === 0) {
        return { path: found.path, namespace: found.namespace, external: found.external, sideEffects: found.sideEffects, suffix: found.suffix };
      }
      notInstalled.has(path) || notInstalled.set(path, importer);
      return { path, namespace: NAMESPACE };
    });
    build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({
      contents: `throw Object.assign(new Error(${JSON.stringify(`Cannot find module '${path}'`)}), { code: "MODULE_NOT_FOUND" });`,
    }));
  },
});
