// An API of users on Express behind an HTTP API, by the successor of aws-serverless-express.
const serverlessExpress = require("@codegenie/serverless-express");
const express = require("express");

const app = express();
const users = [{ id: 1, name: "Ada" }];

app.use(express.json(), express.urlencoded({ extended: true }));
app.get("/users", (req, res) => res.json(users));
app.get("/users/:id", (req, res) => {
  const user = users.find((user) => user.id === Number(req.params.id));
  return user ? res.json(user) : res.status(404).json({ message: `no user ${req.params.id}` });
});
app.post("/users", (req, res) => {
  const { event } = serverlessExpress.getCurrentInvoke();
  const user = { id: users.length + 1, name: req.body.name, from: event.requestContext.http?.sourceIp ?? "REST" };
  users.push(user);
  res.status(201).cookie("last", String(user.id)).location(`/users/${user.id}`).json(user);
});
app.get("/headers", (req, res) => res.json({ languages: req.acceptsLanguages(), raw: req.rawHeaders, secure: req.secure }));

exports.handler = serverlessExpress({ app });
