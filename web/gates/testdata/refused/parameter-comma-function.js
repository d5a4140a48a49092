// es2015 at line 2: statements.function.trailing_comma_in_parameters
function add(a, b,) { return a + b; }
