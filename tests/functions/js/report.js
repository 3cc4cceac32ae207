// A report of sales: CSV in, texts out, with times of day where the shops are.
import { parse } from "csv-parse/sync";
import { addDays, format } from "date-fns";
import dayjs from "dayjs";
import timezone from "dayjs/plugin/timezone.js";
import utc from "dayjs/plugin/utc.js";
import Handlebars from "handlebars";
import _ from "lodash";
import { DateTime } from "luxon";

dayjs.extend(utc);
dayjs.extend(timezone);

const page = Handlebars.compile("{{#each shops}}{{@key}}: {{#each this}}{{name}} {{sum}}; {{/each}}{{/each}}");

export const handler = ({ csv, at }) => {
  const rows = parse(csv, { columns: true, cast: true, skip_empty_lines: true });
  const money = (sum) => sum.toLocaleString("en-US", { style: "currency", currency: "USD" });
  const shops = _.mapValues(_.groupBy(rows, "shop"), (list) => list.map(({ name, count, price }) => ({ name, sum: money(count * price) })));
  const date = new Date(at);
  return {
    text: page({ shops }),
    total: new Intl.NumberFormat("de-DE", { minimumFractionDigits: 2 }).format(_.sumBy(rows, ({ count, price }) => count * price)),
    share: (rows.length / 7).toLocaleString("en-GB", { style: "percent", maximumFractionDigits: 1 }),
    day: date.toLocaleDateString("en-US", { weekday: "long", year: "numeric", month: "long", day: "numeric" }),
    newYork: date.toLocaleString("en-US", { timeZone: "America/New_York", timeZoneName: "short" }),
    berlin: DateTime.fromJSDate(date, { zone: "Europe/Berlin" }).toISO(),
    tokyo: dayjs(date).tz("Asia/Tokyo").format("YYYY-MM-DD HH:mm"),
    due: format(addDays(date, 30), "EEEE, d MMMM yyyy"),
    names: _.uniq(rows.map(({ name }) => name)).sort((a, b) => a.localeCompare(b)),
  };
};
