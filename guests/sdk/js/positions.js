// Where the user's lines are in the bundle: what `runtime/stack.js` needs of a source map, in a hundredth of its size.

import { relative, resolve } from "node:path";

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// A statement that leaves `{ files, table }` for the guest. The table has a line for each line of the bundle; on it, a
// word for each place from where on the code is of another line or file: column, file, line, in base 36. Columns and
// lines are told as differences. Of packages there is only the file; what is the SDK's own has file 0.
export function positionsOf(map, sdk) {
  const { mappings, sources } = JSON.parse(map);
  const files = [];
  const fileOf = sources.map((source) => {
    const path = relative(process.cwd(), resolve(source));
    if (resolve(source).startsWith(sdk) || source.startsWith("guesthouse:")) {
      return 0;
    }
    return files.push(path);
  });
  const isPackage = files.map((file) => /(^|\/)node_modules\//.test(file));

  let source = 0;
  let line = 0;
  let lastLine = 0;
  const table = mappings.split(";").map((segments) => {
    let column = 0;
    let lastColumn = 0;
    let last = "";
    const words = [];
    for (const segment of segments.split(",").filter(Boolean)) {
      const [columns, sourcesOn, lines] = numbers(segment);
      column += columns;
      source += sourcesOn ?? 0;
      line += lines ?? 0;
      const file = sourcesOn === undefined ? 0 : fileOf[source];
      const at = file === 0 || isPackage[file - 1] ? 0 : line + 1;
      if (`${file}:${at}` !== last) {
        last = `${file}:${at}`;
        words.push([column - lastColumn, file, at - lastLine].map((number) => number.toString(36)).join());
        lastColumn = column;
        lastLine = at;
      }
    }
    return words.join(" ");
  });
  return `globalThis[Symbol.for("guesthouse.positions")]=${JSON.stringify({ files, table: table.join("\n") })};`;
}

// The numbers of one segment, in the source map's base 64.
function numbers(segment) {
  const found = [];
  let number = 0;
  let shift = 0;
  for (const digit of segment) {
    const value = DIGITS.indexOf(digit);
    number |= (value & 31) << shift;
    shift += 5;
    if ((value & 32) === 0) {
      found.push(number & 1 ? -(number >> 1) : number >> 1);
      number = shift = 0;
    }
  }
  return found;
}
