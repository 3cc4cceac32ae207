// A large global: it is in the image only where the handler's code names it.
export { Buffer } from "../node/buffer.js";
