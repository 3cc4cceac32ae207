// The network's benchmark: one item of a table.

import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";

const dynamodb = new DynamoDBClient({});

export const handler = async ({ id }) => {
  const { Item } = await dynamodb.send(new GetItemCommand({ TableName: "people", Key: { id: { S: id } } }));
  return { name: Item.name.S };
};
