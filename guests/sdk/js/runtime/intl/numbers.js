// `Intl.NumberFormat` (ECMA-402, chapter 15), by the patterns of the build.

import { hasLocale, localeOf } from "./data.js";

export class NumberFormat {
  #locale;
  #numbers;
  #options;

  constructor(locales, options = {}) {
    this.#locale = localeOf(locales);
    this.#numbers = this.#locale.numbers;
    this.#options = this.#resolved(options);
    this.format = (number) => this.formatToParts(number).map(({ value }) => value).join("");
  }

  static supportedLocalesOf(locales) {
    return [locales ?? []].flat().filter(hasLocale);
  }

  formatToParts(number) {
    const value = typeof number === "bigint" ? number : Number(number);
    const { style, signDisplay } = this.#options;
    if (Number.isNaN(value)) {
      return [{ type: "nan", value: "NaN" }];
    }
    const isNegative = (value < 0 || Object.is(value, -0)) && signDisplay !== "never";
    const size = value < 0 ? -value : value;
    const { digits, suffix } = this.#digits(style !== "percent" || size === Infinity ? size : typeof size === "bigint" ? size * 100n : Number(`${plain(size)}e2`));
    const isZero = digits.every(({ value }) => !/[1-9]/.test(value));
    const [open, close] = this.#around()[isNegative && !(isZero && signDisplay === "exceptZero") ? 1 : 0];
    const plus = !isNegative && (signDisplay === "always" || (signDisplay === "exceptZero" && !isZero)) ? "+" : "";
    const literal = (text, type = "literal") => (text === "" ? [] : [{ type, value: text }]);
    return [...literal(plus, "plusSign"), ...this.#named(open), ...digits, ...literal(suffix, "compact"), ...this.#named(close)];
  }

  resolvedOptions() {
    return { locale: this.#locale.name, numberingSystem: "latn", ...this.#options };
  }

  #resolved(options) {
    const { style = "decimal", currency, notation = "standard" } = options;
    if (style === "currency" && currency === undefined) {
      throw new TypeError("Currency code is required with currency style.");
    }
    if (style === "currency" && this.#numbers.currencies[currency.toUpperCase()] === undefined) {
      const known = Object.keys(this.#numbers.currencies).join(", ");
      throw new RangeError(`the currency \`${currency}\` is not in this guest, which has those that its code names as texts: ${known}`);
    }
    if (style === "unit") {
      throw new RangeError("a guest has no units: write the unit after the number");
    }
    const usual = style === "currency" ? this.#numbers.currencies[currency.toUpperCase()].digits : 0;
    const least = options.minimumFractionDigits ?? Math.min(usual, options.maximumFractionDigits ?? usual);
    const most = options.maximumFractionDigits ?? Math.max(least, style === "currency" ? usual : style === "percent" || notation === "compact" ? 0 : 3);
    if (least > most) {
      throw new RangeError("maximumFractionDigits value is out of range.");
    }
    const significant = options.minimumSignificantDigits ?? options.maximumSignificantDigits;
    return {
      style,
      ...(style === "currency" && { currency: currency.toUpperCase(), currencyDisplay: options.currencyDisplay ?? "symbol", currencySign: "standard" }),
      minimumIntegerDigits: options.minimumIntegerDigits ?? 1,
      minimumFractionDigits: least,
      maximumFractionDigits: most,
      ...(significant !== undefined && { minimumSignificantDigits: options.minimumSignificantDigits ?? 1, maximumSignificantDigits: options.maximumSignificantDigits ?? 21 }),
      useGrouping: options.useGrouping ?? "auto",
      notation,
      signDisplay: options.signDisplay ?? "auto",
    };
  }

  #around() {
    const { style, currency, currencyDisplay } = this.#options;
    const { plain, percent, currencies } = this.#numbers;
    return style === "currency" ? (currencies[currency][currencyDisplay] ?? currencies[currency].symbol) : style === "percent" ? percent : plain;
  }

  // What is around the digits, in parts.
  #named(text) {
    const { style } = this.#options;
    return text
      .split(/([-−]|\s+|%)/)
      .filter((piece) => piece !== "")
      .map((value) => ({
        type: /^[-−]$/.test(value) ? "minusSign" : /^\s+$/.test(value) ? "literal" : value === "%" ? "percentSign" : style === "currency" ? "currency" : "literal",
        value,
      }));
  }

  #digits(size) {
    const { notation } = this.#options;
    if (size === Infinity) {
      return { digits: [{ type: "infinity", value: "∞" }], suffix: "" };
    }
    if (notation !== "compact" || Math.round(Number(size)) < 1000) {
      return { digits: this.#written(this.#rounded(size, notation === "compact")), suffix: "" };
    }
    const power = Math.min(14, Math.floor(Math.log10(Number(Number(size).toPrecision(2)))));
    const [left, suffix] = this.#numbers.compact[power - 3];
    return { digits: this.#written(this.#rounded(Number(size) / 10 ** (power - left + 1), true)), suffix };
  }

  // The number as digits with a point.
  #rounded(size, isCompact) {
    const { minimumFractionDigits: least, maximumFractionDigits: most, minimumSignificantDigits: fewest, maximumSignificantDigits: mostSignificant } = this.#options;
    if (typeof size === "bigint") {
      return least > 0 ? `${size}.${"0".repeat(least)}` : String(size);
    }
    if (mostSignificant !== undefined) {
      const text = trimmed(plain(Number(size.toPrecision(Math.min(mostSignificant, 100)))), 0);
      const digits = text.replace(".", "").replace(/^0+(?=.)/, "").length;
      const missing = Math.max(0, fewest - digits);
      return missing > 0 ? (text.includes(".") ? text : `${text}.`) + "0".repeat(missing) : text;
    }
    if (isCompact && most === 0) {
      // Two digits, as long as there are no more before the point.
      return size < 100 ? trimmed(plain(Number(size.toPrecision(2))), 0) : size.toFixed(0);
    }
    return trimmed(fixed(size, most), least);
  }

  #written(text) {
    const { decimal, group, sizes, isGroupedFrom } = this.#numbers;
    const { useGrouping, minimumIntegerDigits } = this.#options;
    const [whole, fraction] = text.split(".");
    const integer = whole.padStart(minimumIntegerDigits, "0");
    const isGrouped = useGrouping !== false && useGrouping !== "false" && (useGrouping === "always" || integer.length >= String(isGroupedFrom).length);
    const parts = isGrouped ? grouped(integer, sizes).flatMap((value, i) => [...(i > 0 ? [{ type: "group", value: group }] : []), { type: "integer", value }]) : [{ type: "integer", value: integer }];
    return fraction ? [...parts, { type: "decimal", value: decimal }, { type: "fraction", value: fraction }] : parts;
  }
}

function grouped(digits, [last, others]) {
  const groups = [];
  let end = digits.length;
  for (let size = last; end > 0; size = others) {
    groups.unshift(digits.slice(Math.max(0, end - size), end));
    end -= size;
  }
  return groups;
}

function trimmed(text, least) {
  const [whole, fraction = ""] = text.split(".");
  const kept = fraction.slice(0, least).padEnd(least, "0") + fraction.slice(least).replace(/0+$/, "");
  return kept === "" ? whole : `${whole}.${kept}`;
}

// As ICU rounds: by the number's shortest text, halves away from zero. `toFixed` takes the binary number's exact value.
function fixed(size, most) {
  const [whole, fraction = ""] = plain(size).split(".");
  if (fraction.length <= most) {
    return `${whole}.${fraction.padEnd(most, "0")}`;
  }
  const digits = String(BigInt(whole + fraction.slice(0, most)) + (fraction[most] >= "5" ? 1n : 0n)).padStart(most + 1, "0");
  return `${digits.slice(0, digits.length - most)}.${digits.slice(digits.length - most)}`;
}

// Without an exponent.
function plain(number) {
  const [, digits, fraction = "", exponent] = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(number));
  if (exponent === undefined) {
    return String(number);
  }
  const all = digits + fraction;
  const point = digits.length + Number(exponent);
  return point <= 0 ? `0.${"0".repeat(-point)}${all}` : all.padEnd(point, "0");
}
