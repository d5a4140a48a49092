// shared-binding at line 3:
var later = [];
for (let key in { a: 1 }) {
  later.push(function () { return [key]; });
}
