// What Node has and a guest has not: it is there to be imported, and says so when it is used.

export function absent(module, name) {
  const use = {
    [name]() {
      throw Object.assign(new Error(`a guest has no \`${name}\` of \`node:${module}\``), { code: "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM" });
    },
  }[name];
  // Not a method, so that classes can extend it and `new` can call it.
  return Object.defineProperty(function (...values) {
    return use.apply(this, values);
  }, "name", { value: name });
}

// Adds to a module, as `require` returns it, what it has not: names in a text, and constants.
export function completed(module, name, names, constants) {
  const define = (member, value) => member in module || Object.defineProperty(module, member, { value, writable: true, configurable: true });
  names.split(" ").filter((member) => member !== "").forEach((member) => define(member, absent(name, member)));
  Object.keys(constants).forEach((member) => define(member, constants[member]));
  return module;
}
