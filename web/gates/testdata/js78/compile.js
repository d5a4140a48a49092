// Compiles a module of WebAssembly.
export const main = ({ bytes }) => WebAssembly.compile(Uint8Array.from(bytes)).then(() => null);
