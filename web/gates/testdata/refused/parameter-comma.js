// es2015 at line 2: functions.arrow_functions.trailing_comma grammar.trailing_commas.trailing_commas_in_functions
var add = (a, b,) => a + b;
