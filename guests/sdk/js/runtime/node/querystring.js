// `node:querystring`.

// Unlike `encodeURIComponent`, this takes half a surrogate pair.
export const escape = (text) => encodeURIComponent(String(text).toWellFormed());

export function unescape(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return Buffer.from(text.replace(/%([\da-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16))), "latin1").toString();
  }
}

export function parse(text, separator, equals, options) {
  separator ||= "&";
  equals ||= "=";
  const { maxKeys = 1000, decodeURIComponent: decode } = options ?? {};
  const values = Object.create(null);
  if (typeof text !== "string" || text === "") {
    return values;
  }
  const decoded = (part) => {
    const spaced = part.replaceAll("+", " ");
    try {
      return (decode ?? module.unescape)(spaced);
    } catch {
      return unescape(spaced);
    }
  };
  const pairs = text.split(separator).filter((pair) => pair !== "");
  for (const pair of maxKeys > 0 ? pairs.slice(0, maxKeys) : pairs) {
    const at = pair.indexOf(equals);
    const key = decoded(at < 0 ? pair : pair.slice(0, at));
    const value = at < 0 ? "" : decoded(pair.slice(at + equals.length));
    values[key] = key in values ? [values[key], value].flat() : value;
  }
  return values;
}

export function stringify(object, separator, equals, options) {
  separator ||= "&";
  equals ||= "=";
  const { encodeURIComponent: encode } = options ?? {};
  if (typeof object !== "object" || object === null) {
    return "";
  }
  const encoded = (value) => (encode ?? module.escape)(textOf(value));
  return Object.entries(object)
    .flatMap(([key, value]) => (Array.isArray(value) ? value : [value]).map((one) => `${encoded(key)}${equals}${encoded(one)}`))
    .join(separator);
}

const textOf = (value) =>
  typeof value === "string" || typeof value === "boolean" || typeof value === "bigint" || Number.isFinite(value) ? String(value) : "";

export { parse as decode, stringify as encode };
// Programs replace `escape` and `unescape`.
const module = { decode: parse, encode: stringify, escape, parse, stringify, unescape };
export default module;
