// The lines of an error's stack, innermost function first, with the user's files and lines. Functions of the SDK are
// left out, which only drive promises or make errors.
export function traced(stack) {
  return String(stack ?? "")
    .split("\n")
    .map((line) => /^\s*at (?:(.*) \()?(?:componentize-qjs:)?user\.js:(\d+):(\d+)\)?$/.exec(line))
    .filter((match) => match !== null)
    .map(([, name, line, column]) => [name, positionOf(Number(line), Number(column))])
    .filter(([, position]) => position !== undefined)
    .map(([name, position]) => (name === undefined || name === "<anonymous>" ? position : `${name} (${position})`));
}

// What `positions.js` wrote is read only here, where something went wrong anyway.
function positionOf(line, column) {
  const { files, table } = globalThis[Symbol.for("guesthouse.positions")];
  let sourceLine = 0;
  let found;
  for (const [i, words] of table.split("\n", line).entries()) {
    let at = 1;
    for (const word of words === "" ? [] : words.split(" ")) {
      const [columns, file, lines] = word.split(",").map((number) => parseInt(number, 36));
      at += columns;
      sourceLine += lines;
      if (i === line - 1 && at <= column) {
        found = { file, sourceLine };
      }
    }
  }
  if (found === undefined || found.file === 0) {
    return undefined;
  }
  const name = files[found.file - 1];
  return found.sourceLine === 0 ? name : `${name}:${found.sourceLine}`;
}
