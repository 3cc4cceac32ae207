//! This is [aws-config](https://docs.rs/aws-config), with a client that has the host send the requests. A guest has no
//! TLS of its own, and the host signs with the function's credentials.

mod body;
mod client;

pub use aws_config::*;

pub use self::client::http_client;

/// Loads the configuration from the environment.
pub async fn load_from_env() -> SdkConfig {
    from_env().load().await
}

/// Loads the configuration from the environment, with the defaults of a version.
pub async fn load_defaults(version: BehaviorVersion) -> SdkConfig {
    defaults(version).load().await
}

/// Begins a configuration from the environment, with the defaults of the newest version.
pub fn from_env() -> ConfigLoader {
    defaults(BehaviorVersion::latest())
}

/// Begins a configuration from the environment, with the defaults of a version.
pub fn defaults(version: BehaviorVersion) -> ConfigLoader {
    aws_config::defaults(version).http_client(http_client())
}
