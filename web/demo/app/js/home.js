/* The first view: what the app can do. */

/* global el, View, List, Views, MailView, ChatView, LookupView, CertificateView */

class HomeView extends View {
  constructor() {
    super('Kaiwire', 'home');
    this.list = new List(this);
    const rows = [
      this.entry('Mail', 'icons/mail.svg', 'By IMAP and SMTP', new MailView()),
      this.entry('Chat', 'icons/chat.svg', 'Channels, by IRC', new ChatView()),
      this.entry('Lookup', 'icons/lookup.svg', 'Names, by DNS', new LookupView()),
      this.entry('Certificates', 'icons/lock.svg', 'Trust, by TLS', new CertificateView()),
    ];
    this.softkeys = [null, ['Select', () => Views.open(this.list.current.view)], null];
    this.fill(...rows);
    this.list.set(rows);
  }

  enter() { this.list.show(); }

  key(event) { return this.list.key(event); }

  entry(name, icon, description, view) {
    const image = el('img');
    image.src = icon;
    image.alt = '';
    const row = el('div', 'row entry', image, el('div', 'main', el('div', 'name', name), el('div', 'sub', description)));
    row.tabIndex = -1;
    row.view = view;
    return row;
  }
}

Views.open(new HomeView());
