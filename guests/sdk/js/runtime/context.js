import { parsed } from "./json.js";

// The second argument of a handler, with AWS's names.
export class Context {
  #deadlineMs;

  constructor(wire) {
    this.#deadlineMs = wire.deadlineMs;
    this.callbackWaitsForEmptyEventLoop = true;
    this.functionName = wire.functionName;
    this.functionVersion = wire.functionVersion;
    this.invokedFunctionArn = wire.invokedFunctionArn;
    this.memoryLimitInMB = String(wire.memoryLimitMib);
    this.awsRequestId = wire.requestId;
    this.logGroupName = wire.logGroupName;
    this.logStreamName = wire.logStreamName;
    this.clientContext = parsed(wire.clientContext);
    this.identity = wire.identity
      ? { cognitoIdentityId: wire.identity.identityId, cognitoIdentityPoolId: wire.identity.identityPoolId }
      : undefined;
    this.tenantId = wire.tenantId ?? undefined;
    this.deadlineMs = wire.deadlineMs;
  }

  getRemainingTimeInMillis() {
    return Math.max(0, this.#deadlineMs - Date.now());
  }
}
