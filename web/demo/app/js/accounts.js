/* Who the person is, on which servers. Kept in the app's own storage, which other apps don't see. */

/* exported Accounts */

const Accounts = {
  /** What was kept under a name, `mail` or `chat`, or null. */
  get(name) {
    return JSON.parse(localStorage.getItem(`account ${name}`));
  },

  keep(name, account) {
    localStorage.setItem(`account ${name}`, JSON.stringify(account));
  },

  forget(name) {
    localStorage.removeItem(`account ${name}`);
  },
};
