// Does what the tests of the contract `http` ask, each at a path of its own.

let count = 0;

export default {
  async fetch(request, env, context) {
    count += 1;
    const url = new URL(request.url);
    const route = routes[url.pathname];
    return route === undefined ? new Response(null, { status: 404 }) : route({ request, env, context, query: url.searchParams });
  },
};

const routes = {
  __proto__: null,

  // Tells what has come.
  "/echo": async ({ request }) => {
    const { method, url, headers } = request;
    return Response.json({ method, url, headers: [...headers], body: (await request.bytes()).toBase64() });
  },

  // Sends the body back while it comes.
  "/body": ({ request }) => new Response(request.body, { headers: { "content-type": request.headers.get("content-type") ?? "application/octet-stream" } }),

  "/form": async ({ request }) => Response.json([...(await request.formData())].map(([name, value]) => [name, value.name ?? value])),

  // Sends so many pieces of so many bytes each, one each time that somebody has taken the one before.
  "/stream": ({ query }) => {
    let left = Number(query.get("pieces"));
    const piece = new Uint8Array(Number(query.get("bytes") ?? 1)).fill(0x61);
    return new Response(
      new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, Number(query.get("ms"))));
          left-- > 0 ? controller.enqueue(piece) : controller.close();
        },
      }),
      { headers: { "transfer-encoding": "chunked", "x-count": String(count) } },
    );
  },

  "/throw": () => {
    throw Object.assign(new Error("no such order"), { name: "OrderNotFound" });
  },

  "/no-response": () => "this is none",

  "/never": () => new Promise(() => {}),

  // Sends a piece, and fails before the second.
  "/throw-late": ({ query }) =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode("begun")),
        async pull() {
          await new Promise((resolve) => setTimeout(resolve, Number(query.get("ms"))));
          throw new Error("the rest is lost");
        },
      }, { highWaterMark: 0 }),
    ),

  // Works on for a while after the response.
  "/wait-until": ({ context, query }) => {
    context.waitUntil(
      new Promise((resolve) => setTimeout(resolve, Number(query.get("ms")))).then(() => {
        console.log("done after the response");
        if (query.has("fail")) {
          throw new Error("nobody hears of it");
        }
      }),
    );
    return new Response("sent");
  },

  "/cookies": () => {
    const headers = new Headers({ "x-multi": "1" });
    headers.append("set-cookie", "a=1; Expires=Wed, 21 Oct 2065 07:28:00 GMT");
    headers.append("set-cookie", "b=2");
    headers.append("x-multi", "2");
    return new Response("", { headers });
  },

  "/status": ({ query }) => new Response(query.get("body"), { status: Number(query.get("code")) }),

  "/count": () => Response.json(count),

  // Leaves behind what must not trouble the next request.
  "/leave": () => {
    setTimeout(() => {
      throw new Error("left behind by a timer");
    }, 1);
    setInterval(() => console.log("still there"), 1);
    setImmediate(() => {
      throw new Error("left behind by an immediate");
    });
    Promise.reject(new Error("left behind by a promise"));
    return new Response("left");
  },

  "/sleep": async ({ query }) => {
    await new Promise((resolve) => setTimeout(resolve, Number(query.get("ms"))));
    return Response.json(count);
  },

  "/context": ({ context }) => Response.json({ lambda: context.lambda ?? null, requestContext: context.requestContext ?? null }),

  "/env": ({ env, query }) => Response.json(env[query.get("name")] ?? null),

  "/fetch": ({ query }) => fetch(query.get("url")),
};
