// What a call of the host returns within another result: the tool throws an error of the outermost `result` only.

export function unwrapped(result) {
  if (result?.tag === "err") {
    throw { payload: result.val };
  }
  return result?.tag === "ok" ? result.val : result;
}
