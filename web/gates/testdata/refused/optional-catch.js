// es2015 at line 2: statements.try_catch.optional_catch_binding
try { JSON.parse('{'); } catch { }
