//! `bootstrap` is the binary that Lambda starts: it sets up the log, reads the configuration, loads the guest, and
//! serves events.

use std::{io, process::ExitCode, sync::Arc, time::Duration};

use guesthouse::{
    config::{Config, EnvVars, variables},
    logs::{Format, Logs},
    observer::Observer as _,
    phase_timings::PhaseTimings,
    runtime_client, telemetry,
};

/// The maximum time for writing the last log lines, out of the short time that Lambda gives at the end.
const LAST_LINES: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    if let Some(done) = guesthouse::engine::work_if_asked(std::env::args_os()) {
        return done;
    }
    let timings = PhaseTimings::start();
    let environment = EnvVars::of_process();
    let stdout = Format::from_environment(&environment).writer(io::stdout());
    let logs = Arc::new(Logs::from_environment(&environment, Box::new(stdout)));
    telemetry::start(logs.clone());
    let ended = run(&environment, logs.clone(), timings);
    if let Err(error) = &ended {
        tracing::error!("{error:#}");
    }
    logs.flush(LAST_LINES);
    if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(environment: &EnvVars, logs: Arc<Logs>, mut timings: PhaseTimings) -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let config = Config::read(environment, &arguments);
    timings.record("config");
    match config {
        Ok(config) => runtime_client::run(config, logs, timings).map_err(anyhow::Error::from_boxed),
        Err(failure) => {
            if let Some(runtime_api) = environment.get(variables::RUNTIME_API) {
                runtime_client::report_init_failure(runtime_api, &failure);
            }
            Err(failure.into())
        }
    }
}
