/* A stand-in for Stripe.js, for rehearsals and browser tests: the calls that a page for saving payment details makes,
   under the names of docs.stripe.com/js. Card numbers stay in a frame of the sandbox's, as they do in Stripe's. */
(() => {
  'use strict';

  const here = new URL(document.currentScript.src);
  const [, RELEASE] = here.pathname.split('/');
  const FRAME_WAIT_MS = 15000;
  const KINDS = {
    seti: { path: 'setup_intents', result: 'setupIntent', field: 'setup_intent', code: 'setup_intent_unexpected_state' },
    pi: { path: 'payment_intents', result: 'paymentIntent', field: 'payment_intent', code: 'payment_intent_unexpected_state' },
  };
  const OVER = ['succeeded', 'canceled', 'processing', 'requires_capture'];

  class IntegrationError extends Error {
    constructor(message) {
      super(message);
      this.name = 'IntegrationError';
    }
  }

  function insist(condition, message) {
    if (!condition) throw new IntegrationError(message);
  }

  /* Which intent a client secret is of. */
  function intentOf(secret) {
    const known = typeof secret === 'string' && /^((pi|seti)_\w+)_secret_\w+$/.exec(secret);
    insist(known, 'Invalid value for clientSecret: it has the form ${id}_secret_${secret}.');
    return { id: known[1], ...KINDS[known[2]] };
  }

  function flat(params, prefix = '') {
    return Object.entries(params).flatMap(([name, value]) => {
      const full = prefix ? `${prefix}[${name}]` : name;
      if (value === undefined || value === null) return [];
      return typeof value === 'object' ? flat(value, full) : [[full, String(value)]];
    });
  }

  class Client {
    constructor(key, { stripeAccount, locale } = {}) {
      insist(typeof key === 'string' && /^pk_(test|live)_/.test(key),
        'Invalid API key: a page uses a publishable key (pk_...), never a secret one.');
      Object.assign(this, { _key: key, _account: stripeAccount, _locale: locale || 'auto' });
    }

    /* One request; never rejects: what went wrong is in `error`, as Stripe tells it. */
    async _request(method, path, params) {
      const encoded = new URLSearchParams(flat(params)).toString();
      const url = `${here.origin}/v1/${path}${method === 'GET' ? `?${encoded}` : ''}`;
      const headers = { Authorization: `Bearer ${this._key}`, 'Content-Type': 'application/x-www-form-urlencoded' };
      if (this._account) headers['Stripe-Account'] = this._account;
      try {
        const answer = await fetch(url, { method, headers, body: method === 'GET' ? undefined : encoded });
        return await answer.json();
      } catch {
        const message = 'We are experiencing issues connecting to our payments provider. Please try again.';
        return { error: { type: 'api_connection_error', message } };
      }
    }

    async _retrieve(secret) {
      const { id, path, result } = intentOf(secret);
      const answer = await this._request('GET', `${path}/${id}`, { client_secret: secret });
      return answer.error ? { error: answer.error } : { [result]: answer };
    }

    retrieveSetupIntent(secret) { return this._retrieve(secret); }
    retrievePaymentIntent(secret) { return this._retrieve(secret); }

    elements(options) { return new Elements(this, options || {}); }

    confirmSetup(options) { return this._confirm(options, 'seti'); }
    confirmPayment(options) { return this._confirm(options, 'pi'); }

    async _confirm({ elements, clientSecret, confirmParams = {}, redirect = 'always' }, kind) {
      insist(elements instanceof Elements, 'Provide the elements whose details are to be confirmed.');
      const secret = clientSecret || elements._secret;
      const intent = intentOf(secret);
      insist(intent.path === KINDS[kind].path, `This client secret is of another kind than ${KINDS[kind].result}.`);
      insist(confirmParams.return_url || redirect === 'if_required', 'confirmParams.return_url is required.');
      const payment = elements._payment();
      const answer = await payment._ask('confirm', { secret, confirmParams });
      if (answer.error) return { error: answer.error };
      return this._follow(answer.intent, intent, confirmParams.return_url, redirect);
    }

    async handleNextAction({ clientSecret }) {
      const intent = intentOf(clientSecret);
      const answer = await this._retrieve(clientSecret);
      return answer.error ? answer : this._follow(answer[intent.result], intent, location.href, 'if_required');
    }

    async verifyMicrodepositsForSetup(secret, given) {
      const { id, path, result } = intentOf(secret);
      const params = { client_secret: secret, ...given };
      const answer = await this._request('POST', `${path}/${id}/verify_microdeposits`, params);
      return answer.error ? { error: answer.error } : { [result]: answer };
    }

    /* What is left once an intent was confirmed: the bank's question, the way back, or nothing. */
    async _follow(body, intent, back, redirect) {
      const action = body.next_action && body.next_action.type === 'use_stripe_sdk' && body.next_action.use_stripe_sdk;
      if (action && action.type === 'three_d_secure_redirect') {
        leave(action.stripe_js, { return_url: back || location.href });
        return new Promise(() => {});
      }
      if (action) return this._challenge(action.stripe_js, body, intent, back, redirect);
      if (redirect === 'if_required') return { [intent.result]: body };
      const status = body.status === 'succeeded' ? 'succeeded' : 'pending';
      leave(back, {
        [intent.field]: body.id, [`${intent.field}_client_secret`]: body.client_secret, redirect_status: status,
      });
      return new Promise(() => {});
    }

    async _challenge(page, body, intent, back, redirect) {
      await challenged(page);
      const answer = await this._retrieve(body.client_secret);
      if (answer.error) return answer;
      const now = answer[intent.result];
      const error = now.last_setup_error || now.last_payment_error;
      if (now.status === 'requires_payment_method') return { error: { ...error, [intent.field]: now } };
      return this._follow(now, intent, back, redirect);
    }
  }

  function leave(url, params) {
    const target = new URL(url, location.href);
    for (const [name, value] of Object.entries(params)) target.searchParams.set(name, value);
    location.assign(target.href);
  }

  /* The bank's page in a window over this one; settles when the payer has answered. */
  function challenged(page) {
    const frame = newFrame(`${page}&embedded=1`, 'Secure 3D authentication frame');
    const cover = { position: 'fixed', inset: '0', width: '100%', height: '100%', 'z-index': '2147483647' };
    for (const [name, value] of Object.entries(cover)) frame.style.setProperty(name, value);
    document.body.append(frame);
    return new Promise((settle) => {
      addEventListener('message', function heard(event) {
        if (event.source !== frame.contentWindow || event.data !== 'challenge answered') return;
        removeEventListener('message', heard);
        frame.remove();
        settle();
      });
    });
  }

  function newFrame(source, title) {
    const frame = document.createElement('iframe');
    Object.assign(frame, { src: source, title });
    frame.style.setProperty('border', '0');
    return frame;
  }

  class Elements {
    constructor(client, { clientSecret, appearance, locale }) {
      intentOf(clientSecret);
      Object.assign(this, { _client: client, _secret: clientSecret, _appearance: appearance || {}, _element: null });
      this._locale = locale || client._locale;
    }

    create(type, options = {}) {
      insist(type === 'payment', `The sandbox has the Payment Element alone, no ${type}.`);
      insist(!this._element, 'Can only create one Element of type payment.');
      this._element = new PaymentElement(this, options);
      return this._element;
    }

    getElement(type) { return type === 'payment' ? this._element : null; }
    update({ appearance, locale }) {
      Object.assign(this, { _appearance: appearance || this._appearance, _locale: locale || this._locale });
    }
    async fetchUpdates() { return {}; }
    async submit() { return this._payment()._ask('submit', {}); }

    _payment() {
      insist(this._element && this._element._port, 'The Payment Element is not mounted.');
      return this._element;
    }
  }

  class PaymentElement {
    constructor(elements, options) {
      Object.assign(this, { _elements: elements, _options: options, _heard: {}, _waiting: new Map(), _count: 0 });
    }

    on(event, handler) {
      (this._heard[event] ||= []).push(handler);
      return this;
    }
    off(event, handler) {
      this._heard[event] = (this._heard[event] || []).filter((each) => handler && each !== handler);
      return this;
    }
    once(event, handler) {
      const once = (value) => { this.off(event, once); handler(value); };
      return this.on(event, once);
    }
    update(options) { Object.assign(this._options, options); }
    collapse() { return this; }
    focus() { this._ask('focus', {}); }

    mount(place) {
      const holder = typeof place === 'string' ? document.querySelector(place) : place;
      insist(holder instanceof HTMLElement, `The selector you specified (${place}) applies to no DOM elements.`);
      insist(!this._frame, 'This Element is already mounted.');
      this._frame = newFrame(`${here.origin}/${RELEASE}/frame.html`, 'Secure payment input frame');
      this._frame.style.setProperty('width', '100%');
      this._frame.addEventListener('load', () => this._introduce(), { once: true });
      this._late = setTimeout(() => this._fail({ type: 'api_connection_error', message: 'The frame did not load.' }),
        FRAME_WAIT_MS);
      holder.replaceChildren(this._frame);
      this._emit('loaderstart', {});
    }

    unmount() {
      clearTimeout(this._late);
      if (this._frame) this._frame.remove();
      Object.assign(this, { _frame: null, _port: null });
    }
    destroy() {
      this.unmount();
      this._elements._element = null;
    }

    _introduce() {
      const { port1, port2 } = new MessageChannel();
      this._port = port1;
      port1.onmessage = ({ data }) => (data.answer === undefined ? this._told(data) : this._answered(data));
      const { _client: client, _secret: secret, _appearance: appearance, _locale: locale } = this._elements;
      const greeting = { secret, appearance, locale, options: JSON.parse(JSON.stringify(this._options)) };
      Object.assign(greeting, { key: client._key, account: client._account });
      this._frame.contentWindow.postMessage(greeting, here.origin, [port2]);
    }

    _told({ event, value }) {
      if (event === 'resize') this._frame.style.setProperty('height', `${value}px`);
      else if (event === 'loaderror') this._fail(value);
      else this._emit(event, value);
      if (event === 'ready') clearTimeout(this._late);
    }

    _fail(error) {
      clearTimeout(this._late);
      this._emit('loaderror', { error });
    }

    _emit(event, value) {
      for (const handler of [...(this._heard[event] || [])]) handler({ elementType: 'payment', ...value });
    }

    /* Has the frame do something; its answer. */
    _ask(wish, given) {
      const call = this._count += 1;
      return new Promise((settle) => {
        this._waiting.set(call, settle);
        this._port.postMessage({ call, wish, given });
      });
    }

    _answered({ answer, value }) {
      this._waiting.get(answer)(value);
      this._waiting.delete(answer);
    }
  }

  function Stripe(key, options) { return new Client(key, options); }
  Stripe.version = RELEASE;
  Object.assign(Stripe, { _intentOf: intentOf, _OVER: OVER });
  window.Stripe = Stripe;
})();
