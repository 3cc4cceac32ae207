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

// Adds to what a module is, as `require` returns it, what it has not.
export function completed(module, rest) {
  for (const name of Object.keys(rest)) {
    name in module || Object.defineProperty(module, name, { value: rest[name], writable: true, configurable: true });
  }
  return module;
}
