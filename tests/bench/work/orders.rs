//! Real work on JSON, the same in the guest and in the native function.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
pub struct Orders {
    orders: Vec<Order>,
}

#[derive(Deserialize)]
struct Order {
    customer: String,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    quantity: u64,
    cents: u64,
}

#[derive(Serialize)]
pub struct Totals {
    customers: Vec<Customer>,
}

#[derive(Serialize)]
struct Customer {
    customer: String,
    orders: u64,
    cents: u64,
}

/// Sums up the orders by customer.
pub fn sum_up(orders: Orders) -> Totals {
    let mut totals = BTreeMap::<String, (u64, u64)>::new();
    for Order { customer, items } in orders.orders {
        let (orders, cents) = totals.entry(customer).or_default();
        *orders += 1;
        *cents += items.iter().map(|item| item.quantity * item.cents).sum::<u64>();
    }
    let customer = |(customer, (orders, cents))| Customer { customer, orders, cents };
    Totals { customers: totals.into_iter().map(customer).collect() }
}
