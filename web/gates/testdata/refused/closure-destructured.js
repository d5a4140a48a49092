// shared-binding at line 3:
var later = [];
for (let { a: [first] } of []) later.push({ get it() { return first; } });
