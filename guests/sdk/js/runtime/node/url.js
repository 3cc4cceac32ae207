import { URL, URLSearchParams } from "whatwg-url-minimum";

export { URL, URLSearchParams };

export function fileURLToPath(url) {
  return decodeURIComponent(new URL(url).pathname);
}

export function pathToFileURL(path) {
  return new URL(`file://${encodeURI(path).replaceAll("?", "%3F").replaceAll("#", "%23")}`);
}

export default { fileURLToPath, pathToFileURL, URL, URLSearchParams };
