// URLs for `fetch`. Most are as `URL` would write them already, which a pattern tells faster.

import { URL } from "../node/url.js";

// No dots in the path that `URL` would take out, and nothing that it would encode.
const NORMAL = /^(https?):\/\/([a-z\d][a-z\d.-]*[a-z](?::(?!80$|80\/|80\?|443$|443\/|443\?)[1-9]\d{0,4})?)(\/(?!.*(?:\/|%2e)(?:\.|%2e))[\w\-.~!$&()*+,;=:@%/]*(?:\?[\w\-.~!$&()*+,;=:@%/?]*)?)$/;

export function normalized(input) {
  const text = typeof input === "string" ? input : String(input);
  if (NORMAL.test(text)) {
    return text;
  }
  let url;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new TypeError(`Failed to parse URL from ${text}`, { cause });
  }
  if (url.username || url.password) {
    throw new TypeError(`Request cannot be constructed from a URL that includes credentials: ${text}`);
  }
  return url.href;
}

// Splits a URL that is normalized.
export function parts(url) {
  const match = /^(https?):\/\/([^/?#]+)([^#]*)/.exec(url);
  if (!match) {
    throw new TypeError(`unknown scheme: ${url}`);
  }
  const [, scheme, authority, path] = match;
  return { scheme, authority, path: path || "/" };
}

export const originOf = (url) => /^[^:]+:\/\/[^/?#]*/.exec(url)?.[0];

export const resolved = (location, base) => new URL(location, base).href;
