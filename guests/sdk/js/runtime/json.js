// The engine reads JSON by recursion, and a stack overflow is a trap. So what is nested deeper than this is not read at
// all. (Functions of JavaScript can call each other some 2,500 deep; nobody's events come near.)
const DEPTH = 500;

export function parse(text) {
  if (isDeep(text)) {
    throw new SyntaxError(`it is nested more than ${DEPTH} deep`);
  }
  return JSON.parse(text);
}

// Returns what a text says that any caller may have chosen, or undefined where it says nothing.
export function parsed(text) {
  try {
    return text == null ? undefined : parse(text);
  } catch {
    return undefined;
  }
}

// Most events have fewer brackets than that, which a count in native code shows. Of the others all but the brackets is
// taken away first: a loop over a megabyte of characters takes as long as ten times reading it.
function isDeep(text) {
  if (text.length <= DEPTH || (!hasMany(text, "[") && !hasMany(text, "{"))) {
    return false;
  }
  const brackets = text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|[^"[\]{}]+/gs, "");
  let depth = 0;
  for (let i = 0; i < brackets.length && depth <= DEPTH; i++) {
    const bracket = brackets[i];
    depth += bracket === "[" || bracket === "{" ? 1 : bracket === '"' ? 0 : -1;
  }
  return depth > DEPTH;
}

// Half of them may be of each kind. The engine cuts a text up a few times faster than it finds one place after the other.
const MANY = DEPTH / 2;
const hasMany = (text, bracket) => text.split(bracket, MANY + 2).length > MANY + 1;
