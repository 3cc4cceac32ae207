//! The subcommand `logs` prints a function's log.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use guesthouse::text::escaped_lines;
use serde_json::{Value, json};

use super::{
    client::{Aws, Call, CallError, Service},
    invoke::Function,
};
use crate::{Exit, lambda};

/// Print the log of a function on AWS Lambda
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    function: Function,
    /// Go on with new lines until it is interrupted
    #[arg(short, long)]
    follow: bool,
    /// How far back to begin, such as `10m`
    #[arg(long, default_value = "10m", value_parser = humantime::parse_duration)]
    since: Duration,
}

/// The wait between two looks for new lines.
const INTERVAL: Duration = Duration::from_secs(2);
/// Lines arrive out of order. This much before the newest is read again.
const OVERLAP_MS: u64 = 10_000;

pub fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let Arguments { function, follow, since } = arguments;
    let (name, aws) = function.connect()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut log = Log { begin_ms: millis(now.saturating_sub(since)), known: BTreeSet::new() };
    lambda::runtime()?.block_on(async {
        loop {
            let mut token = None;
            loop {
                let page = page(&aws, &name, log.begin_ms, token.as_deref()).await?;
                log.new_lines(&page).iter().for_each(|line| anstream::println!("{}", escaped_lines(line)));
                if !follow {
                    // No line is read twice, so none has to be known.
                    log.known.clear();
                }
                match page["nextToken"].as_str() {
                    Some(next) => token = Some(next.to_owned()),
                    None => break,
                }
            }
            if !follow {
                return Ok(Exit::Done);
            }
            log.forget();
            tokio::time::sleep(INTERVAL).await;
        }
    })
}

/// Returns a page of the log. A function that was never called has no log.
async fn page(aws: &Aws, name: &str, begin_ms: u64, token: Option<&str>) -> Result<Value, CallError> {
    let mut body = json!({"logGroupName": format!("/aws/lambda/{name}"), "startTime": begin_ms});
    if let Some(token) = token {
        body["nextToken"] = json!(token);
    }
    let headers = vec![
        ("content-type", "application/x-amz-json-1.1".to_owned()),
        ("x-amz-target", "Logs_20140328.FilterLogEvents".to_owned()),
    ];
    let (body, path, action) = (body.to_string().into_bytes(), "/".to_owned(), "logs:FilterLogEvents");
    let call = Call { service: Service::Logs, method: "POST", path, headers, body, action };
    match aws.call(&call).await {
        Ok(response) => Ok(serde_json::from_slice(&response.body).unwrap_or_default()),
        Err(error) if error.code == "ResourceNotFoundException" => Ok(Value::Null),
        Err(error) => Err(error),
    }
}

/// What is known of the log.
struct Log {
    /// Where to begin, in milliseconds since 1970.
    begin_ms: u64,
    /// The time and the id of each line since then that was printed.
    known: BTreeSet<(u64, String)>,
}

impl Log {
    /// Returns the lines of a page that were not printed yet.
    fn new_lines(&mut self, page: &Value) -> Vec<String> {
        let events = page["events"].as_array().into_iter().flatten();
        let new = events.filter(|event| {
            let id = event["eventId"].as_str().unwrap_or_default().to_owned();
            self.known.insert((event["timestamp"].as_u64().unwrap_or_default(), id))
        });
        new.map(|event| event["message"].as_str().unwrap_or_default().trim_end().to_owned()).collect()
    }

    /// Forgets the lines that are too old to be read again, so that the memory does not grow.
    fn forget(&mut self) {
        let newest = self.known.last().map_or(0, |(time, _)| *time);
        self.begin_ms = self.begin_ms.max(newest.saturating_sub(OVERLAP_MS));
        self.known = self.known.split_off(&(self.begin_ms, String::new()));
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_printed_once_and_old_ones_are_forgotten() {
        let page = |events: &[(u64, &str)]| {
            let event =
                |(time, id): &(u64, &str)| json!({"timestamp": time, "eventId": id, "message": format!("{id}\n")});
            json!({"events": events.iter().map(event).collect::<Vec<_>>()})
        };
        let mut log = Log { begin_ms: 0, known: BTreeSet::new() };
        assert_eq!(log.new_lines(&page(&[(1000, "a"), (30_000, "b")])), ["a", "b"]);
        log.forget();
        assert_eq!((log.begin_ms, log.known.len()), (20_000, 1));
        assert_eq!(log.new_lines(&page(&[(29_000, "late"), (30_000, "b"), (30_000, "c")])), ["late", "c"]);
        assert_eq!(log.new_lines(&Value::Null), [""; 0]);
    }
}
