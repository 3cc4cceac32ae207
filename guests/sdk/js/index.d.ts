/** What Lambda says about one invocation. */
export interface Context {
  /**
   * Whether a response by callback waits until nothing is left to do; true at first. A response by a promise goes out
   * when the promise is settled.
   */
  callbackWaitsForEmptyEventLoop: boolean;
  functionName: string;
  /** The version, or `$LATEST`. */
  functionVersion: string;
  invokedFunctionArn: string;
  /** The memory configured for the function: digits. */
  memoryLimitInMB: string;
  /** The invocation's id. A retry of the same asynchronous event carries the same id. */
  awsRequestId: string;
  logGroupName: string;
  logStreamName: string;
  /** Who called, when the caller came with Amazon Cognito credentials. */
  identity?: CognitoIdentity;
  /** What the caller sent as client context; absent where that is not JSON. Any caller can choose it. */
  clientContext?: ClientContext;
  /** The tenant, for functions with tenant isolation. */
  tenantId?: string;
  /** When Lambda gives up on this invocation, in milliseconds since the Unix epoch. Not there on AWS. */
  deadlineMs: number;

  /** How long Lambda still waits for the response; 0 when the deadline has passed. */
  getRemainingTimeInMillis(): number;

  /** Answers as the callback does: with an error, or with a response. */
  done(error?: unknown, response?: unknown): void;
  /** Answers with an error. */
  fail(error?: unknown): void;
  /** Answers with a response. */
  succeed(response?: unknown): void;
}

/** Takes the answer of a handler that returns no promise: an error, or a response. */
export type Callback<Response = any> = (error?: unknown, response?: Response) => void;

/** Who called, when the caller came with Amazon Cognito credentials. */
export interface CognitoIdentity {
  cognitoIdentityId: string;
  cognitoIdentityPoolId: string;
}

/** What AWS's mobile SDKs send as client context. */
export interface ClientContext {
  client?: Record<string, unknown>;
  custom?: Record<string, unknown>;
  env?: Record<string, unknown>;
  [name: string]: unknown;
}

/**
 * A handler of events: `export const handler: Handler<Event, Response> = async (event, context) => …`.
 *
 * The response is written as JSON; `undefined` is `null`. What is thrown becomes the invocation's error, its `name` the
 * `errorType`.
 */
export type Handler<Event = any, Response = any> = (
  event: Event,
  context: Context,
  callback: Callback<Response>,
) => Response | Promise<Response> | void;

/**
 * A handler of HTTP requests, as Workers, Bun and Deno have it, and as apps of Hono and itty-router are:
 * `export default { fetch(request) { return new Response(…) } } satisfies HttpHandler`.
 *
 * What is thrown before there is a response becomes the invocation's error.
 */
export interface HttpHandler<Env = Record<string, string | undefined>> {
  fetch(request: Request, env: Env, context: ExecutionContext): Response | Promise<Response>;
}

/** What a handler of HTTP requests gets beside the request. */
export interface ExecutionContext {
  /**
   * Has the invocation last until the promise is settled, after the response was sent, within the function's time.
   * What was not handed over ends with the request: its timers, and requests that it sent.
   */
  waitUntil(promise: Promise<unknown>): void;
  /** Does nothing: there is nobody to pass a request on to. */
  passThroughOnException(): void;
  /** What Lambda says about the invocation; absent where the host is none of Lambda's. */
  readonly lambda?: LambdaContext;
  /** The event's `requestContext`, with what an authorizer found out; absent where the host sends none. */
  readonly requestContext?: any;
  props: any;
}

/** What Lambda says about an invocation that is an HTTP request, by the names of the header `x-amzn-lambda-context`. */
export interface LambdaContext {
  request_id: string;
  /** When Lambda gives up on this invocation, in milliseconds since the Unix epoch. */
  deadline: number;
  invoked_function_arn: string;
  xray_trace_id: string | null;
  /** What the caller sent as client context: any text. */
  client_context: string | null;
  identity: { identity_id: string; identity_pool_id: string } | null;
  tenant_id?: string | null;
  env_config: {
    function_name: string;
    /** In MiB. */
    memory: number;
    version: string;
    log_stream: string;
    log_group: string;
  };
}
