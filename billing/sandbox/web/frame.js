/* The Payment Element's own page: it holds the numbers, asks the API, and tells the page around it what came of it. */
(() => {
  'use strict';

  const ACCOUNTS = ['success', 'accountClosed', 'noAccount', 'insufficientFunds', 'debitNotAuthorized', 'dispute',
    'processing', 'weeklyLimitExceeded'];
  const form = document.querySelector('form');
  const alertLine = form.querySelector('[role=alert]');
  const field = (id) => document.getElementById(id);
  const chosen = (name) => form.querySelector(`[name=${name}]:checked`).value;
  const digits = (id) => field(id).value.replace(/\D/g, '');
  const CHECKS = {  // field: whether it is good, the code of what is wrong, the words for it
    number: [() => digits('number').length >= 13 && luhn(digits('number')), 'invalid_number', 'Your card number is invalid.'],
    expiry: [() => expiry() && expiry().month >= 1 && expiry().month <= 12, 'incomplete_expiry',
      "Your card's expiration date is incomplete."],
    cvc: [() => /^\d{3,4}$/.test(digits('cvc')), 'incomplete_cvc', "Your card's security code is incomplete."],
    name: [() => field('name').value.trim() !== '', 'incomplete_name', 'Enter your full name.'],
    routing: [() => digits('routing').length === 9, 'incomplete_routing_number', 'Your routing number is incomplete.'],
    account: [() => digits('account').length >= 4, 'incomplete_account_number', 'Your account number is incomplete.'],
  };
  let port;
  let stripe;
  let greeting;

  function luhn(number) {
    const sum = [...number].reverse().reduce((total, digit, place) => {
      const value = Number(digit) * (place % 2 + 1);
      return total + (value > 9 ? value - 9 : value);
    }, 0);
    return sum % 10 === 0;
  }

  function expiry() {
    const known = /^(\d{1,2})\s*\/?\s*(\d{2}|\d{4})$/.exec(field('expiry').value.trim());
    return known && { month: Number(known[1]), year: Number(known[2]) % 100 + 2000 };
  }

  function needed() {
    if (chosen('type') === 'card') return ['number', 'expiry', 'cvc'];
    return chosen('bank') === 'linked' ? ['name'] : ['name', 'routing', 'account'];
  }

  function firstWrong() {
    return needed().find((id) => !CHECKS[id][0]());
  }

  function say(message) {
    alertLine.textContent = message || '';
    resize();
  }

  function resize() {
    port.postMessage({ event: 'resize', value: Math.ceil(document.documentElement.getBoundingClientRect().height) + 4 });
  }

  function show() {
    for (const part of form.querySelectorAll('[data-type]')) part.hidden = part.dataset.type !== chosen('type');
    for (const part of form.querySelectorAll('[data-bank]')) part.hidden = part.dataset.bank !== chosen('bank');
    resize();
  }

  function changed() {
    for (const id of needed()) field(id).removeAttribute('aria-invalid');
    show();
    const touched = needed().some((id) => field(id).value);
    port.postMessage({ event: 'change', value: {
      complete: !firstWrong(), empty: !touched, collapsed: false, value: { type: chosen('type') },
    } });
  }

  /* What is missing or wrong, said beside the fields and told to the page. */
  function complaint() {
    const wrong = firstWrong();
    if (!wrong) {
      say('');
      return null;
    }
    const [, code, message] = CHECKS[wrong];
    field(wrong).setAttribute('aria-invalid', 'true');
    field(wrong).focus();
    say(message);
    return { type: 'validation_error', code, message };
  }

  function details({ payment_method_data: given = {} }) {
    const usual = (greeting.options.defaultValues || {}).billingDetails || {};
    const person = { ...usual, ...given.billing_details };
    if (chosen('type') === 'card') {
      const { month, year } = expiry();
      const card = { number: digits('number'), exp_month: month, exp_year: year, cvc: digits('cvc') };
      return { type: 'card', card, billing_details: person };
    }
    const account = chosen('bank') === 'linked'
      ? { financial_connections_account: `fca_sandbox_${field('linked').value}` }
      : { routing_number: digits('routing'), account_number: digits('account'), account_holder_type: 'individual' };
    return { type: 'us_bank_account', us_bank_account: account, billing_details: { ...person, name: field('name').value } };
  }

  async function confirm({ secret, confirmParams }) {
    const wrong = complaint();
    if (wrong) return { error: wrong };
    const { id, path } = Stripe._intentOf(secret);
    const method = await stripe._request('POST', 'payment_methods', details(confirmParams));
    if (method.error) return refused(method.error);
    const intent = await stripe._request('POST', `${path}/${id}/confirm`, {
      client_secret: secret, payment_method: method.id, return_url: confirmParams.return_url, use_stripe_sdk: true,
    });
    return intent.error ? refused(intent.error) : { intent };
  }

  function refused(error) {
    say(error.message);
    return { error };
  }

  const WISHES = {
    confirm,
    focus: async () => field(needed()[0]).focus(),
    submit: async () => {
      const error = complaint();
      return error ? { error } : { selectedPaymentMethod: chosen('type') };
    },
  };

  function dress({ variables = {} }) {
    for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty(`--${name}`, value);
  }

  /* An intent that is over is never shown a form again (docs.stripe.com/changelog, client secrets used again). */
  async function open() {
    const { id, path, code } = Stripe._intentOf(greeting.secret);
    const intent = await stripe._request('GET', `${path}/${id}`, { client_secret: greeting.secret });
    const over = !intent.error && Stripe._OVER.includes(intent.status);
    if (intent.error || over) {
      const message = `This intent is ${intent.status}; its form cannot be shown again.`;
      port.postMessage({ event: 'loaderror', value: intent.error || { type: 'invalid_request_error', code, message } });
      return;
    }
    const kinds = intent.payment_method_types;
    for (const radio of form.querySelectorAll('[name=type]')) radio.parentElement.hidden = !kinds.includes(radio.value);
    form.querySelector(`[name=type][value=${kinds.includes('card') ? 'card' : 'us_bank_account'}]`).checked = true;
    form.hidden = false;
    show();
    port.postMessage({ event: 'ready', value: {} });
  }

  addEventListener('message', ({ data, ports, source }) => {
    if (port || source !== window.parent || !ports.length) return;
    [port] = ports;
    greeting = data;
    stripe = Stripe(data.key, { stripeAccount: data.account });
    dress(data.appearance);
    field('linked').replaceChildren(...ACCOUNTS.map((name) => new Option(name, name)));
    port.onmessage = async ({ data: { call, wish, given } }) => {
      port.postMessage({ answer: call, value: await WISHES[wish](given) });
    };
    form.addEventListener('input', changed);
    form.addEventListener('submit', (event) => event.preventDefault());
    form.addEventListener('focusin', () => port.postMessage({ event: 'focus', value: {} }));
    form.addEventListener('focusout', () => port.postMessage({ event: 'blur', value: {} }));
    open();
  });
})();
