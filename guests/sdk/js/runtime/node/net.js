// Of `node:net` the functions that only read texts.

const V4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

export const isIPv4 = (text) => V4.test(String(text)) && !/(^|\.)0\d/.test(String(text));

export function isIPv6(text) {
  const [, address] = /^([^%]*)(?:%[\w.:-]+)?$/.exec(String(text)) ?? [];
  if (address === undefined || !address.includes(":")) {
    return false;
  }
  const halves = address.split("::");
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1);
  const extra = last.length > 0 && isIPv4(last.at(-1)) ? 1 : 0;
  const all = groups.flat();
  const isHex = (extra ? all.slice(0, -1) : all).every((group) => /^[\da-f]{1,4}$/i.test(group));
  const count = all.length + extra;
  return isHex && (halves.length === 1 ? count === 8 : halves.length === 2 && count < 8);
}

export const isIP = (text) => (isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0);

export default { isIP, isIPv4, isIPv6 };
