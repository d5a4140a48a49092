// es2015 at line 2: statements.for_await_of statements.for_of.async_iterators
for await (var chunk of []) chunk;
