// `node:path` as it is on Linux.

export const sep = "/";
export const delimiter = ":";

export const isAbsolute = (path) => path.startsWith("/");
export const join = (...parts) => normalize(parts.filter((part) => part !== "").join("/"));

export function normalize(path) {
  const text = parts(path, isAbsolute(path)).join("/");
  const end = path.endsWith("/") && text !== "" ? "/" : "";
  return isAbsolute(path) ? `/${text}${end}` : text + end || ".";
}

export function resolve(...paths) {
  const last = paths.findLastIndex(isAbsolute);
  return `/${parts(paths.slice(Math.max(last, 0)).join("/"), true).join("/")}`;
}

export function relative(from, to) {
  const [a, b] = [from, to].map((path) => parts(resolve(path), true));
  let same = 0;
  while (same < a.length && a[same] === b[same]) {
    same++;
  }
  return [...a.slice(same).map(() => ".."), ...b.slice(same)].join("/");
}

export function dirname(path) {
  const [, directory, name] = /^(.*?)\/*([^/]*)\/*$/.exec(path);
  return directory !== "" && name !== "" ? directory : isAbsolute(path) ? "/" : ".";
}

export function basename(path, suffix = "") {
  const name = /([^/]*)\/*$/.exec(path)[1];
  return suffix !== "" && name !== suffix && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
}

export const extname = (path) => /[^.](\.[^.]*)$/.exec(basename(path))?.[1] ?? "";

export function parse(path) {
  const base = basename(path);
  const ext = extname(path);
  const dir = dirname(path);
  return { root: isAbsolute(path) ? "/" : "", dir: dir === "." && !path.startsWith("./") ? "" : dir, base, ext, name: base.slice(0, base.length - ext.length) };
}

export function format({ root = "", dir, base, name = "", ext = "" }) {
  const last = base ?? name + (ext === "" || ext.startsWith(".") ? ext : `.${ext}`);
  return !dir ? root + last : dir === root ? dir + last : `${dir}/${last}`;
}

function parts(path, isRooted) {
  const kept = [];
  for (const part of path.split("/")) {
    if (part === ".." && kept.length > 0 && kept.at(-1) !== "..") {
      kept.pop();
    } else if (part === ".." ? !isRooted : part !== "" && part !== ".") {
      kept.push(part);
    }
  }
  return kept;
}

export const posix = { basename, delimiter, dirname, extname, format, isAbsolute, join, normalize, parse, relative, resolve, sep };
posix.posix = posix;
export default posix;
