// es2015 at line 2: regular_expressions.modifier
var word = /(?i:kaiwire)/;
