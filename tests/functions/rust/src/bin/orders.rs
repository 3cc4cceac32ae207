//! Takes orders from a queue, and reports those that it can't take.

use std::collections::HashMap;

use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn, tracing};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error as ThisError;
use tokio::sync::Mutex;

#[derive(Deserialize)]
struct SqsEvent {
    #[serde(rename = "Records")]
    records: Vec<SqsMessage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SqsMessage {
    message_id: String,
    body: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchItemFailure {
    item_identifier: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Order {
    id: String,
    lines: Vec<Line>,
    #[serde(default)]
    coupon: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Line {
    sku: String,
    cents: u64,
    #[serde(default = "one")]
    count: u64,
}

fn one() -> u64 {
    1
}

#[derive(Debug, ThisError)]
enum OrderError {
    #[error("message {0} has no body")]
    NoBody(String),
    #[error("order {id} has {lines} lines, which is too many")]
    TooLong { id: String, lines: usize },
    #[error("can't read the order: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<OrderError> for Diagnostic {
    fn from(error: OrderError) -> Self {
        let error_type = match &error {
            OrderError::NoBody(_) => "NoBody",
            OrderError::TooLong { .. } => "TooLong",
            OrderError::Json(_) => "Json",
        };
        Diagnostic { error_type: error_type.into(), error_message: error.to_string() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    batch_item_failures: Vec<BatchItemFailure>,
    totals: HashMap<String, u64>,
    digests: Vec<String>,
    reasons: Vec<String>,
    seen: usize,
}

#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl Seen {
    async fn add(&self, id: &str) -> usize {
        let mut seen = self.0.lock().await;
        seen.push(id.to_owned());
        seen.len()
    }
}

fn read(message: &SqsMessage) -> Result<Order, OrderError> {
    let body = message.body.as_deref().ok_or_else(|| OrderError::NoBody(message.message_id.clone()))?;
    let order: Order = serde_json::from_str(body)?;
    if order.lines.len() > 3 {
        return Err(OrderError::TooLong { id: order.id, lines: order.lines.len() });
    }
    Ok(order)
}

async fn handle(seen: &Seen, event: LambdaEvent<SqsEvent>) -> Result<Summary, OrderError> {
    let mut summary = Summary {
        batch_item_failures: Vec::new(),
        totals: HashMap::new(),
        digests: Vec::new(),
        reasons: Vec::new(),
        seen: 0,
    };
    for message in &event.payload.records {
        match read(message) {
            Ok(order) => {
                let total = order.lines.iter().map(|line| line.cents * line.count).sum::<u64>();
                let total = if order.coupon.is_some() { total / 2 } else { total };
                let skus: Vec<&str> = order.lines.iter().map(|line| line.sku.as_str()).collect();
                summary.digests.push(format!("{:x}", Sha256::digest(skus.join(","))));
                summary.seen = seen.add(&order.id).await;
                summary.totals.insert(order.id, total);
            }
            Err(error @ OrderError::NoBody(_)) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "not taken");
                summary.reasons.push(error.to_string());
                let item_identifier = message.message_id.clone();
                summary.batch_item_failures.push(BatchItemFailure { item_identifier });
            }
        }
    }
    Ok(summary)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let seen = Seen::default();
    run(service_fn(|event| handle(&seen, event))).await
}
