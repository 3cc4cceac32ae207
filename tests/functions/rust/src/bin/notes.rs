//! An HTTP API for notes, with a table in memory.

use std::{collections::BTreeMap, sync::Arc};

use lambda_http::{
    Body, Error, Request, RequestExt, RequestPayloadExt, Response,
    http::{Method, StatusCode, header},
    run, service_fn, tracing,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::RwLock;

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Note {
    text: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stars: Option<u8>,
}

type Table = Arc<RwLock<BTreeMap<u32, Note>>>;

fn respond(status: StatusCode, body: &Value) -> Result<Response<Body>, Error> {
    Ok(Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-table", "notes")
        .body(body.to_string().into())?)
}

async fn handle(table: Table, request: Request) -> Result<Response<Body>, Error> {
    let path = request.raw_http_path().trim_matches('/').to_owned();
    tracing::info!(method = %request.method(), path, "request");
    let parts: Vec<&str> = path.split('/').collect();
    match (request.method(), parts.as_slice()) {
        (&Method::GET, ["notes"]) => {
            let query = request.query_string_parameters();
            let table = table.read().await;
            let tagged = |note: &&Note| query.first("tag").is_none_or(|tag| note.tags.iter().any(|own| own == tag));
            let found: Vec<&Note> = table.values().filter(tagged).collect();
            respond(StatusCode::OK, &json!({ "notes": found, "count": found.len(), "all": query.all("tag") }))
        }
        (&Method::POST, ["notes"]) => match request.payload::<Note>() {
            Ok(Some(note)) => {
                let mut table = table.write().await;
                let id = table.last_key_value().map_or(1, |(id, _)| id + 1);
                table.insert(id, note.clone());
                respond(StatusCode::CREATED, &json!({ "id": id, "note": note }))
            }
            Ok(None) => respond(StatusCode::UNSUPPORTED_MEDIA_TYPE, &json!({ "error": "there is no note" })),
            Err(error) => respond(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() })),
        },
        (&Method::GET, ["notes", id]) => match table.read().await.get(&id.parse()?) {
            Some(note) => respond(StatusCode::OK, &json!(note)),
            None => respond(StatusCode::NOT_FOUND, &json!({ "error": format!("no note {id}") })),
        },
        (&Method::DELETE, ["notes", id]) => {
            table.write().await.remove(&id.parse()?);
            Ok(Response::builder().status(StatusCode::NO_CONTENT).body(Body::Empty)?)
        }
        (&Method::PUT, ["echo"]) => {
            let kind = request.headers().get(header::CONTENT_TYPE).cloned();
            let mut response = Response::builder().header(header::SET_COOKIE, "a=1").header(header::SET_COOKIE, "b=2");
            if let Some(kind) = kind {
                response = response.header(header::CONTENT_TYPE, kind);
            }
            Ok(response.body(request.into_body())?)
        }
        (method, _) => respond(StatusCode::NOT_FOUND, &json!({ "error": format!("no route {method} /{path}") })),
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let table = Table::default();
    run(service_fn(move |request| handle(table.clone(), request))).await
}
