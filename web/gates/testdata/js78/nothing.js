// Does nothing.
export const main = async () => null;
