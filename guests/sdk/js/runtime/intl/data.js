// What `intl.js` of the build has kept.

import data from "guesthouse:intl-data";

// Returns what is known of the first locale that is asked for, with its name.
export function localeOf(locales) {
  const names = [locales ?? []].flat().map((asked) => canonical(String(asked)).replace(/-u-.*$/i, ""));
  const name = names.find((one) => Object.hasOwn(data.locales, one)) ?? names[0] ?? "en-US";
  if (!Object.hasOwn(data.locales, name)) {
    throw new RangeError(`the locale \`${name}\` is not in this guest, which has those that its code names as texts: ${Object.keys(data.locales).join(", ")}`);
  }
  return { name, ...data.locales[name] };
}

export const hasLocale = (name) => Object.hasOwn(data.locales, canonical(name));

function canonical(name) {
  if (!/^[a-z]{2,3}(-[a-z\d]{1,8})*$/i.test(name)) {
    throw new RangeError(`Incorrect locale information provided: ${name}`);
  }
  return name
    .split("-")
    .map((part, i) => (i === 0 ? part.toLowerCase() : part.length === 2 ? part.toUpperCase() : part.length === 4 ? part[0].toUpperCase() + part.slice(1).toLowerCase() : part))
    .join("-");
}

const ALIASES = { gmt: "UTC", utc: "UTC", "etc/utc": "UTC", "etc/gmt": "UTC", z: "UTC" };

// Returns a zone's name, and its offset from UTC at a time, in minutes.
export function zoneOf(name = "UTC") {
  const fixed = /^([+-])(\d\d):?(\d\d)?$/.exec(name);
  if (fixed) {
    const offset = (fixed[1] === "-" ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3] ?? 0));
    return { name, offsetAt: () => offset };
  }
  const key = Object.keys(data.zones).find((zone) => zone.toLowerCase() === String(name).toLowerCase()) ?? ALIASES[String(name).toLowerCase()];
  if (key === undefined) {
    throw new RangeError(`Invalid time zone specified: ${name}. A guest has the zones that its code names as texts: ${Object.keys(data.zones).join(", ")}`);
  }
  const changes = data.zones[key];
  return { name: key, offsetAt: (time) => changes.findLast(([from]) => from * 1000 <= time)?.[1] ?? changes[0][1] };
}

export const hasZone = (name) => {
  try {
    zoneOf(name);
    return true;
  } catch {
    return false;
  }
};
