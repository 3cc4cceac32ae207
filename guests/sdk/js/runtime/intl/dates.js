// `Intl.DateTimeFormat` (ECMA-402, chapter 11), by the patterns of the build.

import { hasLocale, localeOf, zoneOf } from "./data.js";

const DATE = ["weekday", "year", "month", "day"];
const TIME = ["hour", "minute", "second", "fractionalSecondDigits", "dayPeriod"];

export class DateTimeFormat {
  #locale;
  #zone;
  #options;
  #pattern;

  // `needed` are the fields of which one must be asked for, and those that are written otherwise.
  constructor(locales, options = {}, needed = ["any", "date"]) {
    this.#locale = localeOf(locales);
    this.#zone = zoneOf(options.timeZone);
    this.#options = filled(options, needed);
    this.#pattern = this.#choose();
    // V8 writes a plain blank where ICU has a narrow one.
    this.format = (date) => this.formatToParts(date).map(({ value }) => value).join("").replaceAll("\u202f", " ");
  }

  static supportedLocalesOf(locales) {
    return [locales ?? []].flat().filter(hasLocale);
  }

  formatToParts(date) {
    const time = date === undefined ? Date.now() : Number(date);
    if (Number.isNaN(time)) {
      throw new RangeError("Invalid time value");
    }
    const offset = this.#zone.offsetAt(time);
    const local = new Date(time + offset * 60000);
    return this.#pattern
      .split(/(\{\w+(?::\w)?\})/)
      .filter((piece) => piece !== "")
      .map((piece) => {
        const [, type, width] = /^\{(\w+)(?::(\w))?\}$/.exec(piece) ?? [];
        return type === undefined ? { type: "literal", value: piece } : { type, value: this.#field(type, width, local, time, offset) };
      });
  }

  formatRange(from, to) {
    const [first, second] = [this.format(from), this.format(to)];
    return first === second ? first : `${first} – ${second}`;
  }

  resolvedOptions() {
    const { dateStyle, timeStyle } = this.#options;
    const isHour12 = this.#isHour12();
    const hasHour = this.#options.hour !== undefined || timeStyle !== undefined;
    return {
      locale: this.#locale.name,
      calendar: "gregory",
      numberingSystem: "latn",
      timeZone: this.#zone.name,
      ...(hasHour && { hourCycle: isHour12 ? "h12" : "h23", hour12: isHour12 }),
      ...Object.fromEntries([...DATE, ...TIME, "timeZoneName"].filter((name) => this.#options[name] !== undefined).map((name) => [name, this.#options[name]])),
      ...(dateStyle && { dateStyle }),
      ...(timeStyle && { timeStyle }),
    };
  }

  #isHour12() {
    const { hour12, hourCycle } = this.#options;
    return hour12 ?? (hourCycle === undefined ? this.#locale.isHour12 : hourCycle === "h12" || hourCycle === "h11");
  }

  #choose() {
    const { dateStyle, timeStyle, timeZoneName, fractionalSecondDigits } = this.#options;
    const { dates, times, styles } = this.#locale;
    if (dateStyle !== undefined || timeStyle !== undefined) {
      const [date, glue] = styles.date[dateStyle] ?? [undefined, ""];
      const isOwn = this.#isHour12() === this.#locale.isHour12;
      const key = `${this.#isHour12() ? "12" : "24"}----nn${timeStyle === "short" ? "-" : "n"}`;
      const time = timeStyle === undefined ? undefined : isOwn ? styles.time[timeStyle] : times[key];
      return [date, time].filter((part) => part !== undefined).join(glue);
    }
    const { weekday, year, month, day, hour, minute, second } = this.#options;
    const letter = (option, narrow) => (option === undefined ? "-" : option === "narrow" ? narrow : option[0]);
    const dateKey = letter(weekday, "s") + letter(year) + letter(month, "s") + letter(day) + "---";
    const [date, glue] = dates[dateKey] ?? [undefined, ""];
    const time = times[`${this.#isHour12() ? "12" : "24"}----${letter(hour)}${letter(minute)}${letter(second)}`];
    const withFraction = fractionalSecondDigits === undefined ? time : (time ?? "").replace(/\{second(:2)?\}/, `$&${times.fraction}{fractionalSecond}`);
    const whole = [date, withFraction].filter((part) => part !== undefined).join(glue);
    return timeZoneName === undefined ? whole : `${whole}${hour === undefined && date !== undefined ? this.#locale.zoneGlue : " "}{timeZoneName:t}`;
  }

  #field(type, width, local, time, offset) {
    const two = (number) => (width === "2" ? String(number % 100).padStart(2, "0") : String(number));
    const { months, weekdays, periods } = this.#locale;
    switch (type) {
      case "year":
        return two(local.getUTCFullYear());
      case "month": {
        const { dateStyle, month = { full: "long", long: "long" }[dateStyle] ?? "short", day } = this.#options;
        const isDated = day !== undefined || dateStyle !== undefined;
        return width === "t" ? (months[month] ?? months.long)[isDated ? "dated" : "alone"][local.getUTCMonth()] : two(local.getUTCMonth() + 1);
      }
      case "day":
        return two(local.getUTCDate());
      case "weekday":
        return weekdays[this.#options.weekday ?? "long"][this.#options.day === undefined ? "alone" : "dated"][local.getUTCDay()];
      case "hour": {
        const hour = local.getUTCHours();
        return two(this.#isHour12() ? hour % 12 || 12 : hour);
      }
      case "minute":
        return two(local.getUTCMinutes());
      case "second":
        return two(local.getUTCSeconds());
      case "fractionalSecond":
        return String(local.getUTCMilliseconds()).padStart(3, "0").slice(0, this.#options.fractionalSecondDigits);
      case "dayPeriod":
        return periods[local.getUTCHours() < 12 ? 0 : 1];
      default:
        return this.#zoneName(time, offset);
    }
  }

  #zoneName(time, offset) {
    const { timeZoneName = { full: "long" }[this.#options.timeStyle] ?? "short" } = this.#options;
    if (timeZoneName.endsWith("Offset")) {
      return offset === 0 ? "GMT" : offsetName(offset, timeZoneName === "longOffset");
    }
    const names = this.#locale.zoneNames[this.#zone.name]?.[timeZoneName.startsWith("long") ? "long" : "short"];
    if (names === undefined) {
      return offset === 0 ? "GMT" : offsetName(offset);
    }
    const year = new Date(time).getUTCFullYear();
    return this.#zone.offsetAt(Date.UTC(year, 0, 15)) === offset ? names[0] : names[1];
  }
}

function offsetName(offset, isLong) {
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60];
  const two = (number) => String(number).padStart(2, "0");
  return `GMT${offset < 0 ? "-" : "+"}${isLong ? two(hours) : hours}${isLong || minutes ? `:${two(minutes)}` : ""}`;
}

// What is written where nothing is asked for.
function filled(options, needed) {
  const { dateStyle, timeStyle } = options;
  if (dateStyle !== undefined || timeStyle !== undefined) {
    return options;
  }
  const [required, written] = needed;
  const fields = { any: [...DATE, ...TIME], date: DATE, time: TIME }[required];
  if (fields.some((name) => options[name] !== undefined)) {
    return options;
  }
  const date = { year: "numeric", month: "numeric", day: "numeric" };
  const time = { hour: "numeric", minute: "numeric", second: "numeric" };
  return { ...options, ...(written !== "time" && date), ...(written !== "date" && time) };
}
