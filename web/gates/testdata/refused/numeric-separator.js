// es2015 at line 2: grammar.numeric_separators
var million = 1_000_000;
