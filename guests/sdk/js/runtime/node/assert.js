// `node:assert`.

import { inspect } from "../inspect.js";
import { isDeepEqual } from "./deep-equal.js";

export class AssertionError extends Error {
  constructor({ message, actual, expected, operator }) {
    super(message ?? `${inspect(actual)} ${operator} ${inspect(expected)}`);
    this.name = "AssertionError";
    this.code = "ERR_ASSERTION";
    this.generatedMessage = message === undefined;
    Object.assign(this, { actual, expected, operator });
  }
}

function failed(message, actual, expected, operator, text) {
  return message instanceof Error ? message : new AssertionError({ message: message ?? text, actual, expected, operator });
}

// Makes an assertion of a comparison.
const comparison = (operator, isHeld, words) => (actual, expected, message) => {
  if (!isHeld(actual, expected)) {
    throw failed(message, actual, expected, operator, `${words}\n\n${inspect(actual)} !== ${inspect(expected)}\n`);
  }
};

const EQUAL = "Expected values to be strictly equal:";
const DEEP_EQUAL = "Expected values to be strictly deep-equal:";

export function ok(value, message) {
  if (!value) {
    throw failed(message, value, true, "==", "The expression evaluated to a falsy value");
  }
}

export const equal = comparison("==", (a, b) => a == b || (Number.isNaN(a) && Number.isNaN(b)), "Expected values to be loosely equal:");
export const notEqual = comparison("!=", (a, b) => !(a == b || (Number.isNaN(a) && Number.isNaN(b))), 'Expected "actual" to be loosely unequal to:');
export const strictEqual = comparison("strictEqual", Object.is, EQUAL);
export const notStrictEqual = comparison("notStrictEqual", (a, b) => !Object.is(a, b), 'Expected "actual" to be strictly unequal to:');
export const deepEqual = comparison("deepEqual", (a, b) => isDeepEqual(a, b, false), "Expected values to be loosely deep-equal:");
export const notDeepEqual = comparison("notDeepEqual", (a, b) => !isDeepEqual(a, b, false), 'Expected "actual" not to be loosely deep-equal to:');
export const deepStrictEqual = comparison("deepStrictEqual", (a, b) => isDeepEqual(a, b), DEEP_EQUAL);
export const notDeepStrictEqual = comparison("notDeepStrictEqual", (a, b) => !isDeepEqual(a, b), 'Expected "actual" not to be strictly deep-equal to:');

export function fail(message = "Failed") {
  throw failed(message, undefined, undefined, "fail");
}

export function ifError(value) {
  if (value != null) {
    throw failed(undefined, value, null, "ifError", `ifError got unwanted exception: ${value.message ?? inspect(value)}`);
  }
}

export function match(text, pattern, message) {
  if (typeof text !== "string" || !pattern.test(text)) {
    throw failed(message, text, pattern, "match", `The input did not match the regular expression ${pattern}. Input:\n\n${inspect(text)}\n`);
  }
}

export function doesNotMatch(text, pattern, message) {
  if (typeof text !== "string" || pattern.test(text)) {
    throw failed(message, text, pattern, "doesNotMatch", `The input was expected to not match the regular expression ${pattern}. Input:\n\n${inspect(text)}\n`);
  }
}

export function throws(call, expected, message) {
  let thrown;
  try {
    call();
  } catch (error) {
    thrown = { error };
  }
  judge(thrown, expected, message, "throws", "Missing expected exception.");
}

export async function rejects(promise, expected, message) {
  let thrown;
  try {
    await (typeof promise === "function" ? promise() : promise);
  } catch (error) {
    thrown = { error };
  }
  judge(thrown, expected, message, "rejects", "Missing expected rejection.");
}

export function doesNotThrow(call, expected, message) {
  try {
    call();
  } catch (error) {
    throw failed(typeof expected === "string" ? expected : message, error, undefined, "doesNotThrow", `Got unwanted exception.\nActual message: "${error?.message}"`);
  }
}

export async function doesNotReject(promise, expected, message) {
  try {
    await (typeof promise === "function" ? promise() : promise);
  } catch (error) {
    throw failed(typeof expected === "string" ? expected : message, error, undefined, "doesNotReject", `Got unwanted rejection.\nActual message: "${error?.message}"`);
  }
}

function judge(thrown, expected, message, operator, missing) {
  if (typeof expected === "string") {
    message = expected;
    expected = undefined;
  }
  if (thrown === undefined) {
    throw failed(message, undefined, expected, operator, missing);
  }
  const { error } = thrown;
  if (expected !== undefined && !isExpected(error, expected)) {
    // Of another kind, what was thrown tells more than any text about it.
    throw typeof expected === "object" && !(expected instanceof RegExp) ? failed(message, error, expected, operator, `${inspect(error)} is not as expected`) : (message ?? error);
  }
}

function isExpected(error, expected) {
  if (expected instanceof RegExp) {
    return expected.test(String(error));
  }
  if (typeof expected === "function") {
    const isClass = expected === Error || expected.prototype instanceof Error || expected.prototype !== undefined;
    return (isClass && error instanceof expected) || (!(expected.prototype instanceof Error) && expected !== Error && expected.call({}, error) === true);
  }
  return Object.keys(expected)
    .concat(expected instanceof Error ? ["name", "message"] : [])
    .every((key) => (expected[key] instanceof RegExp && typeof error[key] === "string" ? expected[key].test(error[key]) : isDeepEqual(error[key], expected[key])));
}

function assert(value, message) {
  ok(value, message);
}

const common = {
  AssertionError, deepStrictEqual, doesNotMatch, doesNotReject, doesNotThrow, fail, ifError, match, notDeepStrictEqual,
  notStrictEqual, ok, rejects, strictEqual, throws,
};

export const strict = Object.assign((value, message) => ok(value, message), common, {
  deepEqual: deepStrictEqual,
  equal: strictEqual,
  notDeepEqual: notDeepStrictEqual,
  notEqual: notStrictEqual,
});
strict.strict = strict;

export default Object.assign(assert, common, { deepEqual, equal, notDeepEqual, notEqual, strict });
