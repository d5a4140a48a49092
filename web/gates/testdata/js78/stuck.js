// Never comes back.
export const main = () => { for (;;); };
