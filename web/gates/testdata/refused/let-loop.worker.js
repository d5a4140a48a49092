// let-in-worker at line 3:
function sum(n) {
  for (let i = 0; i < n; i++);
}
