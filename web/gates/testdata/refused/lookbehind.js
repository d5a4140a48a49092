// es2015 at line 2: regular_expressions.lookbehind_assertion
var price = /(?<=\$)\d+/;
