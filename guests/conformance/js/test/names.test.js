// Calls that give functions the names that they have anyhow are removed from a bundle, and no function loses its name.

import assert from "node:assert/strict";
import { test } from "node:test";

import { withoutNeedlessNames } from "../node_modules/guesthouse/names.js";

const HELPER = 'var __name=(target,value)=>Object.defineProperty(target,"name",{value,configurable:true});';

// Returns the code that is left, and checks that the value of its last expression is the same, and its length.
function left(code) {
  const after = withoutNeedlessNames(HELPER + code);
  assert.equal(after.length, HELPER.length + code.length);
  assert.deepEqual((0, eval)(after), (0, eval)(HELPER + code));
  return after.slice(HELPER.length);
}

for (const [title, code] of [
  ["a declared function", 'function f(){}__name(f,"f");[f.name]'],
  ["declared functions in one expression", 'function f(){}function g(){}__name(f,"f"),__name(g,"g");[f.name,g.name]'],
  ["a function in a variable", 'var f=__name(()=>1,"f");[f.name,f()]'],
  ["a function that is assigned", 'var f;f=__name(function(){},"f");[f.name]'],
  ["a function that is assigned if there is none", 'var f;f??=__name(()=>1,"f");[f.name]'],
  ["a function in an object", '[{f:__name(()=>1,"f")}.f.name]'],
  ["a function as a default", '(({f=__name(()=>1,"f")})=>[f.name])({})'],
  ["a function with its own name", '[__name(function f(){},"f")].map(f=>f.name)'],
  ["a class in a variable", 'var C=class{static{__name(this,"C")}static x=1};[C.name,C.x]'],
  ["a class with its own name", '[class C{static{__name(this,"C")}}].map(c=>c.name)'],
  ["a declared class", 'class D{static{__name(this,"D")}}[D.name]'],
]) {
  test(`removed: of ${title}`, () => assert.doesNotMatch(left(code), /__name/));
}

for (const [title, code] of [
  ["a function that the bundle renamed", 'function f2(){}__name(f2,"f");[f2.name]'],
  ["a function in a renamed variable", 'var f2=__name(()=>1,"f");[f2.name]'],
  ["a function that nothing names", '[__name(()=>1,"f")].map(f=>f.name)'],
  ["a function by a computed key", 'var f="g";[{[f]:__name(()=>1,"f")}.g.name]'],
  ["a class that the bundle renamed", 'var C2=class{static{__name(this,"C")}};[C2.name]'],
  ["a class with another name", 'var C=class _C{static{__name(this,"C")}};[C.name]'],
]) {
  test(`kept: of ${title}`, () => assert.match(left(code), /__name/));
}

test("a bundle that names nothing stays as it is", () => {
  assert.equal(withoutNeedlessNames("let __name=1;f(__name)"), "let __name=1;f(__name)");
});
