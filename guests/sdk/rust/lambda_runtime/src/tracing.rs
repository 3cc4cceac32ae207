use std::{env, io};

pub use ::tracing::*;
pub use tracing_subscriber as subscriber;
use tracing_subscriber::{EnvFilter, filter::LevelFilter, fmt::MakeWriter};

/// Writes log lines to standard output, in the format and from the level on that Lambda's variables ask for.
///
/// The level is that of `AWS_LAMBDA_LOG_LEVEL`, else `RUST_LOG`, else INFO. The format is that of
/// `AWS_LAMBDA_LOG_FORMAT`.
pub fn init_default_subscriber() {
    init_default_subscriber_with_writer(io::stdout);
}

/// Writes log lines as [`init_default_subscriber`] does, to somewhere else.
pub fn init_default_subscriber_with_writer<W>(writer: W)
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let level = env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| env::var("RUST_LOG"));
    let level = level.ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    let subscriber = subscriber::fmt().with_target(false).without_time().with_env_filter(filter).with_writer(writer);
    match env::var("AWS_LAMBDA_LOG_FORMAT") {
        Ok(format) if format.eq_ignore_ascii_case("json") => subscriber.json().init(),
        _ => subscriber.init(),
    }
}
