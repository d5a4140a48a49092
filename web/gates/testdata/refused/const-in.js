// const-in-loop-head at line 2:
for (const key in { a: 1 }) key;
