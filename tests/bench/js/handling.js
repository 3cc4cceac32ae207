// A handler as the contract has it, JSON text in and out, of a function on values.

export const handling = (handle) => ({
  handle(event) {
    try {
      return JSON.stringify(handle(JSON.parse(event)));
    } catch (error) {
      // Thrown as it is, an error would be a trap.
      throw { errorType: error.name, errorMessage: error.message, stackTrace: [] };
    }
  },
});
