// es2015 at line 2: statements.async_function
async function load() {}
