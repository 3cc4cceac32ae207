// This module gives a component's imports and exports their names back: `docs/decisions/51-renamed-imports.md`.
//
// componentize-qjs runs the component once while it builds, with its own WASI in place of the host's. It replaces all
// imports that it does not know by traps first and then links its WASI over them, so the streams of `wasi:http` are not
// those of its `wasi:io`, and it gives up. Interfaces of a package that it does not know get traps throughout. So `wit/`
// has the network's interfaces in packages `wasj:…`, and the finished component gets `wasi:…` for them.

// The ids of these sections in a component.
const IMPORTS = 10;
const EXPORTS = 11;

// Renames in place, as the names are of one length, and returns the component.
export function renamed(component) {
  for (const { id, start, end } of sections(component)) {
    if (id === IMPORTS || id === EXPORTS) {
      const section = component.subarray(start, end);
      for (let i = indexOf(section, "wasj:", 0); i >= 0; i = indexOf(section, "wasj:", i)) {
        section.set(new TextEncoder().encode("wasi:"), i);
      }
    }
  }
  return component;
}

// The top level's sections: the nested modules and components are sections, too, and keep their names.
function* sections(component) {
  for (let at = 8; at < component.length; ) {
    const id = component[at++];
    let size = 0;
    let shift = 0;
    let byte;
    do {
      byte = component[at++];
      size |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte & 0x80);
    yield { id, start: at, end: at + size };
    at += size;
  }
}

function indexOf(bytes, text, from) {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(text, from);
}
