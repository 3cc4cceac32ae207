//! A function whose client is made once in `main`, with error types of its own and a layer of its own.

use std::{
    cell::Cell,
    task::{Context, Poll},
};

use lambda_runtime::{
    Diagnostic, Error, LambdaEvent, LambdaInvocation, Runtime, layers, service_fn,
    tower::{Layer, Service},
    tracing,
};
use serde::{Deserialize, Serialize};

/// Counts the orders, as a client of a database would hold connections. No thread could share it.
struct Client {
    orders: Cell<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: String,
    #[serde(default)]
    amount: f64,
}

#[derive(Serialize)]
struct Receipt<'a> {
    count: u64,
    prefix: &'a str,
    request_id: String,
    function: String,
    deadline_ms: u64,
}

#[derive(Debug)]
enum OrderError {
    NotFound(String),
    Amount(f64),
}

impl From<OrderError> for Diagnostic {
    fn from(error: OrderError) -> Self {
        let (error_type, error_message) = match error {
            OrderError::NotFound(id) => ("OrderNotFound", format!("no order {id}")),
            OrderError::Amount(amount) => ("InvalidAmount", format!("{amount} is no amount")),
        };
        Diagnostic { error_type: error_type.into(), error_message }
    }
}

async fn handle<'a>(client: &Client, prefix: &'a str, event: LambdaEvent<Order>) -> Result<Receipt<'a>, OrderError> {
    let (order, context) = event.into_parts();
    if order.order_id.is_empty() {
        return Err(OrderError::NotFound(order.order_id));
    }
    if order.amount < 0.0 {
        return Err(OrderError::Amount(order.amount));
    }
    if order.order_id == "panic" {
        panic!("the handler panicked");
    }
    client.orders.set(client.orders.get() + 1);
    tracing::info!(order_id = order.order_id, "charged");
    Ok(Receipt {
        count: client.orders.get(),
        prefix,
        request_id: context.request_id,
        function: context.env_config.function_name.clone(),
        deadline_ms: context.deadline,
    })
}

/// Says when an invocation begins.
struct LogLayer;

impl<S> Layer<S> for LogLayer {
    type Service = Log<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Log { inner }
    }
}

struct Log<S> {
    inner: S,
}

impl<S: Service<LambdaInvocation>> Service<LambdaInvocation> for Log<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> S::Future {
        println!("layer: {} bytes for {}", invocation.body.len(), invocation.context.request_id);
        self.inner.call(invocation)
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let client = Client { orders: Cell::new(0) };
    let prefix = std::env::var("PREFIX").map_err(|error| format!("PREFIX: {error}"))?;
    let (client, prefix) = (&client, prefix.as_str());
    let handler = service_fn(move |event: LambdaEvent<Order>| async move { handle(client, prefix, event).await });
    Runtime::new(handler).layer(layers::TracingLayer::new()).layer(LogLayer).run().await
}
