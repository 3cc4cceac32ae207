// Uses the network with the clients that everybody uses, as an event says. What it responds is in
// `tests/it/network_languages.rs`.

import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import axios from "axios";
import Redis from "ioredis";
import dns from "node:dns";
import net from "node:net";
import tls from "node:tls";

const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient({}));

// Does one thing, and responds with what became of it.
export async function handler(event) {
  try {
    return await OPERATIONS[event.op](event);
  } catch (error) {
    const cause = error.cause ? `${error.cause.code ?? ""} ${error.cause.message}` : "";
    return { error: { kind: error.name, message: `${error.message} ${error.code ?? ""} ${cause}` } };
  }
}

async function told(response) {
  const body = await response.text();
  const length = new TextEncoder().encode(body).length;
  return { status: response.status, body: body.slice(0, 4000), length, headers: Object.fromEntries(response.headers) };
}

async function get({ url, headers, client }) {
  if (client === "axios") {
    const { status, data, headers: received } = await axios.get(url, { headers, responseType: "text", transformResponse: (text) => text });
    return { status, body: data, length: data.length, headers: { ...received } };
  }
  return told(await fetch(url, { headers }));
}

async function post({ url, body, size, chunked }) {
  if (chunked) {
    let left = size;
    const stream = new ReadableStream({
      pull(controller) {
        const piece = Math.min(left, 10_000);
        if (piece === 0) {
          return controller.close();
        }
        left -= piece;
        controller.enqueue(new TextEncoder().encode("z".repeat(piece)));
      },
    });
    return told(await fetch(url, { method: "POST", body: stream, duplex: "half" }));
  }
  return told(await fetch(url, { method: "POST", body: body ?? "z".repeat(size) }));
}

async function download({ url }) {
  const response = await fetch(url);
  let length = 0;
  for await (const piece of response.body) {
    length += piece.length;
  }
  return { status: response.status, length };
}

async function timeout({ url, timeout_ms }) {
  const begun = Date.now();
  try {
    return await told(await fetch(url, { signal: AbortSignal.timeout(timeout_ms) }));
  } catch (error) {
    return { error: { kind: error.name, message: error.message }, elapsed_ms: Date.now() - begun };
  }
}

async function many({ url, n }) {
  const responses = await Promise.all(Array.from({ length: n }, () => fetch(url)));
  return { statuses: responses.map(({ status }) => status) };
}

// Leaves responses unread.
async function unread({ url, n }) {
  const statuses = [];
  while (statuses.length < n) {
    statuses.push((await fetch(url)).status);
  }
  return { statuses };
}

async function makeTable({ table }) {
  await dynamodb.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    }),
  );
  await dynamodb.send(new PutCommand({ TableName: table, Item: { id: "Ada ü", n: 42 } }));
  return getItem({ table });
}

async function getItem({ table }) {
  const { Item } = await dynamodb.send(new GetCommand({ TableName: table, Key: { id: "Ada ü" } }));
  return { item: { id: Item.id, n: String(Item.n) } };
}

async function useS3({ bucket: Bucket, keys }) {
  const s3 = new S3Client({ forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket }));
  const read = async (Key) => (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body.transformToString();
  const results = {};
  for (const Key of keys) {
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: `hello ${Key}` }));
    results[Key] = (await read(Key)) === `hello ${Key}` ? "ok" : "differs";
  }
  await s3.send(new PutObjectCommand({ Bucket, Key: "big", Body: "z".repeat(2_000_000) }));
  const big = (await read("big")).length;
  const missing = await read("nope").catch((error) => error.name);
  const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket }));
  return { keys: results, big, listed: Contents.length, missing };
}

async function useSqs({ queue }) {
  const sqs = new SQSClient({});
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: queue }));
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "hi & <ho>" }));
  const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
  return { body: Messages[0].Body };
}

async function times({ url, n }) {
  const begun = performance.now();
  for (let i = 0; i < n; i++) {
    await (await fetch(url)).text();
  }
  return ((performance.now() - begun) / n) * 1000;
}

// Sends something over a socket, and returns the first line that comes back.
async function tcp({ host, port, tls: isSecured, send }) {
  const socket = isSecured ? tls.connect({ host, port, servername: host }) : net.connect({ host, port });
  socket.setEncoding("latin1").write(send);
  let received = "";
  for await (const piece of socket) {
    received += piece;
    if (received.includes("\n")) {
      break;
    }
  }
  return { received: received.slice(0, received.indexOf("\n") + 1) };
}

// Sends more than any buffer holds to a server that ends, and tells what the socket said.
async function ended({ host, port, send }) {
  const events = [];
  const socket = net.connect(port, host);
  for (const name of ["connect", "ready", "finish", "end", "close", "error"]) {
    socket.on(name, (value) => events.push(name === "error" ? `${name} ${value.code}` : name));
  }
  socket.resume();
  await new Promise((resolve) => socket.once("close", resolve).end(send));
  return { events, written: socket.bytesWritten, state: socket.readyState };
}

// Looks a name up in each way there is.
async function lookup({ name }) {
  const { address, family } = await dns.promises.lookup(name, 4);
  const all = await new Promise((resolve, reject) => dns.lookup(name, { all: true }, (error, found) => (error ? reject(error) : resolve(found))));
  const resolved = await new Promise((resolve, reject) => new dns.Resolver().resolve4(name, (error, found) => (error ? reject(error) : resolve(found))));
  const mail = await dns.promises.resolveMx(name).catch((error) => error.code);
  return { address, family, isAmongAll: all.some((one) => one.address === address && one.family === 4), resolved, mail };
}

let redis;

// Uses one connection in all invocations.
async function useRedis({ url, n }) {
  redis ??= new Redis(url, { retryStrategy: () => null, maxRetriesPerRequest: 0 }).on("error", () => {});
  await redis.set("greeting", "grüße");
  const counts = await Promise.all(Array.from({ length: n }, () => redis.incr("count")));
  await redis.hset("order", { id: 1, note: "x".repeat(300_000) });
  const { id, note } = await redis.hgetall("order");
  const clients = await redis.client("LIST");
  return { greeting: await redis.get("greeting"), counts, id, length: note.length, connections: clients.trim().split("\n").length };
}

const OPERATIONS = {
  get,
  post,
  download,
  timeout,
  many,
  unread,
  dynamodb: makeTable,
  getitem: getItem,
  s3: useS3,
  sqs: useSqs,
  sts: async () => ({ arn: (await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn }),
  tcp,
  lookup,
  ended,
  redis: useRedis,
  times,
};
