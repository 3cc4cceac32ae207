// Answers with the event.

const echo = (event) => event;

export const handler = {
  handle(event) {
    try {
      return JSON.stringify(echo(JSON.parse(event)));
    } catch (error) {
      // Thrown as it is, an error would be a trap.
      throw { errorType: error.name, errorMessage: error.message, stackTrace: [] };
    }
  },
};
