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
