// `node:url`: the URL Standard's, and what was there before it.

import { URL, URLSearchParams } from "whatwg-url-minimum";
import querystring from "./querystring.js";

export { URL, URLSearchParams };

export function fileURLToPath(url) {
  const { protocol, pathname } = new URL(url);
  if (protocol !== "file:") {
    throw Object.assign(new TypeError("The URL must be of scheme file"), { code: "ERR_INVALID_URL_SCHEME" });
  }
  return decodeURIComponent(pathname);
}

export function pathToFileURL(path) {
  const full = path.startsWith("/") ? path : `${globalThis.process.cwd().replace(/\/$/, "")}/${path}`;
  return new URL(`file://${encodeURI(full).replaceAll("?", "%3F").replaceAll("#", "%23")}`);
}

export function urlToHttpOptions({ protocol, hostname, hash, search, pathname, href, port, username, password }) {
  return {
    protocol,
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    hash,
    search,
    pathname,
    path: `${pathname}${search}`,
    href,
    ...(port !== "" && { port: Number(port) }),
    ...((username || password) && { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` }),
  };
}

const SLASHED = /^(https?|ftp|gopher|file|wss?):$/;

export class Url {
  protocol = null;
  slashes = null;
  auth = null;
  host = null;
  port = null;
  hostname = null;
  hash = null;
  search = null;
  query = null;
  pathname = null;
  path = null;
  href = "";

  format() {
    return format(this);
  }

  resolve(to) {
    return resolve(this.format(), to);
  }
}

// What `url.parse` made of a text before there was `URL`.
export function parse(text, isQueryParsed = false, isHostFirst = false) {
  if (text instanceof Url) {
    return text;
  }
  if (typeof text !== "string") {
    throw Object.assign(new TypeError('The "url" argument must be of type string.'), { code: "ERR_INVALID_ARG_TYPE" });
  }
  const url = new Url();
  let rest = text.trim();
  const take = (pattern, use) => {
    const match = pattern.exec(rest);
    if (match) {
      rest = rest.slice(match[0].length);
      use(match);
    }
  };
  const hashAt = rest.indexOf("#");
  if (hashAt >= 0) {
    url.hash = escaped(rest.slice(hashAt));
    rest = rest.slice(0, hashAt);
  }
  const queryAt = rest.indexOf("?");
  if (queryAt >= 0) {
    url.search = escaped(rest.slice(queryAt));
    url.query = url.search.slice(1);
    rest = rest.slice(0, queryAt);
  }
  take(/^([a-z][a-z\d+.-]*:)/i, ([, protocol]) => (url.protocol = protocol.toLowerCase()));
  if (url.protocol !== null ? url.protocol !== "javascript:" : isHostFirst || /^\/\/[^/]*@/.test(rest)) {
    take(/^[\\/]{2}/, () => (url.slashes = true));
  }
  rest = rest.replaceAll("\\", "/");
  if (url.protocol !== "javascript:" && (url.slashes || (url.protocol && !SLASHED.test(url.protocol)))) {
    take(/^(?:([^/]*)@)?([^\s"%';<>^`{|}/]*)/, ([, auth, host]) => setHost(url, auth, host));
  }
  rest = SLASHED.test(url.protocol ?? "") ? rest.replaceAll("\\", "/") : rest;
  url.pathname = rest !== "" ? escaped(rest) : SLASHED.test(url.protocol ?? "") && url.hostname ? "/" : null;
  if (isQueryParsed) {
    url.query = querystring.parse(url.query ?? "");
  }
  if (url.pathname !== null || url.search) {
    url.path = (url.pathname ?? "") + (url.search ?? "");
  }
  url.href = format(url);
  return url;
}

function setHost(url, auth, host) {
  if (auth !== undefined) {
    try {
      url.auth = decodeURIComponent(auth);
    } catch {
      url.auth = auth;
    }
  }
  const [, hostname, port] = /^(.*?)(?::(\d*))?$/.exec(host);
  url.port = port || null;
  url.hostname = hostname.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  url.host = hostname.toLowerCase() + (port ? `:${port}` : "");
}

const escaped = (text) => text.replace(/[\s"'<>\\^`{|}]/g, (character) => `%${character.charCodeAt().toString(16).toUpperCase().padStart(2, "0")}`);

export function format(url, options) {
  if (typeof url === "string") {
    return format(parse(url));
  }
  if (url instanceof URL) {
    const { fragment = true, search = true, auth = true } = options ?? {};
    const shown = new URL(url.href);
    fragment || (shown.hash = "");
    search || (shown.search = "");
    auth || ((shown.username = ""), (shown.password = ""));
    return shown.href;
  }
  let { protocol = "", auth, host, hostname, port, pathname = "", search, query, hash = "", slashes } = url;
  protocol = protocol && !protocol.endsWith(":") ? `${protocol}:` : (protocol ?? "");
  const user = auth ? `${encodeURIComponent(auth).replace("%3A", ":")}@` : "";
  const named = hostname ? (hostname.includes(":") ? `[${hostname}]` : hostname) + (port ? `:${port}` : "") : undefined;
  const place = host ? user + host : named !== undefined ? user + named : false;
  search ||= query && typeof query === "object" && Object.keys(query).length > 0 ? `?${querystring.stringify(query)}` : "";
  pathname = (pathname ?? "").replace(/[?#]/g, encodeURIComponent);
  search = search && !search.startsWith("?") ? `?${search}` : (search ?? "");
  hash = hash && !hash.startsWith("#") ? `#${hash}` : (hash ?? "");
  let authority = place || "";
  if (slashes || (SLASHED.test(protocol) && place !== false) || protocol === "file:") {
    authority = `//${authority}`;
    pathname = pathname && !pathname.startsWith("/") ? `/${pathname}` : pathname;
  }
  return protocol + authority + pathname + search.replaceAll("#", "%23") + hash;
}

export function resolve(from, to) {
  const base = new URL(from, "resolve://resolve/");
  const url = new URL(to, base);
  if (url.protocol === "resolve:") {
    const { pathname, search, hash } = url;
    const path = pathname + search + hash;
    return from.startsWith("/") || to.startsWith("/") ? path : path.slice(1);
  }
  return url.href;
}

export const resolveObject = (from, to) => parse(resolve(typeof from === "string" ? from : format(from), to));
// A host's name in other letters is written as `URL` writes it.
export const domainToASCII = (name) => {
  try {
    return new URL(`http://${name}`).hostname;
  } catch {
    return "";
  }
};
export const domainToUnicode = domainToASCII;

export default { URL, URLSearchParams, Url, domainToASCII, domainToUnicode, fileURLToPath, format, parse, pathToFileURL, resolve, resolveObject, urlToHttpOptions };
