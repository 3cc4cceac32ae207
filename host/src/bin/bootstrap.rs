//! What Lambda starts: telemetry, configuration, guest, serve.

use std::{
    io,
    num::NonZeroUsize,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use anyhow::Context as _;
use guesthouse::{
    config::{Config, EdgeKind, Environment, variables},
    edge::{self, Service, Threads},
    laps::Laps,
    logs::Logs,
    telemetry,
};

fn main() -> ExitCode {
    let laps = Laps::begin();
    let environment = Environment::of_process();
    let logs = Arc::new(Logs::from_environment(&environment, Box::new(Mutex::new(io::stdout()))));
    telemetry::start(logs.clone());
    match run(&environment, logs, laps) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(environment: &Environment, logs: Arc<Logs>, mut laps: Laps) -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let config = Config::read(environment, &arguments);
    laps.done("config");
    let (kind, concurrency) =
        config.as_ref().map_or((EdgeKind::Direct, NonZeroUsize::MIN), |config| (config.edge, config.concurrency));
    let runtime = edge::executor(kind, concurrency).context("can't start threads")?;
    laps.done("executor");
    let ended = runtime.block_on(async {
        let prepared = match config {
            Ok(config) => Service::load(&config, logs, laps).await.map(|service| (config, service)),
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
        let served = edge::serve(kind, &config.runtime_api, Arc::new(service), concurrency, Threads::Own).await;
        served.map_err(anyhow::Error::from_boxed)
    });
    // A compiler that is still at work is not waited for.
    runtime.shutdown_background();
    ended
}
