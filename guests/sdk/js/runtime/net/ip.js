// Addresses as texts, and as `wasi:sockets` has them.

const V4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

export const isIPv4 = (text) => V4.test(String(text)) && !/(^|\.)0\d/.test(String(text));

export const isIPv6 = (text) => groupsOf(text) !== undefined;

export const isIP = (text) => (isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0);

// Returns an `ip-address`, or undefined if the text is none.
export function ipOf(text) {
  if (isIPv4(text)) {
    return { tag: "ipv4", val: text.split(".").map(Number) };
  }
  const groups = groupsOf(text);
  return groups && { tag: "ipv6", val: groups };
}

// Returns the text of an `ip-address`, where the longest run of zeros of IPv6 is left out, and an address of IPv4 in it is
// written as one (RFC 5952).
export function textOf({ tag, val }) {
  if (tag === "ipv4") {
    return Array.from(val).join(".");
  }
  if (val.slice(0, 5).every((group) => group === 0) && val[5] === 0xffff) {
    return `::ffff:${[val[6] >> 8, val[6] & 0xff, val[7] >> 8, val[7] & 0xff].join(".")}`;
  }
  const text = Array.from(val, (group) => group.toString(16)).join(":");
  const [longest] = (text.match(/(?<![^:])0(?::0)+(?![^:])/g) ?? []).sort((one, other) => other.length - one.length);
  return longest === undefined ? text : text.replace(new RegExp(`(?:^|:)${longest}(?:$|:)`), "::");
}

// Returns the eight numbers of an address of IPv6.
function groupsOf(text) {
  const [, address] = /^([^%]*)(?:%[\w.:-]+)?$/.exec(String(text)) ?? [];
  if (address === undefined || !address.includes(":")) {
    return undefined;
  }
  const halves = address.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const last = halves.at(-1);
  if (last.length > 0 && isIPv4(last.at(-1))) {
    const [a, b, c, d] = last.pop().split(".").map(Number);
    last.push(((a << 8) | b).toString(16), ((c << 8) | d).toString(16));
  }
  const count = halves.flat().length;
  const isWhole = halves.length === 1 ? count === 8 : halves.length === 2 && count < 8;
  if (!isWhole || !halves.flat().every((group) => /^[\da-f]{1,4}$/i.test(group))) {
    return undefined;
  }
  const zeros = halves.length === 1 ? [] : Array(8 - count).fill("0");
  return [...halves[0], ...zeros, ...(halves[1] ?? [])].map((group) => parseInt(group, 16));
}
