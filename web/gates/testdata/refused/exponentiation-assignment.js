// es2015 at line 3: operators.exponentiation_assignment
var n = 3;
n **= 2;
