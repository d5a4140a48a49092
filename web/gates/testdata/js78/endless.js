// Waits for what never comes.
export const main = () => new Promise(() => {});
