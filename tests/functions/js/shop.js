// An Express application behind API Gateway, as many moved to Lambda: routes, JSON, forms, cookies, errors.
import cookieParser from "cookie-parser";
import express from "express";
import serverless from "serverless-http";

const stock = new Map([["tea", 4], ["jam", 0]]);
const app = express();
app.use(cookieParser());
app.use(express.json());
app.use(express.urlencoded({ extended: true }));

app.get("/goods/:name", (req, res) => {
  const count = stock.get(req.params.name);
  count === undefined ? res.status(404).json({ error: `no ${req.params.name}` }) : res.json({ name: req.params.name, count, unit: req.query.unit ?? "piece" });
});
app.post("/orders", async (req, res) => {
  const { name, count = 1 } = req.body;
  await new Promise((resolve) => setTimeout(resolve, 2));
  if (!(stock.get(name) >= count)) {
    throw Object.assign(new Error(`not enough ${name}`), { status: 409 });
  }
  res.cookie("last", name, { httpOnly: true }).status(201).location(`/goods/${name}`).send(`ordered ${count} × ${name} for ${req.cookies.user ?? "nobody"}`);
});
app.get("/away", (req, res) => res.redirect("https://example.com/"));
app.use((error, req, res, next) => res.status(error.status ?? 500).json({ error: error.type ?? error.message }));

const handle = serverless(app);

export const handler = async (event, context) => {
  const { statusCode, body, headers, multiValueHeaders } = await handle(event, context);
  const { date, ...rest } = headers;
  return { statusCode, body, headers: rest, multiValueHeaders };
};
