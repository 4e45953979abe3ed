/* What a page for saving payment details does with Stripe.js, and writes down what it is told. */
(() => {
  'use strict';
  const told = [];
  const tell = (line) => { document.getElementById('told').textContent = told.push(line) && told.join(' | '); };
  document.addEventListener('securitypolicyviolation', (event) => tell(`violated ${event.violatedDirective}`));
  const given = new URLSearchParams(location.hash.slice(1));
  const stripe = Stripe('pk_test_page0000');
  const elements = stripe.elements({ clientSecret: given.get('secret'), appearance: { variables: { colorPrimary: '#f00' } } });
  const payment = elements.create('payment', { wallets: { link: 'never' } });
  payment.on('ready', () => tell('ready'));
  payment.on('loaderror', ({ error }) => tell(`loaderror ${error.code || error.type}`));
  payment.on('change', ({ complete, value }) => complete && tell(`complete ${value.type}`));
  payment.mount('#payment');
  const confirm = { seti: 'confirmSetup', pi: 'confirmPayment' }[given.get('secret').split('_')[0]];
  document.getElementById('save').addEventListener('click', async () => {
    const sent = await elements.submit();
    if (sent.error) return tell(`submit ${sent.error.code}`);
    const { error, setupIntent, paymentIntent } = await stripe[confirm]({
      elements, confirmParams: { return_url: `${location.origin}/back?x=1` }, redirect: given.get('redirect') || 'always',
    });
    return tell(error ? `error ${error.code || error.type} ${error.decline_code || ''}` : `saved ${(setupIntent || paymentIntent).status}`);
  });
  window.retrieve = (secret) => stripe.retrieveSetupIntent(secret);
  for (const key of ['sk_test_12345678', 'nonsense']) {
    try { Stripe(key); tell('a secret key was taken'); } catch (error) { if (error.name !== 'IntegrationError') throw error; }
  }
})();
