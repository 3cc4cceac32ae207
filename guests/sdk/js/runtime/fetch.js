// Nothing grants a guest the network yet. As in Node, what can't be reached rejects with a `TypeError`.
export async function fetch(resource) {
  throw new TypeError(`fetch failed: the network is not granted to this function, for \`${resource?.url ?? resource}\``);
}
