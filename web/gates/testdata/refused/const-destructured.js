// const-in-loop-head at line 3:
function each(map) {
  for (const [key, value] of map) key + value;
}
