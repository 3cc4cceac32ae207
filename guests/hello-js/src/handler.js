// Greets whoever the event names, and shows the two places where a handler can keep something: its own memory, which
// the instance has to itself, and `/tmp`, which all instances of an environment share.

import fs from "node:fs/promises";

const LAST = "/tmp/hello-last";

let count = 0;

export const handler = async (event, context) => {
  const name = event.name ?? "world";
  console.log(`greeting ${name} with ${context.getRemainingTimeInMillis()} ms left`);

  const last = await readIfThere(LAST);
  await fs.writeFile(LAST, name);

  count += 1;
  return { message: `Hello ${name}!`, count, last };
};

const readIfThere = async (path) => {
  try {
    return await fs.readFile(path, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") {
      return null;
    }
    throw error;
  }
};
