// The network's benchmark: one request to a server. `URL` says which.

export const handler = async () => (await fetch(process.env.URL)).json();
