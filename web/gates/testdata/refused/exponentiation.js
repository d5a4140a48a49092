// es2015 at line 3: operators.exponentiation operators.exponentiation_assignment
var n = 3;
var square = n ** 2;
