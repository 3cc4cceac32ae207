// This module gives a guest `Intl` for the locales, time zones and currencies that its code names. The engine has none,
// and all data of ICU would be thirty times a guest. The Node that builds has it: what `Intl` says there of a few dates
// and numbers is kept as patterns, by which `runtime/intl` writes all others.

import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const NAMED = /\bIntl\b|\btoLocale(?:Date|Time)?String\b|\blocaleCompare\b/;

// Has `guesthouse:intl` be `Intl` for what a program's text names, or nothing where it names nothing of it.
export function intl(code) {
  return {
    name: "intl",
    setup(build) {
      build.onResolve({ filter: /^guesthouse:intl$/ }, () =>
        NAMED.test(code) ? { path: here("runtime/intl/globals.js") } : { path: "none", namespace: "guesthouse-intl" },
      );
      build.onResolve({ filter: /^guesthouse:intl-data$/ }, () => ({ path: "data", namespace: "guesthouse-intl" }));
      build.onLoad({ filter: /^none$/, namespace: "guesthouse-intl" }, () => ({ contents: "" }));
      build.onLoad({ filter: /^data$/, namespace: "guesthouse-intl" }, () => ({ contents: JSON.stringify(dataFor(code)), loader: "json" }));
    },
  };
}

function dataFor(code) {
  const locales = namedLocales(code);
  const zones = ["UTC", ...literals(code, /[A-Z][A-Za-z]+\/[A-Za-z_/+-]+/).filter(isZone)];
  const currencies = ["USD", "EUR", "GBP", ...literals(code, /[A-Z]{3}/).filter((name) => Intl.supportedValuesOf("currency").includes(name))];
  return {
    locales: Object.fromEntries(locales.map((locale) => [locale, { ...datesOf(locale, zones), ...numbersOf(locale, currencies) }])),
    zones: Object.fromEntries(zones.map((zone) => [zone, offsetsOf(zone)])),
  };
}

// Words of two letters are locales only where they are given as such.
function namedLocales(code) {
  const whole = literals(code, /[a-z]{2,3}(?:-[A-Z][a-z]{3})?-(?:[A-Z]{2}|419)/);
  const short = [...code.matchAll(/(?:toLocale\w+|localeCompare|Format|Rules|Collator)\((?:[^()"'`]*,\s*)?\[?["'`]([a-z]{2,3})["'`]/g)].map(([, name]) => name);
  return [...new Set(["en-US", "en", ...whole, ...short])].filter((locale) => {
    // Patterns are kept for the Gregorian calendar, and for digits that are ASCII's.
    const { calendar, numberingSystem } = new Intl.DateTimeFormat(locale).resolvedOptions();
    return Intl.DateTimeFormat.supportedLocalesOf(locale).length > 0 && calendar === "gregory" && numberingSystem === "latn";
  });
}

const literals = (code, pattern) => [...new Set([...code.matchAll(new RegExp(`["'\`](${pattern.source})["'\`]`, "g"))].map(([, text]) => text))];

function isZone(name) {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

// A morning and an evening, on a day and in a month that show whether they are written with two digits.
const MORNING = Date.UTC(2024, 2, 5, 4, 7, 9, 123);
const EVENING = Date.UTC(2024, 2, 5, 16, 7, 9, 123);
const FIELDS = new Set(["weekday", "year", "month", "day", "hour", "minute", "second", "fractionalSecond", "dayPeriod", "timeZoneName"]);

const partsOf = (locale, options, date = MORNING) => new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options }).formatToParts(date);

// Parts as a pattern: `{month:2}/{day:2}/{year}`, with `2` for two digits and `t` for a name.
const patternOf = (parts) =>
  parts.map(({ type, value }) => (FIELDS.has(type) ? `{${type}${/^\d+$/.test(value) ? (value.length === 2 ? ":2" : "") : ":t"}}` : value)).join("");

function datesOf(locale, zones) {
  const months = (options) => Array.from({ length: 12 }, (_, i) => partsOf(locale, options, Date.UTC(2024, i, 5)).find(({ type }) => type === "month").value);
  const days = (options) => Array.from({ length: 7 }, (_, i) => partsOf(locale, options, Date.UTC(2024, 8, 1 + i)).find(({ type }) => type === "weekday").value);
  const widths = ["long", "short", "narrow"];
  const period = (date) => partsOf(locale, { hour: "numeric", hour12: true }, date).find(({ type }) => type === "dayPeriod")?.value;
  return {
    months: Object.fromEntries(widths.map((month) => [month, { alone: months({ month }), dated: months({ month, day: "numeric" }) }])),
    weekdays: Object.fromEntries(widths.map((weekday) => [weekday, { alone: days({ weekday }), dated: days({ weekday, day: "numeric", month: "short" }) }])),
    periods: [period(MORNING), period(EVENING)],
    isHour12: isHour12In(locale),
    dates: datePatterns(locale),
    times: timePatterns(locale),
    styles: stylePatterns(locale),
    zoneGlue: partsOf(locale, { day: "numeric", month: "numeric", year: "numeric", timeZoneName: "short" }).at(-2).value,
    zoneNames: Object.fromEntries(zones.map((zone) => [zone, zoneNames(locale, zone)])),
  };
}

function isHour12In(locale) {
  const { hourCycle } = new Intl.DateTimeFormat(locale, { hour: "numeric" }).resolvedOptions();
  return hourCycle === "h12" || hourCycle === "h11";
}

// The options that are there, in one letter each.
const keyOf = ({ weekday, year, month, day, hour, minute, second }) => [weekday, year, month, day, hour, minute, second].map((option) => option?.[0] ?? "-").join("");

function datePatterns(locale) {
  const patterns = {};
  for (const weekday of [undefined, "long", "short"]) {
    for (const year of [undefined, "numeric", "2-digit"]) {
      for (const month of [undefined, "numeric", "2-digit", "long", "short"]) {
        for (const day of [undefined, "numeric", "2-digit"]) {
          const options = given({ weekday, year, month, day });
          if (Object.keys(options).length > 0) {
            patterns[keyOf(options)] = [patternOf(partsOf(locale, options)), glueOf(locale, options)];
          }
        }
      }
    }
  }
  return patterns;
}

// What stands between date and time.
function glueOf(locale, options) {
  const time = options.dateStyle ? { timeStyle: "short" } : { hour: "numeric", minute: "2-digit" };
  const parts = partsOf(locale, { ...options, ...time });
  const at = parts.findIndex(({ type }) => type === "hour");
  // What stands at the date's own end is not between them.
  const last = partsOf(locale, options).at(-1);
  const text = parts[at - 1]?.value ?? " ";
  return last.type === "literal" && text.startsWith(last.value) ? text.slice(last.value.length) : text;
}

function timePatterns(locale) {
  const patterns = {};
  const isHour12 = isHour12In(locale);
  for (const hour12 of [true, false]) {
    for (const hour of [undefined, "numeric", "2-digit"]) {
      for (const minute of [undefined, "numeric", "2-digit"]) {
        for (const second of [undefined, "numeric", "2-digit"]) {
          const options = given({ hour, minute, second });
          if (Object.keys(options).length > 0) {
            // A locale's own way has other digits than the same when it is asked for.
            const whole = hour === undefined || hour12 === isHour12 ? options : { ...options, hour12 };
            patterns[`${hour12 ? "12" : "24"}${keyOf(options)}`] = patternOf(partsOf(locale, whole));
          }
        }
      }
    }
  }
  const fraction = partsOf(locale, { second: "numeric", fractionalSecondDigits: 3 });
  return { ...patterns, fraction: fraction.at(-2).value };
}

function stylePatterns(locale) {
  const styles = ["full", "long", "medium", "short"];
  return {
    date: Object.fromEntries(styles.map((dateStyle) => [dateStyle, [patternOf(partsOf(locale, { dateStyle })), glueOf(locale, { dateStyle })]])),
    time: Object.fromEntries(styles.map((timeStyle) => [timeStyle, patternOf(partsOf(locale, { timeStyle }))])),
  };
}

// In winter and in summer.
function zoneNames(locale, timeZone) {
  const named = (timeZoneName) =>
    [Date.UTC(2024, 0, 15), Date.UTC(2024, 6, 15)].map((date) => partsOf(locale, { timeZone, timeZoneName }, date).find(({ type }) => type === "timeZoneName").value);
  return { short: named("short"), long: named("long") };
}

// When a zone's offset from UTC changes, in minutes: pairs of a time in seconds and the offset from then on.
function offsetsOf(timeZone) {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" });
  const offsetAt = (time) => {
    const { year, month, day, hour, minute, second } = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
    return Math.round((Date.UTC(year, month - 1, day, hour, minute, second) - time) / 60000);
  };
  const STEP = 14 * 86400_000;
  const changes = [[Number.MIN_SAFE_INTEGER, offsetAt(Date.UTC(1970, 0, 1))]];
  for (let time = Date.UTC(1970, 0, 1); time < Date.UTC(2050, 0, 1); time += STEP) {
    let [from, to] = [time, time + STEP];
    if (offsetAt(from) !== offsetAt(to)) {
      while (to - from > 1000) {
        const middle = from + Math.floor((to - from) / 2000) * 1000;
        [from, to] = offsetAt(middle) === offsetAt(from) ? [middle, to] : [from, middle];
      }
      changes.push([to / 1000, offsetAt(to)]);
    }
  }
  return changes;
}

function numbersOf(locale, currencies) {
  const parts = (number, options) => new Intl.NumberFormat(locale, options).formatToParts(number);
  const value = (list, type) => list.find((part) => part.type === type)?.value;
  const large = parts(-1234567890.5);
  const integers = large.filter(({ type }) => type === "integer").map((part) => part.value.length);
  // What stands around the digits of a number.
  const around = (list) => {
    const digits = list.map(({ type }) => /^(integer|group|decimal|fraction)$/.test(type));
    const text = (some) => some.map((part) => part.value).join("");
    return [text(list.slice(0, digits.indexOf(true))), text(list.slice(digits.lastIndexOf(true) + 1))];
  };
  const signs = (options) => [around(parts(1, options)), around(parts(-1, options))];
  return {
    numbers: {
      decimal: value(large, "decimal"),
      group: value(parts(1234567), "group") ?? "",
      sizes: [integers.at(-1), integers.at(-2)],
      isGroupedFrom: value(parts(1234), "group") === undefined ? 10000 : 1000,
      plain: signs({}),
      percent: signs({ style: "percent" }),
      compact: Array.from({ length: 12 }, (_, i) => compactOf(parts(10 ** (i + 3), { notation: "compact" }))),
      currencies: Object.fromEntries(
        currencies.map((currency) => [
          currency,
          {
            digits: new Intl.NumberFormat(locale, { style: "currency", currency }).resolvedOptions().maximumFractionDigits,
            symbol: signs({ style: "currency", currency }),
            code: signs({ style: "currency", currency, currencyDisplay: "code" }),
            narrowSymbol: signs({ style: "currency", currency, currencyDisplay: "narrowSymbol" }),
          },
        ]),
      ),
    },
  };
}

// How many digits are left, and what stands after them.
function compactOf(list) {
  const digits = list.filter(({ type }) => type === "integer").map(({ value }) => value).join("").length;
  const suffix = list.filter(({ type }) => type !== "integer" && type !== "group").map(({ value }) => value).join("");
  return [digits, suffix];
}

const given = (options) => Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
