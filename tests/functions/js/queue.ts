// Powertools for a queue: a logger, metrics, a tracer that is off, and a batch of which one message fails.
import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { Logger } from "@aws-lambda-powertools/logger";
import { injectLambdaContext } from "@aws-lambda-powertools/logger/middleware";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { SqsSchema } from "@aws-lambda-powertools/parser/schemas/sqs";
import { Tracer } from "@aws-lambda-powertools/tracer";
import { captureLambdaHandler } from "@aws-lambda-powertools/tracer/middleware";
import middy from "@middy/core";

interface Order {
  id: number;
  total: number;
}

const logger = new Logger({ serviceName: "orders" });
const metrics = new Metrics({ namespace: "shop", serviceName: "orders" });
const tracer = new Tracer({ serviceName: "orders", enabled: false });
const processor = new BatchProcessor(EventType.SQS);

const take = async (record: { body: string; messageId: string }): Promise<void> => {
  const { id, total } = JSON.parse(record.body) as Order;
  if (total < 0) {
    throw new RangeError(`order ${id} costs nothing`);
  }
  logger.info("took an order", { id, total });
  metrics.addMetric("orders", MetricUnit.Count, 1);
};

export const handler = middy(async (event: unknown, context: unknown) => {
  const checked = SqsSchema.safeParse(event);
  const response = await processPartialResponse(event as never, take, processor, { context: context as never, throwOnFullBatchFailure: false });
  metrics.publishStoredMetrics();
  return { ...response, isValid: checked.success };
})
  .use(captureLambdaHandler(tracer))
  .use(injectLambdaContext(logger));
