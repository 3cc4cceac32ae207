//! A function that does what tokio is for: tasks, timers and channels. Its errors are boxed.

use std::time::{Duration, Instant};

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    time::{interval, sleep, timeout},
};

async fn handler(event: LambdaEvent<Value>, ticks: &tokio::sync::watch::Receiver<u64>) -> Result<Value, Error> {
    let started = Instant::now();
    let done = match event.payload["do"].as_str().ok_or("`do` is no text")? {
        "spawn" => {
            let tasks: Vec<_> = (0..10)
                .map(|number: u64| {
                    tokio::spawn(async move {
                        sleep(Duration::from_millis(100)).await;
                        number
                    })
                })
                .collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await?;
            }
            json!(sum)
        }
        "join" => {
            let nap = || sleep(Duration::from_millis(100));
            tokio::join!(nap(), nap(), nap());
            json!("joined")
        }
        "select" => {
            let (sender, receiver) = oneshot::channel();
            tokio::spawn(async move { sender.send("first") });
            tokio::select! {
                received = receiver => json!(received?),
                () = sleep(Duration::from_secs(60)) => json!("late"),
            }
        }
        "timeout" => {
            timeout(Duration::from_millis(20), std::future::pending::<()>()).await?;
            Value::Null
        }
        "channel" => {
            let (sender, mut receiver) = mpsc::channel(1);
            let task = tokio::spawn(async move {
                for number in 1..=100 {
                    if sender.send(number).await.is_err() {
                        break;
                    }
                }
            });
            let mut sum = 0;
            while let Some(number) = receiver.recv().await {
                sum += number;
            }
            task.await?;
            json!(sum)
        }
        "blocking" => json!(tokio::task::spawn_blocking(|| 6 * 7).await?),
        "file" => {
            tokio::fs::write("/tmp/moved", "written").await?;
            json!(tokio::fs::read_to_string("/tmp/moved").await?)
        }
        "parse" => json!("x".parse::<u8>()?),
        "ticks" => json!(*ticks.borrow()),
        "wait for ever" => std::future::pending().await,
        other => return Err(format!("there is no `{other}`").into()),
    };
    Ok(json!({"done": done, "ms": started.elapsed().as_millis() as u64}))
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Error> {
    // A task that goes on while events are handled.
    let (sender, ticks) = tokio::sync::watch::channel(0);
    tokio::spawn(async move {
        let mut interval = interval(Duration::from_millis(10));
        loop {
            interval.tick().await;
            sender.send_modify(|ticks| *ticks += 1);
        }
    });
    run(service_fn(|event| handler(event, &ticks))).await
}
