// es2015 at line 2: grammar.trailing_commas.trailing_commas_in_functions
var largest = Math.max(1, 2,);
