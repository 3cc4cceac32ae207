// Answers with the event.

import { handling } from "./handling.js";

export const handler = handling((event) => event);
