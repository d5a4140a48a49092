// In place of Node's modules that a page has nothing for.
export default {};
