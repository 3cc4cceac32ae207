//! Does what the conformance tests ask of the SDK of AWS: DynamoDB, with the credentials that the host gives.

use aws_sdk_dynamodb::{
    Client,
    error::DisplayErrorContext,
    types::{AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType},
};
use aws_smithy_wasm::wasi::{WasiHttpClientBuilder, WasiSleep};
use guesthouse_guest::{Context, Error, handler};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
struct Event {
    op: String,
    table: String,
}

/// The SDK's errors are of many types, one for each operation.
type Failure = aws_sdk_dynamodb::Error;

async fn run(event: Event, _context: Context) -> Result<Value, Error> {
    let http = WasiHttpClientBuilder::new().build();
    let config = aws_config::from_env().sleep_impl(WasiSleep).http_client(http).load().await;
    let client = Client::new(&config);
    let done = match event.op.as_str() {
        "dynamodb" => create_put_get(&client, &event.table).await,
        "getitem" => get(&client, &event.table).await,
        other => return Err(Error::new("InvalidEvent", format!("there is no op `{other}`"))),
    };
    Ok(done.unwrap_or_else(|error| {
        let message = DisplayErrorContext(&error).to_string();
        json!({"error": {"kind": "aws_sdk_dynamodb::Error", "message": message}})
    }))
}

async fn create_put_get(client: &Client, table: &str) -> Result<Value, Failure> {
    let id = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S).build()?;
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build()?;
    let create = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    create.attribute_definitions(id).key_schema(key).send().await?;
    let put = client.put_item().table_name(table).item("id", ada());
    put.item("n", AttributeValue::N("42".into())).send().await?;
    get(client, table).await
}

async fn get(client: &Client, table: &str) -> Result<Value, Failure> {
    let got = client.get_item().table_name(table).key("id", ada()).send().await?;
    let text = |value: AttributeValue| match value {
        AttributeValue::S(text) | AttributeValue::N(text) => json!(text),
        _ => Value::Null,
    };
    let item: Option<Map<_, _>> =
        got.item.map(|item| item.into_iter().map(|(name, value)| (name, text(value))).collect());
    Ok(json!({"item": item}))
}

fn ada() -> AttributeValue {
    AttributeValue::S("Ada ü".into())
}

handler!(async run);
