// const-in-loop-head at line 2: statements.for_of
for (const item of [1, 2]) item;
