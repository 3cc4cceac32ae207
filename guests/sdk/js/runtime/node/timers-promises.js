const after = (delay, value) => new Promise((resolve) => globalThis.setTimeout(resolve, delay, value));
const soon = (value) => new Promise((resolve) => globalThis.setImmediate(resolve, value));

async function* every(delay, value) {
  for (;;) {
    yield await after(delay, value);
  }
}

export { after as setTimeout, every as setInterval, soon as setImmediate };
export const scheduler = { wait: (delay) => after(delay), yield: () => soon() };
export default { scheduler, setImmediate: soon, setInterval: every, setTimeout: after };
