// Does what the conformance tests ask of the handler of each language.

import { randomBytes } from "node:crypto";
import fs from "node:fs/promises";

export const handler = async (event, context) => {
  const behaviour = behaviours[event?.do];
  if (behaviour === undefined) {
    throw new Error("no such behaviour");
  }
  return behaviour(event, context);
};

class OrderNotFound extends Error {
  name = "OrderNotFound";
}

let count = 0;

const behaviours = {
  __proto__: null,

  echo: ({ value }) => value,

  "fail typed": async () => {
    throw new OrderNotFound("no such order");
  },

  "fail untyped": async () => {
    throw new Error("something went wrong");
  },

  log: ({ lines }) => {
    for (let i = 1; i <= lines; i++) {
      console.log(`out ${i}`);
      console.error(`err ${i}`);
    }
  },

  count: () => {
    count += 1;
    return count;
  },

  write: ({ name, text }) => fs.writeFile(`/tmp/${name}`, text),

  read: async ({ name }) => {
    try {
      return await fs.readFile(`/tmp/${name}`, "utf8");
    } catch (error) {
      if (error.code === "ENOENT") {
        return null;
      }
      throw error;
    }
  },

  env: ({ name }) => process.env[name],

  // Only JavaScript is asked for these.
  levels: () => {
    for (const level of ["debug", "info", "warn", "error", "trace"]) {
      console[level](`said by ${level}\nand more`);
    }
  },

  "fail with a cause": () => {
    throw new OrderNotFound("no such order", { cause: new RangeError("7 is too much", { cause: "a misprint" }) });
  },

  fetch: () => fetch("https://example.com/"),

  now: () => Date.now(),

  sleep: async ({ ms }) => {
    const start = Date.now();
    await new Promise((resolve) => setTimeout(resolve, ms));
    return Date.now() - start;
  },

  random: () => ({
    default: Array.from({ length: 8 }, () => Math.random()).join(" "),
    secure: randomBytes(16).toString("hex"),
  }),

  remaining: (_, context) => context.getRemainingTimeInMillis(),

  context: (_, context) => ({
    request_id: context.awsRequestId,
    function_name: context.functionName,
    function_version: context.functionVersion,
    invoked_function_arn: context.invokedFunctionArn,
    memory_limit_mib: Number(context.memoryLimitInMB),
    log_group_name: context.logGroupName,
    log_stream_name: context.logStreamName,
    deadline_ms: context.deadlineMs,
    trace_id: process.env._X_AMZN_TRACE_ID ?? null,
    tenant_id: context.tenantId ?? null,
    identity_id: context.identity?.cognitoIdentityId ?? null,
    identity_pool_id: context.identity?.cognitoIdentityPoolId ?? null,
    custom: context.clientContext?.custom ?? null,
  }),
};
