// shared-binding at line 3:
var later = [];
for (let item of [1, 2]) later.push(() => item);
