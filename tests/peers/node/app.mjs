// Does what the event asks for, of all that may go wrong.

import fs from "node:fs";
import process from "node:process";

class OrderNotFound extends Error {
    name = "OrderNotFound";
}

function fault(name) {
    if (name.startsWith("response of ")) {
        return "x".repeat(parseInt(name.split(" ")[2]) * 1_000_000);
    }
    if (name.startsWith("error of ")) {
        throw new OrderNotFound("x".repeat(parseInt(name.split(" ")[2]) * 1_000_000));
    }
    switch (name) {
        case "err":
            throw new OrderNotFound("no such order: `42`");
        case "long stack trace":
            throw new OrderNotFound("frame\n".repeat(100_000));
        case "panic":
            throw new Error("out of pickles");
        case "abort":
            process.abort();
        case "overflow the stack":
            return deeper(0);
        case "exit 0":
            process.exit(0);
        case "exit 1":
            process.exit(1);
        case "exit with an open file":
            fs.openSync(process.env.SENTINEL);
            process.exit(1);
        case "loop":
            for (;;) {}
        case "sleep":
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
        case "allocate": {
            const hoard = [];
            for (;;) {
                hoard.push(new Uint8Array(1024 * 1024).fill(1));
            }
        }
        case "open 1000000 files": {
            const open = [];
            try {
                for (;;) {
                    open.push(fs.openSync(process.env.SENTINEL));
                }
            } finally {
                open.forEach((file) => fs.closeSync(file));
            }
        }
        case "divide by zero":
            return String(1n / 0n);
    }
    return "rested";
}

function deeper(depth) {
    return deeper(depth + 1) + depth;
}

if (fs.existsSync(process.env.START_FILE)) {
    const what = fs.readFileSync(process.env.START_FILE, "utf8");
    fs.unlinkSync(process.env.START_FILE);
    fault(what);
}

export async function handler(event) {
    if (event.startsWith("start badly: ")) {
        fs.writeFileSync(process.env.START_FILE, event.slice("start badly: ".length));
        process.exit(1);
    }
    return fault(event);
}
