// es2015 at line 2: statements.generator_function.trailing_comma_in_parameters operators.generator_function.trailing_comma
function* both(a, b,) { yield a; yield b; }
