// es2015 at line 2: statements.export
export var answer = 42;
