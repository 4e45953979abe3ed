"""Every endpoint of the sandbox: its operation, its parameters, its permission, its handler. Anything else is a 404."""

from collections.abc import Callable
from dataclasses import dataclass

from billing.sandbox import accounts, charges, customers, intents, methods, refunds
from billing.sandbox.refusals import Obj
from billing.sandbox.world import Call

Handler = Callable[[Call], Obj]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint.

    Attributes:
        operation: its name in limits, faults, counters and the log.
        params: the class of ``stripe.params`` that lists its parameters.
        permission: what a restricted key needs (names seen in errors: docs.stripe.com/keys/restricted-api-keys).
        locks: prefix of the object in its path that it writes, if concurrent writes collide.
    """

    method: str
    path: str
    operation: str
    params: str
    permission: str
    handler: Handler
    locks: str = ""


def _get(prefix: str, param: str) -> Handler:
    """The handler that gives one object of a shelf."""
    return lambda call: call.find(prefix, call.ids[0], param)


def _list(prefix: str, path: str, *filters: str) -> Handler:
    """The handler that lists a shelf by equal fields."""

    def listed(call: Call) -> Obj:
        wanted = {name: call.params[name] for name in filters if name in call.params}
        return call.account[prefix].page(
            call.params, path, call.livemode, lambda row: all(row[name] == value for name, value in wanted.items())
        )

    return listed


ROUTES = (
    Route("GET", "/v1/account", "accounts.retrieve_current", "AccountRetrieveCurrentParams", "rak_accounts_kyc_basic_read", accounts.current),
    Route("GET", "/v1/accounts", "accounts.list", "AccountListParams", "rak_accounts_kyc_basic_read", accounts.listed),
    Route("GET", "/v1/accounts/{}", "accounts.retrieve", "AccountRetrieveParams", "rak_accounts_kyc_basic_read", accounts.retrieve),
    Route("GET", "/v1/balance", "balance.retrieve", "BalanceRetrieveParams", "rak_balance_read", accounts.balance),
    Route("GET", "/v1/customers", "customers.list", "CustomerListParams", "rak_customer_read", customers.listed),
    Route("POST", "/v1/customers", "customers.create", "CustomerCreateParams", "rak_customer_write", customers.create),
    Route("GET", "/v1/customers/{}", "customers.retrieve", "CustomerRetrieveParams", "rak_customer_read", customers.retrieve),
    Route("POST", "/v1/customers/{}", "customers.update", "CustomerUpdateParams", "rak_customer_write", customers.update),
    Route("GET", "/v1/customers/{}/payment_methods", "customers.payment_methods.list", "CustomerListPaymentMethodsParams", "rak_payment_method_read", methods.listed),
    Route("GET", "/v1/customers/{}/payment_methods/{}", "customers.payment_methods.retrieve", "CustomerRetrievePaymentMethodParams", "rak_payment_method_read", methods.of_customer),
    Route("GET", "/v1/payment_methods", "payment_methods.list", "PaymentMethodListParams", "rak_payment_method_read", methods.listed),
    Route("POST", "/v1/payment_methods", "payment_methods.create", "PaymentMethodCreateParams", "rak_payment_method_write", methods.create),
    Route("GET", "/v1/payment_methods/{}", "payment_methods.retrieve", "PaymentMethodRetrieveParams", "rak_payment_method_read", methods.retrieve),
    Route("POST", "/v1/payment_methods/{}", "payment_methods.update", "PaymentMethodUpdateParams", "rak_payment_method_write", methods.update),
    Route("POST", "/v1/payment_methods/{}/attach", "payment_methods.attach", "PaymentMethodAttachParams", "rak_payment_method_write", methods.attach),
    Route("POST", "/v1/payment_methods/{}/detach", "payment_methods.detach", "PaymentMethodDetachParams", "rak_payment_method_write", methods.detach),
    Route("GET", "/v1/payment_intents", "payment_intents.list", "PaymentIntentListParams", "rak_payment_intent_read", intents.listed),
    Route("POST", "/v1/payment_intents", "payment_intents.create", "PaymentIntentCreateParams", "rak_payment_intent_write", intents.create),
    Route("GET", "/v1/payment_intents/{}", "payment_intents.retrieve", "PaymentIntentRetrieveParams", "rak_payment_intent_read", intents.retrieve),
    Route("POST", "/v1/payment_intents/{}", "payment_intents.update", "PaymentIntentUpdateParams", "rak_payment_intent_write", intents.update, "pi"),
    Route("POST", "/v1/payment_intents/{}/confirm", "payment_intents.confirm", "PaymentIntentConfirmParams", "rak_payment_intent_write", intents.confirm, "pi"),
    Route("POST", "/v1/payment_intents/{}/cancel", "payment_intents.cancel", "PaymentIntentCancelParams", "rak_payment_intent_write", intents.cancel, "pi"),
    Route("POST", "/v1/payment_intents/{}/capture", "payment_intents.capture", "PaymentIntentCaptureParams", "rak_payment_intent_write", intents.capture, "pi"),
    Route("GET", "/v1/charges", "charges.list", "ChargeListParams", "rak_charge_read", charges.listed),
    Route("GET", "/v1/charges/{}", "charges.retrieve", "ChargeRetrieveParams", "rak_charge_read", _get("ch", "id")),
    Route("GET", "/v1/refunds", "refunds.list", "RefundListParams", "rak_charge_read", refunds.listed),
    Route("POST", "/v1/refunds", "refunds.create", "RefundCreateParams", "rak_charge_write", refunds.create),
    Route("GET", "/v1/refunds/{}", "refunds.retrieve", "RefundRetrieveParams", "rak_charge_read", _get("re", "id")),
    Route("GET", "/v1/balance_transactions", "balance_transactions.list", "BalanceTransactionListParams", "rak_balance_transaction_read", charges.transactions),
    Route("GET", "/v1/balance_transactions/{}", "balance_transactions.retrieve", "BalanceTransactionRetrieveParams", "rak_balance_transaction_read", _get("txn", "id")),
    Route("GET", "/v1/application_fees", "application_fees.list", "ApplicationFeeListParams", "rak_application_fee_read", _list("fee", "/v1/application_fees", "charge")),
    Route("GET", "/v1/application_fees/{}", "application_fees.retrieve", "ApplicationFeeRetrieveParams", "rak_application_fee_read", _get("fee", "id")),
    Route("GET", "/v1/payouts", "payouts.list", "PayoutListParams", "rak_payout_read", _list("po", "/v1/payouts", "status")),
    Route("GET", "/v1/payouts/{}", "payouts.retrieve", "PayoutRetrieveParams", "rak_payout_read", _get("po", "id")),
    Route("GET", "/v1/disputes", "disputes.list", "DisputeListParams", "rak_dispute_read", _list("dp", "/v1/disputes", "charge", "payment_intent")),
    Route("GET", "/v1/disputes/{}", "disputes.retrieve", "DisputeRetrieveParams", "rak_dispute_read", _get("dp", "id")),
)  # fmt: skip

TABLE = {(route.method, tuple(route.path.split("/")[2:])): route for route in ROUTES}


def match(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """The endpoint of a request and the ids in its path, or none. Every second step of a path is an id."""
    if not path.startswith("/v1/"):
        return None
    steps = path.rstrip("/").split("/")[2:]
    route = TABLE.get((method, tuple("{}" if n % 2 else step for n, step in enumerate(steps))))
    return None if route is None else (route, tuple(steps[1::2]))
