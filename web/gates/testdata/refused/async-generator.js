// es2015 at line 2: statements.async_generator_function operators.async_generator_function
async function* chunks() { yield 1; }
