// es2015 at line 2: statements.using statements.await_using
{ using lock = null; }
