// let-in-worker at line 2: statements.let
let count = 0;
