// Greets whoever the event names, and shows the two places where a handler can keep something: its own memory, which
// the instance has to itself, and `/tmp`, which all instances of an environment share.

import fs from "node:fs/promises";

import type { Handler } from "guesthouse";

interface Event {
  name?: string;
}

interface Response {
  message: string;
  /** How many events this instance has handled, this one included. */
  count: number;
  /** Whom the last greeting was for, as `/tmp` remembers it. */
  last: string | null;
}

const LAST = "/tmp/hello-last";

let count = 0;

export const handler: Handler<Event, Response> = async (event, context) => {
  const name = event.name ?? "world";
  console.log(`greeting ${name} with ${context.getRemainingTimeInMillis()} ms left`);

  const last = await readIfThere(LAST);
  await fs.writeFile(LAST, name);

  count += 1;
  return { message: `Hello ${name}!`, count, last };
};

const readIfThere = async (path: string): Promise<string | null> => {
  try {
    return await fs.readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return null;
    }
    throw error;
  }
};
