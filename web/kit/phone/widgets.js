// Frames with the attributes mozbrowser and mozwidget, as Gecko 48 has them behind its preference dom.enable_widgets: a
// widget shows the pages that its app has listed, and who embeds it is given the safe part of the browser API.

const INVALID = 'invalid-widget';
const MALFORMED = 'NS_ERROR_MALFORMED_URI';

/** Methods that could act for the person, or tell of what is in the frame. */
const SENSITIVE = ['sendMouseEvent', 'sendTouchEvent', 'goBack', 'goForward', 'reload', 'stop', 'download', 'purgeHistory', 'getScreenshot',
  'zoom', 'getCanGoBack', 'getCanGoForward', 'getContentDimensions', 'setVolume', 'getVolume', 'mute', 'unmute', 'getMuted', 'findAll',
  'findNext', 'clearMatch', 'executeScript', 'getStructuredData', 'getWebManifest', 'setInputMethodActive', 'setNFCFocus'];

/** What a page of a widget asks its embedder for, which is not told of it. */
const CANCELLED = { open: null, alert: undefined, confirm: false, prompt: null };

/** The app that a manifest's address stands for. The phone of `kaiwire serve` has one. */
let installed = null;
function appOf(manifest) {
  installed ??= fetch('/.phone/app.json').then((response) => response.json());
  return installed.then((app) => (manifest === new URL(app.manifest, location.href).href ? app : null));
}

/**
 * Watches over the frames of a window. What a frame is, is settled when it comes into the document: attributes that come
 * or go afterwards change nothing but where it leads.
 * @param {Window} window
 * @param {string[]} permissions the embedder's
 */
export function installWidgets(window, permissions) {
  if (!permissions.includes('embed-widgets') && !permissions.includes('browser')) return;
  const widgets = new WeakMap();
  const added = (node) => {
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    for (const frame of [node, ...node.querySelectorAll('iframe')]) {
      if (frame.localName !== 'iframe' || widgets.has(frame) || !frame.hasAttribute('mozbrowser') || !frame.hasAttribute('mozwidget')) continue;
      // Both at once make neither.
      widgets.set(frame, frame.hasAttribute('mozapp') ? null : new Widget(frame, permissions));
      if (frame.hasAttribute('mozapp')) frame.removeAttribute('src');
    }
  };
  const observer = new MutationObserver((records) => {
    for (const { type, target, addedNodes } of records) {
      if (type === 'childList') addedNodes.forEach(added);
      else if (target.hasAttribute('src')) widgets.get(target)?.navigate();
    }
  });
  const options = { subtree: true, childList: true, attributes: true, attributeFilter: ['src'] };
  observer.observe(window.document, options);
  if (window.document.documentElement) added(window.document.documentElement);
}

/** What Gecko 48 answers with: an event later, and a promise's then. */
function answer(value) {
  const request = { result: undefined, error: null, readyState: 'pending', onsuccess: null, onerror: null };
  const done = Promise.resolve().then(() => {
    Object.assign(request, { result: value, readyState: 'done' });
    if (request.onsuccess) request.onsuccess({ target: request });
    return value;
  });
  request.then = done.then.bind(done);
  return request;
}

class Widget {
  constructor(frame, permissions) {
    this.frame = frame;
    this.manifest = new URL(frame.getAttribute('mozwidget'), location.href).href;
    this.visible = this.active = true;
    this.painters = new Set();
    this.refused = false;
    frame.addEventListener('load', () => this.loaded());
    frame.addEventListener('phone-window', ({ detail: page }) => {
      for (const [name, value] of Object.entries(CANCELLED)) page[name] = () => value;
      page.close = () => this.tell('close');
    });
    const methods = {
      setVisible: (visible) => this.setVisible(!!visible),
      getVisible: () => answer(this.visible),
      setActive: (active) => { this.active = !!active; },
      getActive: () => this.active,
      addNextPaintListener: (listener) => { this.painters.add(listener); this.paint(); },
      removeNextPaintListener: (listener) => { this.painters.delete(listener); },
    };
    if (permissions.includes('browser')) {
      for (const name of SENSITIVE) {
        methods[name] = () => { throw new DOMException(`${name} is not for widgets`, 'InvalidNodeTypeError'); };
      }
    }
    for (const [name, value] of Object.entries(methods)) Object.defineProperty(frame, name, { configurable: true, value });
    this.navigate();
  }

  tell(name, detail) {
    this.frame.dispatchEvent(new CustomEvent(`mozbrowser${name}`, { bubbles: true, cancelable: true, detail }));
  }

  /** The embedder has said where the frame leads. */
  async navigate() {
    const address = this.frame.getAttribute('src');
    if (!address) return;
    this.refused = false;
    this.frame.removeAttribute('srcdoc');
    this.tell('loadstart');
    if (!await this.lists(new URL(address, location.href).href)) this.refuse();
  }

  /** Whether its app has listed a page, whatever its query. */
  async lists(address) {
    const { origin, pathname } = new URL(address);
    const app = await appOf(this.manifest);
    return app !== null && app.widgetPages.some((page) => {
      const listed = new URL(page, this.manifest);
      return listed.origin === origin && listed.pathname === pathname;
    });
  }

  refuse() {
    if (this.refused) return;
    this.refused = true;
    this.tell('error', { type: INVALID });
    this.frame.srcdoc = `<p>${MALFORMED}`;
  }

  /** A page is there; the widget itself may have gone to it. */
  async loaded() {
    if (this.refused) return;
    const { contentWindow: page } = this.frame;
    let address;
    try {
      address = page.location.href;
    } catch {
      address = 'https://elsewhere.invalid/'; // of another origin, which does not say where it is
    }
    if (address === 'about:blank') return;
    if (!await this.lists(address)) {
      this.refuse();
      return;
    }
    this.showVisible();
    this.tell('loadend');
    requestAnimationFrame(() => {
      this.tell('firstpaint');
      this.tell('documentfirstpaint');
      this.paint();
    });
  }

  paint() {
    requestAnimationFrame(() => {
      for (const listener of [...this.painters]) {
        this.painters.delete(listener);
        listener();
      }
    });
  }

  setVisible(visible) {
    if (visible === this.visible) return;
    this.visible = visible;
    this.showVisible();
    this.tell('visibilitychange', { visible });
  }

  showVisible() {
    const page = this.frame.contentDocument;
    if (!page || page.hidden === !this.visible) return;
    Object.defineProperty(page, 'hidden', { configurable: true, value: !this.visible });
    Object.defineProperty(page, 'visibilityState', { configurable: true, value: this.visible ? 'visible' : 'hidden' });
    page.dispatchEvent(new page.defaultView.Event('visibilitychange', { bubbles: true }));
  }
}
