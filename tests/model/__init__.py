"""An exhaustive model of the charge protocol for one item: every interleaving, every loss, every kill, breadth first.

Who answers what: ``provider`` what Stripe does, ``book`` what the ledger takes, ``runner`` what the shipped flow
decides (``parts``: in which values), ``rejected`` and ``onecall`` the designs that must fail, ``rules`` what a setting
may vary, ``settings`` which are walked, ``explorer`` how, ``walks`` what it came to. ``python -m tests.model`` prints
it.

Driven, not copied: the table of states and its guards (``core.entries.apply``), the rule by which a late sighting is
taken (``edge.ledger.drafts``), and the meaning of every answer (``core.classify`` over bodies as Stripe sends them). A
change there changes the model. Copied by hand, and to be kept in step: the decisions of ``steps``, ``prepare``,
``confirm`` and ``cancel`` in ``flow.kinds.charge``, each beside the name of the function it mirrors.

Modelled
    One item; one or two runners without any lock, each of which may be killed between any two steps, any number of
    times, and continued. A request that was sent may arrive at once, never, or at any later time, also after its sender
    gave up, died, or finished the item. Answers are lost, or read and recorded late. Limiters, refusals and 5xx;
    declines, bank debits, authentication by the payer; reads that show an older state of the intent; the intent
    cancelled by somebody else, also while the bank holds the debit; clones spent by every confirm, by a success only,
    or never; lists that adopt an intent; further attempts, one new clone for a dead one; cancel from ready and from
    unpaid. A step is one commit, one arrival at Stripe, or one read; everything else that could lie between changes
    nothing that anybody can see.

Abstracted, each towards more behaviour than there is
    *Budgets and clocks.* There are none: a trip may end, an item may be parked, a key may be too old at any moment. A
    read that needs others to agree with it may be believed at once, or never in this trip.
    *Versions.* ``ver`` grows with every entry, so "the row is as I saw it" is one bit that the other's write clears.
    *Keys.* Without a key store every arrival executes. With one, a confirm or a cancel whose key is known replays the
    first answer, and all keys are forgotten at any moment. A renewed key behaves as a forgotten one. Opens have no
    store: each may leave an intent more.
    *Lists.* A list may lag, so any intent may be the one it comes back with, or none.
    *Clones.* An unused clone appears in no request, so the clone of an attempt has the attempt's number.
    *Sending.* "About to send", "sent" and "under way" are one state: Stripe cannot tell them apart, and a kill there
    leaves a request that may or may not arrive.
    *Loading.* An idle runner decides on the row of this moment; acting on an older one is a lost race, or a request
    that was decided earlier and arrives later, and both are there.
    *Two runners* run one program, so a state and its mirror image count as one.

Bounded
    Attempts; confirms on their way without a sender (``delayed``); one open and one cancel of that kind; two intents
    (a third open is answered with one of them).

Assumed
    Commits are atomic and durable. An intent is paid at most once and never after it is cancelled. A status
    ``succeeded`` or ``canceled`` is never shown of an intent that is not. `retry` is as the protocol says: unpaid,
    resting, attempts left.

Laws
    ``double``      more than one paid intent
    ``hidden``      the ledger says failed, an intent is paid; failed is final, so walking on from it covers every later
                    moment
    ``false``       the ledger says succeeded, the intent on record is not paid
    ``impossible``  the table or ``apply`` refused what the flow wanted to write
    ``stuck``       a state from which no succeeded, failed, skipped or resting unpaid can be reached without a further
                    fault, a late arrival, or somebody else's help. Parked and unsettled are no end: they must lead on.
"""
