// Greets whoever the event names.

const hello = (event) => ({ message: `Hello ${event.name}!` });

export const handler = {
  handle(event) {
    try {
      return JSON.stringify(hello(JSON.parse(event)));
    } catch (error) {
      // Thrown as it is, an error would be a trap.
      throw { errorType: error.name, errorMessage: error.message, stackTrace: [] };
    }
  },
};
