// Large globals: they are in the image only where the handler's code names them.
export { URL, URLSearchParams } from "../node/url.js";
