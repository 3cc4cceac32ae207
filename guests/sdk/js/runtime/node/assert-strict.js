import { strict } from "./assert.js";

export {
  AssertionError, deepStrictEqual, doesNotMatch, doesNotReject, doesNotThrow, fail, ifError, match, notDeepStrictEqual,
  notStrictEqual, ok, rejects, strict, strictEqual, throws,
} from "./assert.js";
export const { deepEqual, equal, notDeepEqual, notEqual } = strict;
export default strict;
