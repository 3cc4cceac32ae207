// The app of the benchmark of HTTP, with Hono.

import { Hono } from "hono";

const app = new Hono();
app.get("/", (c) => c.json({ message: `Hello ${c.req.query("name")}!` }));

export default app;
