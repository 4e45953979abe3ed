"use strict";
// The form: it gets a secret for Stripe's Payment Element, confirms with Stripe, and then asks our server what came of
// it. Card data goes from Stripe's frame to Stripe; nothing of it passes through here. What Stripe.js says on success is
// not believed: the page that follows reads it.
(() => {
  const form = document.getElementById("form");
  const save = document.getElementById("save");
  const bank = document.getElementById("bank");
  const WAITING_SHOWN_AFTER = 2500; // milliseconds; until then the button alone says that it works
  const GIVEN_UP_AFTER = 30000; // milliseconds without an answer of our server

  // What Stripe.js says of a failure, by the type of its error, and what the payer is told.
  // (docs.stripe.com/api/errors; stripe-js, StripeErrorType)
  const BY_TYPE = { card_error: "declined", validation_error: "invalid", rate_limit_error: "many" };
  const BY_CODE = {
    setup_intent_authentication_failure: "cancelled",
    payment_intent_authentication_failure: "cancelled",
  };
  // After these there is nothing left to confirm here: the next page reads how it stands.
  const OVER = new Set(["setup_intent_unexpected_state", "payment_intent_unexpected_state"]);

  let stripe;
  let elements;
  let asks;
  let busy = false;
  let reloads = false;

  function label(name) {
    for (const each of save.querySelectorAll("[data-label]")) each.hidden = each.dataset.label !== name;
    save.querySelector(".spin").hidden = name !== "busy";
    save.setAttribute("aria-disabled", String(name === "busy"));
  }

  function say(name) {
    bank.hidden = true;
    for (const each of document.querySelectorAll("[data-message]")) {
      each.hidden = each.dataset.message !== name;
      if (!each.hidden) each.focus();
    }
  }

  // Nothing can be done here but to begin again.
  function stuck(name) {
    document.querySelector(".element").hidden = true;
    reloads = true;
    label("again");
    say(name);
  }

  function leave() {
    window.location.replace(form.dataset.done);
  }

  async function open() {
    const gone = new AbortController();
    const timer = setTimeout(() => gone.abort(), GIVEN_UP_AFTER);
    try {
      const answer = await fetch(form.dataset.open, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Collect": "1" },
        body: "{}",
        cache: "no-store",
        credentials: "omit",
        referrerPolicy: "no-referrer",
        signal: gone.signal,
      });
      return await answer.json();
    } catch {
      return { say: "offline" };
    } finally {
      clearTimeout(timer);
    }
  }

  function appearance() {
    const style = getComputedStyle(document.documentElement);
    const token = (name) => style.getPropertyValue(`--${name}`).trim();
    return {
      theme: window.matchMedia("(prefers-color-scheme: dark)").matches ? "night" : "stripe",
      variables: {
        colorPrimary: token("link"),
        colorBackground: token("card"),
        colorText: token("ink"),
        colorDanger: token("warn"),
        borderRadius: "6px",
        fontSizeBase: "16px",
      },
    };
  }

  function mount(secret) {
    stripe = window.Stripe(form.dataset.key, { locale: document.documentElement.lang });
    elements = stripe.elements({ clientSecret: secret, appearance: appearance() });
    const element = elements.create("payment", { wallets: { link: "never" } });
    element.on("ready", () => {
      document.getElementById("loading").hidden = true;
      label("save");
    });
    element.on("loaderror", () => stuck("later"));
    element.on("change", (event) => {
      const terms = document.querySelectorAll("[data-terms]");
      const known = [...terms].some((each) => each.dataset.terms === event.value.type);
      for (const each of terms) each.hidden = known && each.dataset.terms !== event.value.type;
    });
    element.mount("#element");
  }

  async function begin() {
    form.hidden = false;
    label("busy");
    if (!window.Stripe) return stuck("offline");
    const answer = await open();
    if (answer.go) return leave();
    if (!answer.client_secret) return stuck(answer.say || "later");
    asks = answer.asks;
    try {
      return mount(answer.client_secret);
    } catch {
      return stuck("later"); // Stripe.js throws at what a page must not do
    }
  }

  async function confirm() {
    const how = { elements, confirmParams: { return_url: form.dataset.done }, redirect: "if_required" };
    try {
      return await (asks === "payment" ? stripe.confirmPayment(how) : stripe.confirmSetup(how));
    } catch {
      return { error: { type: "api_error" } };
    }
  }

  async function pressed() {
    if (reloads) return window.location.reload();
    if (busy || save.getAttribute("aria-disabled") === "true") return undefined;
    busy = true;
    say("");
    label("busy");
    const timer = setTimeout(() => { bank.hidden = false; }, WAITING_SHOWN_AFTER);
    const { error } = await confirm();
    clearTimeout(timer);
    if (!error || OVER.has(error.code)) return leave();
    busy = false;
    label("save");
    return say(BY_CODE[error.code] || BY_TYPE[error.type] || "later");
  }

  save.addEventListener("click", pressed);
  // A page that the browser kept may show a form that is over.
  window.addEventListener("pageshow", (event) => { if (event.persisted) window.location.reload(); });
  begin();
})();
