// Sums up orders by customer.

import { handling } from "./handling.js";

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

export const handler = handling(orders);
