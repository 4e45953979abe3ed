"""Every endpoint of the sandbox: its operation, its parameters, its permission, its handler. Anything else is a 404."""

from collections.abc import Callable
from dataclasses import dataclass

from billing.sandbox import (
    accounts,
    balance_settings,
    charges,
    checkout,
    customers,
    disputes,
    events,
    fees,
    funds,
    intents,
    invoices,
    methods,
    payouts,
    prices,
    products,
    refunds,
    search,
    setups,
    subscription_changes,
    subscriptions,
    webhook_endpoints,
)
from billing.sandbox.refusals import Obj
from billing.sandbox.world import Call

Handler = Callable[[Call], Obj]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint.

    Attributes:
        operation: its name in limits, faults, counters and the log.
        params: the class of ``stripe.params`` that lists its parameters.
        permission: what a restricted key needs (names of docs.stripe.com/keys/permissions-reference).
        locks: prefix of the object in its path that it writes, if concurrent writes collide.
        public: a payer's browser may ask it with a publishable key.
    """

    method: str
    path: str
    operation: str
    params: str
    permission: str
    handler: Handler
    locks: str = ""
    public: bool = False


def _get(prefix: str, param: str) -> Handler:
    """The handler that gives one object of a shelf."""
    return lambda call: call.find(prefix, call.ids[0], param)


def _list(prefix: str, path: str, *filters: str) -> Handler:
    """The handler that lists a shelf by equal fields."""

    def listed(call: Call) -> Obj:
        wanted = {name: call.params[name] for name in filters if name in call.params}
        return call.account[prefix].page(
            call.params, path, call.livemode, lambda row: all(row.get(name) == value for name, value in wanted.items())
        )

    return listed


def _route(request: str, operation: str, params: str, permission: str, handler: Handler, locks: str = "") -> Route:
    method, path = request.split()
    public = operation in PUBLIC
    return Route(method, path, operation, f"{params}Params", permission, handler, locks, public)


PUBLIC = frozenset({  # docs.stripe.com/keys, what a publishable key may do
    "payment_methods.create", "payment_intents.retrieve", "payment_intents.confirm",
    "payment_intents.verify_microdeposits", "setup_intents.retrieve", "setup_intents.confirm",
    "setup_intents.verify_microdeposits",
})  # fmt: skip
ROUTES = (
    _route("GET /v1/account", "accounts.retrieve_current",
           "AccountRetrieveCurrent", "accounts_kyc_basic_read", accounts.current),
    _route("GET /v1/accounts", "accounts.list", "AccountList", "accounts_kyc_basic_read", accounts.listed),
    _route("GET /v1/accounts/{}", "accounts.retrieve", "AccountRetrieve", "accounts_kyc_basic_read", accounts.retrieve),
    _route("GET /v1/balance", "balance.retrieve", "BalanceRetrieve", "balance_read", funds.balance),
    _route("GET /v1/customers", "customers.list", "CustomerList", "customer_read", customers.listed),
    _route("POST /v1/customers", "customers.create", "CustomerCreate", "customer_write", customers.create),
    _route("GET /v1/customers/search", "customers.search", "CustomerSearch", "customer_read", search.customers),
    _route("GET /v1/customers/{}", "customers.retrieve", "CustomerRetrieve", "customer_read", customers.retrieve),
    _route("POST /v1/customers/{}", "customers.update", "CustomerUpdate", "customer_write", customers.update),
    _route("DELETE /v1/customers/{}", "customers.delete", "CustomerDelete", "customer_write", customers.delete),
    _route("GET /v1/customers/{}/payment_methods", "customers.payment_methods.list",
           "CustomerListPaymentMethods", "payment_method_read", methods.listed),
    _route("GET /v1/customers/{}/payment_methods/{}", "customers.payment_methods.retrieve",
           "CustomerRetrievePaymentMethod", "payment_method_read", methods.of_customer),
    _route("GET /v1/payment_methods", "payment_methods.list",
           "PaymentMethodList", "payment_method_read", methods.listed),
    _route("POST /v1/payment_methods", "payment_methods.create",
           "PaymentMethodCreate", "payment_method_write", methods.create),
    _route("GET /v1/payment_methods/{}", "payment_methods.retrieve",
           "PaymentMethodRetrieve", "payment_method_read", methods.retrieve),
    _route("POST /v1/payment_methods/{}", "payment_methods.update",
           "PaymentMethodUpdate", "payment_method_write", methods.update),
    _route("POST /v1/payment_methods/{}/attach", "payment_methods.attach",
           "PaymentMethodAttach", "payment_method_write", methods.attach),
    _route("POST /v1/payment_methods/{}/detach", "payment_methods.detach",
           "PaymentMethodDetach", "payment_method_write", methods.detach),
    _route("GET /v1/payment_intents", "payment_intents.list",
           "PaymentIntentList", "payment_intent_read", intents.listed),
    _route("POST /v1/payment_intents", "payment_intents.create",
           "PaymentIntentCreate", "payment_intent_write", intents.create),
    _route("GET /v1/payment_intents/{}", "payment_intents.retrieve",
           "PaymentIntentRetrieve", "payment_intent_read", intents.retrieve),
    _route("POST /v1/payment_intents/{}", "payment_intents.update",
           "PaymentIntentUpdate", "payment_intent_write", intents.update, "pi"),
    _route("POST /v1/payment_intents/{}/confirm", "payment_intents.confirm",
           "PaymentIntentConfirm", "payment_intent_write", intents.confirm, "pi"),
    _route("POST /v1/payment_intents/{}/cancel", "payment_intents.cancel",
           "PaymentIntentCancel", "payment_intent_write", intents.cancel, "pi"),
    _route("POST /v1/payment_intents/{}/capture", "payment_intents.capture",
           "PaymentIntentCapture", "payment_intent_write", intents.capture, "pi"),
    _route("POST /v1/payment_intents/{}/verify_microdeposits", "payment_intents.verify_microdeposits",
           "PaymentIntentVerifyMicrodeposits", "payment_intent_write", intents.verify_microdeposits, "pi"),
    _route("GET /v1/setup_intents", "setup_intents.list", "SetupIntentList", "setup_intent_read", setups.listed),
    _route("POST /v1/setup_intents", "setup_intents.create", "SetupIntentCreate", "setup_intent_write", setups.create),
    _route("GET /v1/setup_intents/{}", "setup_intents.retrieve",
           "SetupIntentRetrieve", "setup_intent_read", setups.retrieve),
    _route("POST /v1/setup_intents/{}", "setup_intents.update",
           "SetupIntentUpdate", "setup_intent_write", setups.update, "seti"),
    _route("POST /v1/setup_intents/{}/confirm", "setup_intents.confirm",
           "SetupIntentConfirm", "setup_intent_write", setups.confirm, "seti"),
    _route("POST /v1/setup_intents/{}/cancel", "setup_intents.cancel",
           "SetupIntentCancel", "setup_intent_write", setups.cancel, "seti"),
    _route("POST /v1/setup_intents/{}/verify_microdeposits", "setup_intents.verify_microdeposits",
           "SetupIntentVerifyMicrodeposits", "setup_intent_write", setups.verify_microdeposits, "seti"),
    _route("GET /v1/mandates/{}", "mandates.retrieve", "MandateRetrieve", "mandate_read", _get("mandate", "id")),
    _route("GET /v1/checkout/sessions", "checkout.sessions.list",
           "checkout.SessionList", "checkout_session_read", checkout.listed),
    _route("POST /v1/checkout/sessions", "checkout.sessions.create",
           "checkout.SessionCreate", "checkout_session_write", checkout.create),
    _route("GET /v1/checkout/sessions/{}", "checkout.sessions.retrieve",
           "checkout.SessionRetrieve", "checkout_session_read", checkout.retrieve),
    _route("POST /v1/checkout/sessions/{}", "checkout.sessions.update",
           "checkout.SessionUpdate", "checkout_session_write", checkout.update),
    _route("POST /v1/checkout/sessions/{}/expire", "checkout.sessions.expire",
           "checkout.SessionExpire", "checkout_session_write", checkout.expire),
    _route("GET /v1/events", "events.list", "EventList", "event_read", events.listed),
    _route("GET /v1/events/{}", "events.retrieve", "EventRetrieve", "event_read", events.retrieve),
    _route("GET /v1/webhook_endpoints", "webhook_endpoints.list",
           "WebhookEndpointList", "webhook_read", _list("we", "/v1/webhook_endpoints")),
    _route("POST /v1/webhook_endpoints", "webhook_endpoints.create",
           "WebhookEndpointCreate", "webhook_write", webhook_endpoints.create),
    _route("GET /v1/webhook_endpoints/{}", "webhook_endpoints.retrieve",
           "WebhookEndpointRetrieve", "webhook_read", _get("we", "webhook_endpoint")),
    _route("POST /v1/webhook_endpoints/{}", "webhook_endpoints.update",
           "WebhookEndpointUpdate", "webhook_write", webhook_endpoints.update),
    _route("DELETE /v1/webhook_endpoints/{}", "webhook_endpoints.delete",
           "WebhookEndpointDelete", "webhook_write", webhook_endpoints.delete),
    _route("GET /v1/charges", "charges.list", "ChargeList", "charge_read", charges.listed),
    _route("GET /v1/charges/{}", "charges.retrieve", "ChargeRetrieve", "charge_read", _get("ch", "id")),
    _route("POST /v1/charges/{}", "charges.update", "ChargeUpdate", "charge_write", charges.update),
    _route("GET /v1/charges/{}/refunds", "charges.refunds.list", "ChargeListRefunds", "charge_read", refunds.listed),
    _route("GET /v1/refunds", "refunds.list", "RefundList", "charge_read", refunds.listed),
    _route("POST /v1/refunds", "refunds.create", "RefundCreate", "charge_write", refunds.create),
    _route("GET /v1/refunds/{}", "refunds.retrieve", "RefundRetrieve", "charge_read", _get("re", "id")),
    _route("POST /v1/refunds/{}", "refunds.update", "RefundUpdate", "charge_write", refunds.update),
    _route("POST /v1/refunds/{}/cancel", "refunds.cancel", "RefundCancel", "charge_write", refunds.cancel),
    _route("GET /v1/balance_transactions", "balance_transactions.list",
           "BalanceTransactionList", "balance_transaction_read", funds.transactions),
    _route("GET /v1/balance_transactions/{}", "balance_transactions.retrieve",
           "BalanceTransactionRetrieve", "balance_transaction_read", _get("txn", "id")),
    _route("GET /v1/application_fees", "application_fees.list",
           "ApplicationFeeList", "application_fee_read", _list("fee", "/v1/application_fees", "charge")),
    _route("GET /v1/application_fees/{}", "application_fees.retrieve",
           "ApplicationFeeRetrieve", "application_fee_read", _get("fee", "id")),
    _route("GET /v1/application_fees/{}/refunds", "application_fees.refunds.list",
           "ApplicationFeeListRefunds", "application_fee_read", fees.refunds),
    _route("POST /v1/application_fees/{}/refunds", "application_fees.refunds.create",
           "ApplicationFeeRefundCreate", "application_fee_write", fees.refund),
    _route("GET /v1/application_fees/{}/refunds/{}", "application_fees.refunds.retrieve",
           "ApplicationFeeRefundRetrieve", "application_fee_read", fees.refund_of),
    _route("POST /v1/application_fees/{}/refunds/{}", "application_fees.refunds.update",
           "ApplicationFeeRefundUpdate", "application_fee_write", fees.refund_of),
    _route("GET /v1/payouts", "payouts.list", "PayoutList", "payout_read", payouts.listed),
    _route("POST /v1/payouts", "payouts.create", "PayoutCreate", "payout_write", payouts.create),
    _route("GET /v1/payouts/{}", "payouts.retrieve", "PayoutRetrieve", "payout_read", _get("po", "id")),
    _route("POST /v1/payouts/{}", "payouts.update", "PayoutUpdate", "payout_write", payouts.update),
    _route("POST /v1/payouts/{}/cancel", "payouts.cancel", "PayoutCancel", "payout_write", payouts.cancel),
    _route("GET /v1/balance_settings", "balance_settings.retrieve",
           "BalanceSettingsRetrieve", "balance_read", balance_settings.retrieve),
    _route("POST /v1/balance_settings", "balance_settings.update",
           "BalanceSettingsUpdate", "balance_write", balance_settings.update),
    _route("GET /v1/disputes", "disputes.list",
           "DisputeList", "dispute_read", _list("dp", "/v1/disputes", "charge", "payment_intent")),
    _route("GET /v1/disputes/{}", "disputes.retrieve", "DisputeRetrieve", "dispute_read", _get("dp", "id")),
    _route("POST /v1/disputes/{}", "disputes.update", "DisputeUpdate", "dispute_write", disputes.update),
    _route("GET /v1/radar/early_fraud_warnings", "radar.early_fraud_warnings.list",
           "radar.EarlyFraudWarningList", "radar_read",
           _list("issfr", "/v1/radar/early_fraud_warnings", "charge", "payment_intent")),
    _route("GET /v1/radar/early_fraud_warnings/{}", "radar.early_fraud_warnings.retrieve",
           "radar.EarlyFraudWarningRetrieve", "radar_read", _get("issfr", "early_fraud_warning")),
    _route("GET /v1/products", "products.list", "ProductList", "product_read", products.listed),
    _route("POST /v1/products", "products.create", "ProductCreate", "product_write", products.create),
    _route("GET /v1/products/{}", "products.retrieve", "ProductRetrieve", "product_read", _get("prod", "id")),
    _route("POST /v1/products/{}", "products.update", "ProductUpdate", "product_write", products.update),
    _route("GET /v1/prices", "prices.list", "PriceList", "plan_read", prices.listed),
    _route("POST /v1/prices", "prices.create", "PriceCreate", "plan_write", prices.create),
    _route("GET /v1/prices/{}", "prices.retrieve", "PriceRetrieve", "plan_read", _get("price", "price")),
    _route("POST /v1/prices/{}", "prices.update", "PriceUpdate", "plan_write", prices.update),
    _route("GET /v1/subscriptions", "subscriptions.list",
           "SubscriptionList", "subscription_read", subscriptions.listed),
    _route("POST /v1/subscriptions", "subscriptions.create",
           "SubscriptionCreate", "subscription_write", subscriptions.create),
    _route("GET /v1/subscriptions/{}", "subscriptions.retrieve",
           "SubscriptionRetrieve", "subscription_read", subscriptions.retrieve),
    _route("POST /v1/subscriptions/{}", "subscriptions.update",
           "SubscriptionUpdate", "subscription_write", subscription_changes.update, "sub"),
    _route("DELETE /v1/subscriptions/{}", "subscriptions.cancel",
           "SubscriptionCancel", "subscription_write", subscriptions.cancel, "sub"),
    _route("GET /v1/invoices", "invoices.list", "InvoiceList", "invoice_read", invoices.listed),
    _route("GET /v1/invoices/{}", "invoices.retrieve", "InvoiceRetrieve", "invoice_read", _get("in", "invoice")),
    _route("POST /v1/invoices/{}/finalize", "invoices.finalize",
           "InvoiceFinalizeInvoice", "invoice_write", invoices.finalize, "in"),
    _route("POST /v1/invoices/{}/pay", "invoices.pay", "InvoicePay", "invoice_write", invoices.pay, "in"),
    _route("POST /v1/invoices/{}/void", "invoices.void",
           "InvoiceVoidInvoice", "invoice_write", invoices.void_invoice, "in"),
    _route("GET /v1/invoice_payments", "invoice_payments.list",
           "InvoicePaymentList", "credit_note_read", invoices.payments),
    _route("GET /v1/invoice_payments/{}", "invoice_payments.retrieve",
           "InvoicePaymentRetrieve", "credit_note_read", _get("inpay", "invoice_payment")),
    _route("POST /v1/disputes/{}/close", "disputes.close", "DisputeClose", "dispute_write", disputes.close),
)  # fmt: skip

SEARCH = "search"  # stands where an id would
SPACES = ("checkout", "radar")  # first steps of a path that are no objects themselves


def _steps(path: str) -> list[str]:
    """The steps of a path after its version; every second one is an id."""
    steps = path.rstrip("/").split("/")[2:]
    return ["/".join(steps[:2]), *steps[2:]] if steps[:1] and steps[0] in SPACES else steps


TABLE = {(route.method, tuple(_steps(route.path))): route for route in ROUTES}


def match(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """The endpoint of a request and the ids in its path, or none."""
    if not path.startswith("/v1/"):
        return None
    steps = _steps(path)
    route = TABLE.get((method, tuple("{}" if n % 2 and step != SEARCH else step for n, step in enumerate(steps))))
    return None if route is None else (route, tuple(steps[1::2]))
