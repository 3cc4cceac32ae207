// Middy around a small function, with a schema of zod.
import middy from "@middy/core";
import httpErrorHandler from "@middy/http-error-handler";
import jsonBodyParser from "@middy/http-json-body-parser";
import { z } from "zod";

const Person = z.object({ name: z.string().trim().min(2), email: z.email(), age: z.number().int().min(18).optional() });

const signUp = async ({ body }) => {
  const { success, data, error } = Person.safeParse(body);
  if (!success) {
    throw Object.assign(new Error(JSON.stringify(error.issues.map(({ path, code }) => [path.join("."), code]))), { statusCode: 422, expose: true });
  }
  return { statusCode: 201, headers: { "Content-Type": "application/json" }, body: JSON.stringify({ welcome: data.name, at: data.email.split("@")[1] }) };
};

export const handler = middy(signUp).use(jsonBodyParser()).use(httpErrorHandler({ logger: false }));
