"""Every question that is asked of a ledger, by name; each database has one text for each of them."""

from enum import StrEnum


class Question(StrEnum):
    """A read statement. Behind each stands what it takes (by name), then what a row of its answer has."""

    # The ledger itself.
    META = "meta"  # : name, value
    HEADS = "heads"  # : chain, number and mac of its last entry; of chains that have one
    SIZES = "sizes"  # : number of the last entry, number of the last item
    VERSION = "version"  # : a number that is another one after each commit by anybody else
    LAST_ENTRY = "last_entry"  # : its number; where several write at once, one up to which every entry is there
    LAST_ITEM = "last_item"  # : its row

    # Runs.
    RUN = "run"  # run_id : RUN_COLUMNS
    RUNS = "runs"  # : RUN_COLUMNS, the newest first
    RUN_ROWS = "run_rows"  # : row, ascending
    PLACE = "place"  # run_id : row, scope, revision
    RUN_NAMES = "run_names"  # run : run_id, kind, mode, platform, period
    HEADER = "header"  # run : header
    SCOPES = "scopes"  # : scope, the newest first
    FIRST_OF_SCOPE = "first_of_scope"  # platform, mode, kind, period, always : row of the run or NULL

    # What a run holds.
    TALLY = "tally"  # run, revision : state, group, reason code, currency, how many, their money
    FOREIGN = "foreign"  # run, revision : reason, how many lines
    SHEET = "sheet"  # run, revision : account, state, group, reason, currency, how many lines, their money
    UNLISTED = "unlisted"  # run, revision : the same
    REPORT = "report"  # run, revision : line, cells, reason, detail, ITEM_COLUMNS
    REPORT_BY_ACCOUNT = "report_by_account"  # the same
    DROPPED = "dropped"  # run, revision : line, cells, last revision, detail, replaced, ITEM_COLUMNS
    DROPPED_BY_ACCOUNT = "dropped_by_account"  # the same
    HELD = "held"  # run : reference, payer, account, amount, currency, state, group, reason code
    HELD_IN = "held_in"  # run, state : the same
    LISTED = "listed"  # run, revision : the same
    STANDING = "standing"  # run, revision : item, state, listed
    WORKLOAD = "workload"  # run, state : account, how many
    WORK = "work"  # run, states, account, after, most : ITEM_COLUMNS
    ARRIVED = "arrived"  # run, event, unless, since : account, currency, object, at, first try
    SETTLING = "settling"  # run, revision, begins, ends, back : left, ended, end, taken back, ITEM_COLUMNS
    ACCOUNTS_BEGUN = "accounts_begun"  # accounts, states : account

    # Items of all runs.
    ITEM = "item"  # item : ITEM_COLUMNS
    OBLIGATIONS = "obligations"  # scope, references : ITEM_COLUMNS, the newest generation last
    ON_RECORD = "on_record"  # objects : object, run, state
    BY_OBJECT = "by_object"  # objects : ITEM_COLUMNS
    IDS = "ids"  # kind, after : item, run, reference, generation
    OF_KIND = "of_kind"  # platform, mode, kind, states : ITEM_COLUMNS

    # Entries.
    ENTRIES = "entries"  # after, run or NULL : ENTRY_COLUMNS
    ENTRIES_OF_ITEMS = "entries_of_items"  # after, run or NULL, reference : ENTRY_COLUMNS
    RUN_ENTRIES = "run_entries"  # run : ENTRY_COLUMNS
    ENTRY_COUNTS = "entry_counts"  # run : name, how many
    LATEST_STOP = "latest_stop"  # run, name : facts

    # Look-ups.
    LOOKUPS = "lookups"  # kind, names, since : name, at, facts, mac
    KEPT = "kept"  # kind, first, last : name, at, facts, mac
    ABOUT = "about"  # kind, first, last, name, value : name, at, facts, mac

    # Of whoever looks on.
    TOUCHED = "touched"  # run, after : 1
    RECENT = "recent"  # run, after, most : ENTRY_COLUMNS
    PAGE = "page"  # run, revision, after, most : position, line, reason, detail, ITEM_COLUMNS
    ON_ACCOUNT = "on_account"  # run, account, states, most : ITEM_COLUMNS
    ACCOUNT_SUMS = "account_sums"  # run, account, states : state, group, reason code, currency, how many, their money
    OF_PAYER = "of_payer"  # payer, most : ITEM_COLUMNS
    REFERENCES = "references"  # scope, first, last, most : ITEM_COLUMNS
    PAYERS = "payers"  # scope, first, last, most : ITEM_COLUMNS
    OBJECTS = "objects"  # first, last, most : ITEM_COLUMNS
    INSTRUMENTS = "instruments"  # first, last, most : ITEM_COLUMNS
    ACCOUNTS = "accounts"  # run, states, first, last, most : account
    AMOUNTS = "amounts"  # after, minors, most : ITEM_COLUMNS

    # About one item.
    CALLED = "called"  # reference : ITEM_COLUMNS
    HOLDING = "holding"  # object : ITEM_COLUMNS
    LINE = "line"  # item : line, whether the latest sheet has it
    NAMING = "naming"  # reference, items : run_id, line, reason, detail, item
    UNDOING = "undoing"  # platform, mode, kind, name, object : ITEM_COLUMNS
    NOTE = "note"  # run, after, before, names : ENTRY_COLUMNS
    BEFORE = "before"  # scope, reference, most : reference
    AFTER = "after"  # scope, reference, most : reference
    FIRST = "first"  # scope, most : reference

    # Of a check.
    EVERY_ENTRY = "every_entry"  # : number, at, name, run, item, ver, chain, attempt, facts, mac
    MAC_OF_ENTRY = "mac_of_entry"  # number : mac
    UPGRADES = "upgrades"  # name : number, facts
    EVERY_RUN = "every_run"  # : row, scope, RUN_COLUMNS
    LINES_OF = "lines_of"  # run, revision : position, line, cells, item, reason, detail
    STRAY_LINES = "stray_lines"  # : run, revision
    ITEMS_BEHIND = "items_behind"  # after, most : what `check.item_fault` takes
    AS_PLANNED = "as_planned"  # items : its first entry as in EVERY_ENTRY, mac before, what `rows.frozen` takes
    ENTRIES_BETWEEN = "entries_between"  # after, last : item, run, name, attempt, facts, number, ver
    EVERY_LOOKUP = "every_lookup"  # : kind, name, at, facts, mac
