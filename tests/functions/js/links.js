// CommonJS in a project whose package.json says that it has modules: a page's links, checked and logged.
const Ajv = require("ajv");
const cheerio = require("cheerio");
const pino = require("pino");
const { v5 } = require("uuid");
const winston = require("winston");

const log = pino({ level: "info", base: null, timestamp: false });
const audit = winston.createLogger({ format: winston.format.json(), transports: [new winston.transports.Console()] });
const isPage = new Ajv({ allErrors: true }).compile({
  type: "object",
  required: ["html", "base"],
  properties: { html: { type: "string", minLength: 1 }, base: { type: "string", pattern: "^https://" } },
});

exports.find = async function find(event, context) {
  if (!isPage(event)) {
    log.warn({ errors: isPage.errors.length }, "no page");
    const error = new TypeError(isPage.errors.map(({ instancePath, message }) => `${instancePath} ${message}`).join("; "));
    error.name = "NoPage";
    throw error;
  }
  const $ = cheerio.load(event.html);
  const links = $("a[href]").map((i, a) => ({ id: v5(new URL($(a).attr("href"), event.base).href, v5.URL), text: $(a).text().trim() })).get();
  log.info({ links: links.length }, "found");
  audit.info("found", { request: Boolean(context.awsRequestId) });
  return { title: $("title").text(), links, querystring: require("querystring").stringify({ n: links.length, q: ["a b", "ü"] }) };
};
