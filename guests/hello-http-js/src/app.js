// Greets whoever a request names, and counts in the instance's memory.

let count = 0;

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/") {
      return new Response("there is nothing here\n", { status: 404 });
    }
    const name = searchParams.get("name") ?? "world";
    console.log(`greeting ${name}`);
    count += 1;
    return Response.json({ message: `Hello ${name}!`, count });
  },
};
