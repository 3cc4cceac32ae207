// What of `Intl` is made of words, which are English ones, and `Intl.Collator`.

import { hasLocale, localeOf } from "./data.js";
import { NumberFormat } from "./numbers.js";

const supported = (locales) => [locales ?? []].flat().filter(hasLocale);

function english(locales, what) {
  const { name } = localeOf(locales);
  if (!/^en\b/.test(name)) {
    throw new RangeError(`a guest has \`Intl.${what}\` for English only`);
  }
  return name;
}

export class PluralRules {
  #name;
  #type;

  constructor(locales, { type = "cardinal" } = {}) {
    this.#name = english(locales, "PluralRules");
    this.#type = type;
  }

  static supportedLocalesOf = supported;

  select(number) {
    if (this.#type === "cardinal") {
      return Math.abs(number) === 1 ? "one" : "other";
    }
    const [ten, hundred] = [number % 10, number % 100];
    return ten === 1 && hundred !== 11 ? "one" : ten === 2 && hundred !== 12 ? "two" : ten === 3 && hundred !== 13 ? "few" : "other";
  }

  resolvedOptions() {
    return { locale: this.#name, type: this.#type };
  }
}

export class ListFormat {
  #name;
  #word;
  #isNarrow;

  constructor(locales, { type = "conjunction", style = "long" } = {}) {
    this.#name = english(locales, "ListFormat");
    this.#word = type === "unit" ? "" : type === "disjunction" ? "or " : style === "long" ? "and " : "& ";
    this.#isNarrow = style === "narrow";
  }

  static supportedLocalesOf = supported;

  format(list) {
    const items = [...list];
    if (items.length < 2) {
      return items.join("");
    }
    if (items.length === 2) {
      return this.#word === "" ? items.join(", ") : items.join(` ${this.#word}`);
    }
    return `${items.slice(0, -1).join(", ")}${this.#isNarrow ? ", " : ", "}${this.#word}${items.at(-1)}`;
  }

  resolvedOptions() {
    return { locale: this.#name };
  }
}

const SOON = { day: { "-1": "yesterday", 0: "today", 1: "tomorrow" }, second: { 0: "now" } };
const PERIODS = new Set(["week", "month", "quarter", "year"]);

export class RelativeTimeFormat {
  #name;
  #numeric;
  #numbers;

  constructor(locales, { numeric = "always" } = {}) {
    this.#name = english(locales, "RelativeTimeFormat");
    this.#numeric = numeric;
    this.#numbers = new NumberFormat(locales);
  }

  static supportedLocalesOf = supported;

  format(value, unit) {
    const name = unit.replace(/s$/, "");
    if (this.#numeric === "auto") {
      const near = SOON[name]?.[value] ?? { "-1": `last ${name}`, 0: `this ${name}`, 1: `next ${name}` }[PERIODS.has(name) || Number(value) === 0 ? value : ""];
      if (near !== undefined) {
        return near;
      }
    }
    const text = `${this.#numbers.format(Math.abs(value))} ${name}${Math.abs(value) === 1 ? "" : "s"}`;
    return value < 0 || Object.is(value, -0) ? `${text} ago` : `in ${text}`;
  }

  resolvedOptions() {
    return { locale: this.#name, numeric: this.#numeric, style: "long", numberingSystem: "latn" };
  }
}

const MARKS = /[\u0300-\u036f]/g;

export class Collator {
  #name;
  #options;

  constructor(locales, { numeric = false, sensitivity = "variant", ignorePunctuation = false, caseFirst = "false" } = {}) {
    this.#name = localeOf(locales).name;
    this.#options = { numeric, sensitivity, ignorePunctuation, caseFirst };
    this.compare = (a, b) => this.#compare(String(a), String(b));
  }

  static supportedLocalesOf = supported;

  // By letters, then by accents, then by case, of which the small comes first: the Unicode Collation Algorithm's levels.
  #compare(a, b) {
    const { sensitivity, numeric, caseFirst } = this.#options;
    const [first, second] = [a, b].map((text) => text.normalize("NFD"));
    const base = (text) => text.replace(MARKS, "").toLowerCase();
    const byLetters = numeric ? byNumbers(base(first), base(second)) : byOrder(base(first), base(second));
    if (byLetters !== 0 || sensitivity === "base") {
      return byLetters;
    }
    const byAccents = sensitivity === "case" ? 0 : Math.sign(compareCodes(first.toLowerCase(), second.toLowerCase()));
    if (byAccents !== 0 || sensitivity === "accent") {
      return byAccents;
    }
    const byCase = Math.sign(compareCodes(second, first));
    return caseFirst === "upper" ? -byCase : byCase;
  }

  resolvedOptions() {
    return { locale: this.#name, usage: "sort", collation: "default", ...this.#options };
  }
}

const compareCodes = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

// Blanks and signs stand before digits, and those before letters.
const classOf = (character) => (/\s/.test(character) ? 0 : /\p{L}/u.test(character) ? 3 : /\d/.test(character) ? 2 : 1);

function byOrder(a, b) {
  const [first, second] = [[...a], [...b]];
  for (let i = 0; i < Math.min(first.length, second.length); i++) {
    if (first[i] !== second[i]) {
      return Math.sign(classOf(first[i]) - classOf(second[i])) || compareCodes(first[i], second[i]);
    }
  }
  return Math.sign(first.length - second.length);
}

function byNumbers(a, b) {
  const [first, second] = [a, b].map((text) => text.match(/\d+|\D+/g) ?? []);
  for (let i = 0; i < Math.min(first.length, second.length); i++) {
    const isNumber = /\d/.test(first[i]) && /\d/.test(second[i]);
    const order = isNumber ? Math.sign(Number(first[i]) - Number(second[i])) : byOrder(first[i], second[i]);
    if (order !== 0) {
      return order;
    }
  }
  return Math.sign(first.length - second.length);
}
