/* What the widgets have in common: a figure, and words in the language of their page. */

/* exported Widget */

const WORDS = {
  'en-US': {
    wait: 'Asking the mail server…',
    nobody: 'Set your mail up in the app',
    unread: (count) => (count === 0 ? 'No new mail' : count === 1 ? 'new message' : 'new messages'),
    failed: 'Mail does not work now',
    mentions: (count) => (count === 0 ? 'Nobody has asked for you' : ''),
  },
  'hi-IN': {
    nobody: 'ऐप में अपना मेल जोड़ें',
    wait: 'मेल सर्वर से पूछ रहे हैं…',
    unread: (count) => (count === 0 ? 'कोई नया मेल नहीं' : 'नए संदेश'),
    failed: 'मेल अभी काम नहीं कर रहा',
    mentions: (count) => (count === 0 ? 'किसी ने आपको याद नहीं किया' : ''),
  },
};

const Widget = {
  words: WORDS[document.documentElement.lang],

  show(figure, words) {
    document.getElementById('figure').textContent = figure;
    const line = document.getElementById('words');
    line.textContent = words;
    line.dir = 'auto';
  },

  /** Calls now, and each time that the home screen shows the widget again. */
  whenShown(act) {
    document.addEventListener('visibilitychange', () => { if (!document.hidden) act(); });
    act();
  },
};
