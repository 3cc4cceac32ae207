// Greets whoever the event names.

import { handling } from "./handling.js";

export const handler = handling((event) => ({ message: `Hello ${event.name}!` }));
