//! The benchmark's handlers as a native function: types in and out, as AWS's documentation has them.

#[path = "../../work/compute.rs"]
mod compute;
#[path = "../../work/orders.rs"]
mod orders;

use std::io::Write as _;

use compute::{Hash, Work};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use orders::{Orders, Totals, sum_up};
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

async fn orders(event: LambdaEvent<Orders>) -> Result<Totals, Error> {
    Ok(sum_up(event.payload))
}

#[derive(Deserialize, Serialize)]
struct Data {
    data: String,
}

async fn echo(event: LambdaEvent<Data>) -> Result<Data, Error> {
    Ok(event.payload)
}

/// Prints what the event says, as a guest of the tests' does.
async fn log(event: LambdaEvent<Vec<String>>) -> Result<(), Error> {
    for words in event.payload.chunks(2) {
        std::io::stdout().write_all(words[1].as_bytes())?;
        std::io::stdout().flush()?;
    }
    Ok(())
}

async fn compute(event: LambdaEvent<Work>) -> Result<Hash, Error> {
    Ok(compute::compute(&event.payload))
}

async fn run() -> Result<(), Error> {
    match std::env::var("_HANDLER").as_deref() {
        Ok("orders") => lambda_runtime::run_concurrent(service_fn(orders)).await,
        Ok("echo") => lambda_runtime::run_concurrent(service_fn(echo)).await,
        Ok("log") => lambda_runtime::run_concurrent(service_fn(log)).await,
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
