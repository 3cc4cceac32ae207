//! What Lambda starts: telemetry, configuration, guest, serve.

use std::{io, process::ExitCode, sync::Arc, time::Duration};

use guesthouse::{
    config::{Config, Environment, variables},
    edge,
    laps::Laps,
    logs::{Format, Logs},
    observer::Observer as _,
    telemetry,
};

/// How long the end of the log may take, of the little time that Lambda gives.
const LAST_LINES: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    if let Some(done) = guesthouse::engine::work_if_asked(std::env::args_os()) {
        return done;
    }
    let laps = Laps::begin();
    let environment = Environment::of_process();
    let stdout = Format::from_environment(&environment).writer(io::stdout());
    let logs = Arc::new(Logs::from_environment(&environment, Box::new(stdout)));
    telemetry::start(logs.clone());
    let ended = run(&environment, logs.clone(), laps);
    if let Err(error) = &ended {
        tracing::error!("{error:#}");
    }
    logs.flush(LAST_LINES);
    if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(environment: &Environment, logs: Arc<Logs>, mut laps: Laps) -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let config = Config::read(environment, &arguments);
    laps.done("config");
    match config {
        Ok(config) => edge::run(config, logs, laps).map_err(anyhow::Error::from_boxed),
        Err(failure) => {
            if let Some(runtime_api) = environment.get(variables::RUNTIME_API) {
                edge::report_init_failure(runtime_api, &failure);
            }
            Err(failure.into())
        }
    }
}
