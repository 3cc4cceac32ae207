// The export `lifecycle` of a guest: its `init` does `start` once, before the first event or request.

import { asHandlerError } from "./errors.js";

export const lifecycleOf = (start) => ({
  init() {
    try {
      start();
    } catch (error) {
      // Thrown as it is, an error would be a trap.
      throw asHandlerError(error);
    }
  },
});
