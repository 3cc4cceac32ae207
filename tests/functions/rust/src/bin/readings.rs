//! Sums up what sensors report: events of several kinds, with anyhow.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(tag = "detail-type", content = "detail", rename_all = "kebab-case")]
enum Event {
    Reading { sensor: String, values: Vec<f64> },
    Blob(String),
    Batch(Vec<Event>),
    Wait { ms: u64 },
    Fail(String),
}

#[derive(Default, Serialize)]
struct Report {
    count: usize,
    mean: BTreeMap<String, f64>,
    largest: Option<f64>,
    bytes: u64,
}

async fn add(report: &mut Report, event: Event) -> anyhow::Result<()> {
    match event {
        Event::Reading { sensor, values } => {
            ensure!(!values.is_empty(), "sensor {sensor} reports nothing");
            report.count += values.len();
            report.largest = values.iter().copied().chain(report.largest).reduce(f64::max);
            report.mean.insert(sensor, values.iter().sum::<f64>() / values.len() as f64);
        }
        Event::Blob(text) => {
            let bytes = STANDARD.decode(&text).with_context(|| format!("blob of {} letters", text.len()))?;
            report.bytes += u64::try_from(bytes.len())?;
        }
        Event::Batch(events) => {
            for event in events {
                Box::pin(add(report, event)).await?;
            }
        }
        Event::Wait { ms } => tokio::time::sleep(Duration::from_millis(ms)).await,
        Event::Fail(what) => bail!(what),
    }
    Ok(())
}

async fn handle(event: LambdaEvent<Event>) -> Result<Report, Error> {
    let mut report = Report::default();
    add(&mut report, event.payload).await?;
    Ok(report)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}
