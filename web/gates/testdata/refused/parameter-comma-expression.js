// es2015 at line 2: operators.function.trailing_comma
var add = function (a, b,) { return a + b; };
