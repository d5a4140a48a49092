// What a page may, and a worker may not.
let count = 0;
const later = [];
for (let i = 0; i < 3; i++) later.push(() => i + count);
for (let item of [1, 2]) count += item;
for (let key in { a: 1 }) {
  const copy = key;
  later.push(() => copy);
}
