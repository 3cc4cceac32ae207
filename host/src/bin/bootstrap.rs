//! What Lambda starts: telemetry, configuration, guest, serve.

use std::{
    io,
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::Context as _;
use guesthouse::{
    config::{Config, Environment, variables},
    edge::{self, Service},
    logs::Logs,
    telemetry,
};
use tokio::runtime::{Builder, Runtime};

fn main() -> ExitCode {
    let environment = Environment::of_process();
    let logs = Arc::new(Logs::from_environment(&environment, Box::new(Mutex::new(io::stdout()))));
    telemetry::start(logs.clone());
    match run(&environment, logs) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(environment: &Environment, logs: Arc<Logs>) -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let config = Config::read(environment, &arguments);
    let runtime =
        runtime(config.as_ref().map_or(1, |config| config.concurrency.get())).context("can't start threads")?;
    let ended = runtime.block_on(async {
        let prepared = match config {
            Ok(config) => Service::load(&config, logs).await.map(|service| (config, service)),
            Err(failure) => Err(failure),
        };
        let (config, service) = match prepared {
            Ok(prepared) => prepared,
            Err(failure) => {
                if let Some(runtime_api) = environment.get(variables::RUNTIME_API) {
                    edge::report_init_failure(runtime_api, &failure).await;
                }
                return Err(failure.into());
            }
        };
        let served = edge::serve(config.edge, &config.runtime_api, Arc::new(service), config.concurrency).await;
        served.map_err(anyhow::Error::from_boxed)
    });
    // A compiler that is still at work is not waited for.
    runtime.shutdown_background();
    ended
}

/// One thread where one invocation runs at a time: waking another one costs more than all else in the loop.
fn runtime(concurrency: usize) -> io::Result<Runtime> {
    let mut builder = if concurrency == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    if concurrency > 1 {
        // Guests that compute would else keep their threads from looking at deadlines and sockets for many of their turns.
        builder.event_interval(1);
    }
    // More threads compile at first, and later read files for guests that do not wait for them.
    builder.max_blocking_threads(4).thread_keep_alive(Duration::from_millis(100)).enable_all().build()
}
