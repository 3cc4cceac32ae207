// `Intl`, and the methods that are written by it.

import { hasLocale, hasZone } from "./data.js";
import { DateTimeFormat } from "./dates.js";
import { NumberFormat } from "./numbers.js";
import { Collator, ListFormat, PluralRules, RelativeTimeFormat } from "./words.js";
import data from "guesthouse:intl-data";

const VALUES = {
  currency: () => Object.keys(data.locales["en-US"].numbers.currencies).sort(),
  timeZone: () => Object.keys(data.zones).filter(hasZone).sort(),
  calendar: () => ["gregory"],
  numberingSystem: () => ["latn"],
  collation: () => ["default"],
  unit: () => [],
};

// Programs call these without `new`.
const callable = (type) => new Proxy(type, { apply: (target, self, values) => new target(...values) });

const Intl = {
  Collator: callable(Collator),
  DateTimeFormat: callable(DateTimeFormat),
  ListFormat,
  NumberFormat: callable(NumberFormat),
  PluralRules,
  RelativeTimeFormat,
  getCanonicalLocales: (locales) => [locales ?? []].flat().filter(hasLocale),
  supportedValuesOf: (key) => VALUES[key](),
  [Symbol.toStringTag]: "Intl",
};

define(globalThis, { Intl });
define(Date.prototype, {
  toLocaleString: dated("any", "all"),
  toLocaleDateString: dated("date", "date"),
  toLocaleTimeString: dated("time", "time"),
});
define(Number.prototype, { toLocaleString: numbered });
define(BigInt.prototype, { toLocaleString: numbered });
define(String.prototype, {
  localeCompare(other, locales, options) {
    return new Collator(locales, options).compare(this, other);
  },
});

function dated(...needed) {
  return function (locales, options) {
    return Number.isNaN(this.getTime()) ? "Invalid Date" : new DateTimeFormat(locales, options, needed).format(this);
  };
}

function numbered(locales, options) {
  return new NumberFormat(locales, options).format(this.valueOf());
}

function define(target, members) {
  for (const [name, value] of Object.entries(members)) {
    Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
  }
}
