//! The benchmark's handlers as a native function: types in and out, as AWS's documentation has them.

use std::collections::BTreeMap;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Person {
    name: String,
}

#[derive(Serialize)]
struct Greeting {
    message: String,
}

async fn hello(event: LambdaEvent<Person>) -> Result<Greeting, Error> {
    Ok(Greeting { message: format!("Hello {}!", event.payload.name) })
}

#[derive(Deserialize)]
struct Orders {
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
struct Totals {
    customers: Vec<Customer>,
}

#[derive(Serialize)]
struct Customer {
    customer: String,
    orders: u64,
    cents: u64,
}

async fn orders(event: LambdaEvent<Orders>) -> Result<Totals, Error> {
    let mut totals = BTreeMap::<String, (u64, u64)>::new();
    for Order { customer, items } in event.payload.orders {
        let (orders, cents) = totals.entry(customer).or_default();
        *orders += 1;
        *cents += items.iter().map(|item| item.quantity * item.cents).sum::<u64>();
    }
    let customer = |(customer, (orders, cents))| Customer { customer, orders, cents };
    Ok(Totals { customers: totals.into_iter().map(customer).collect() })
}

#[derive(Deserialize, Serialize)]
struct Data {
    data: String,
}

async fn echo(event: LambdaEvent<Data>) -> Result<Data, Error> {
    Ok(event.payload)
}

#[derive(Deserialize)]
struct Work {
    rounds: u64,
}

#[derive(Serialize)]
struct Hash {
    hash: u64,
}

async fn compute(event: LambdaEvent<Work>) -> Result<Hash, Error> {
    let step = |hash: u64, round: u64| (hash ^ round).wrapping_mul(0x0100_0000_01b3).rotate_left(5);
    Ok(Hash { hash: (0..event.payload.rounds).fold(0xcbf2_9ce4_8422_2325, step) })
}

async fn run() -> Result<(), Error> {
    match std::env::var("_HANDLER").as_deref() {
        Ok("orders") => lambda_runtime::run_concurrent(service_fn(orders)).await,
        Ok("echo") => lambda_runtime::run_concurrent(service_fn(echo)).await,
        Ok("compute") => lambda_runtime::run_concurrent(service_fn(compute)).await,
        _ => lambda_runtime::run_concurrent(service_fn(hello)).await,
    }
}

fn main() -> Result<(), Error> {
    // As the host does: one thread where one invocation runs at a time.
    let mut builder = match std::env::var_os("AWS_LAMBDA_MAX_CONCURRENCY") {
        Some(_) => tokio::runtime::Builder::new_multi_thread(),
        None => tokio::runtime::Builder::new_current_thread(),
    };
    builder.enable_all().build()?.block_on(run())
}
