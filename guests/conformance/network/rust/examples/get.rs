//! The network's benchmark: one request to a server. `URL` says which.

use guesthouse_guest::{
    Context, Error, handler,
    wstd::http::{Body, Client, Request},
};
use serde::{Deserialize, Serialize, de::IgnoredAny};

#[derive(Deserialize, Serialize)]
struct Message {
    message: String,
}

async fn get(_event: IgnoredAny, _context: Context) -> Result<Message, Error> {
    let url = std::env::var("URL").map_err(|error| Error::new("NoUrl", error.to_string()))?;
    request(&url).await.map_err(|error| Error::new("Failed", format!("{error:?}")))
}

async fn request(url: &str) -> Result<Message, guesthouse_guest::wstd::http::Error> {
    let response = Client::new().send(Request::get(url).body(Body::empty())?).await?;
    response.into_body().json().await
}

handler!(async get);
