//! The network's benchmark: one request to a server. `URL` says which.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use reqwest::Client;
use serde::{Deserialize, Serialize, de::IgnoredAny};

#[derive(Deserialize, Serialize)]
struct Message {
    message: String,
}

async fn get(client: &Client) -> Result<Message, Error> {
    let url = std::env::var("URL")?;
    Ok(client.get(url).send().await?.json().await?)
}

fn main() -> Result<(), Error> {
    let client = Client::new();
    // As the host does where one invocation runs at a time.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(service_fn(|_: LambdaEvent<IgnoredAny>| get(&client))))
}
