// The engine's call sites, of which `Error.prepareStackTrace` gets a list, have few of V8's methods. Packages that tell of
// deprecated calls ask for others, too.

const { prepareStackTrace } = Error;
Error.prepareStackTrace = (error, sites) => sites;
const [site] = new Error().stack;
Error.prepareStackTrace = prepareStackTrace;

const METHODS = {
  getEvalOrigin: () => undefined,
  getFunction: () => undefined,
  getMethodName: () => null,
  getPromiseIndex: () => null,
  getScriptNameOrSourceURL() {
    return this.getFileName();
  },
  getThis: () => undefined,
  getTypeName: () => null,
  isAsync: () => false,
  isConstructor: () => false,
  isEval: () => false,
  isPromiseAll: () => false,
  isToplevel: () => true,
  toString() {
    const place = `${this.getFileName()}:${this.getLineNumber()}:${this.getColumnNumber()}`;
    return this.getFunctionName() ? `${this.getFunctionName()} (${place})` : place;
  },
};

const prototype = Object.getPrototypeOf(site);
for (const [name, value] of Object.entries(METHODS)) {
  Object.hasOwn(prototype, name) || Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
}
