// es2015 at line 2: operators.await.top_level
await Promise.resolve();
