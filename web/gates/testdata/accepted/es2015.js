'use strict';
const limit = 4;
class Queue extends Array {
  constructor(...items) { super(...items); }
  get first() { return this[0]; }
  static of({ length, head: [one = 1, ...rest] = [] } = {}) { return [length, one, rest, new.target]; }
  *[Symbol.iterator]() { yield* super[Symbol.iterator](); }
}
const tag = (strings, ...values) => strings.raw.concat(values);
const text = tag`one ${limit} \u{1f600} \n`;
for (var item of new Queue(1, 2)) setTimeout(() => item);
for (var [key, value] of new Map()) [key, value];
for (var name in { a: 1 }) name;
var pattern = [/\u{1f600}/u, /a/gimy, 0b11, 0o7];
try { JSON.parse(text); } catch (error) { error; }
