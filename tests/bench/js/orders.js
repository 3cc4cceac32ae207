// Sums up orders by customer.

const orders = (event) => {
  const totals = new Map();
  for (const { customer, items } of event.orders) {
    const total = totals.get(customer) ?? { customer, orders: 0, cents: 0 };
    total.orders += 1;
    total.cents += items.reduce((cents, item) => cents + item.quantity * item.cents, 0);
    totals.set(customer, total);
  }
  return { customers: [...totals.values()].sort((a, b) => (a.customer < b.customer ? -1 : 1)) };
};

export const handler = {
  handle(event) {
    try {
      return JSON.stringify(orders(JSON.parse(event)));
    } catch (error) {
      // Thrown as it is, an error would be a trap.
      throw { errorType: error.name, errorMessage: error.message, stackTrace: [] };
    }
  },
};
