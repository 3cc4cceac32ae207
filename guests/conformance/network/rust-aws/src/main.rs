//! A function for `lambda_runtime` with AWS's SDK, as for Lambda: its client is made once, and serves all events.

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType},
};
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
struct Event {
    op: String,
    table: String,
}

async fn handle(client: &Client, event: LambdaEvent<Event>) -> Result<Value, Error> {
    let Event { op, table } = event.payload;
    tracing::info!("{op} in {table}");
    match op.as_str() {
        "create" => create(client, &table).await,
        "put" => put(client, &table).await,
        "get" => get(client, &table).await,
        // All at once.
        "many" => {
            let (first, second, third) =
                tokio::try_join!(get(client, &table), get(client, &table), get(client, &table))?;
            Ok(json!([first, second, third]))
        }
        other => Err(format!("there is no op `{other}`").into()),
    }
}

async fn create(client: &Client, table: &str) -> Result<Value, Error> {
    let id = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S).build()?;
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build()?;
    let create = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    create.attribute_definitions(id).key_schema(key).send().await?;
    Ok(json!("created"))
}

async fn put(client: &Client, table: &str) -> Result<Value, Error> {
    let put = client.put_item().table_name(table).item("id", ada());
    put.item("n", AttributeValue::N("42".into())).send().await?;
    Ok(json!("put"))
}

async fn get(client: &Client, table: &str) -> Result<Value, Error> {
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

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = aws_config::load_from_env().await;
    let client = Client::new(&config);
    run(service_fn(|event| handle(&client, event))).await
}
