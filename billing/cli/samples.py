"""What `billing init` writes for a kind of run: a sheet with every column, a sample of it, and a run file beside it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """A worked example of one kind of run.

    Attributes:
        name: of its run, and of its files.
        columns: the header of its sheet, as it is written.
        rows: the lines under it.
        run_file: the YAML file that names the sheet.
        note: what of it has to be replaced before it is planned.
    """

    name: str
    columns: str
    rows: tuple[str, ...]
    run_file: str
    note: str = "Its ids are made up: replace them by yours before you plan it, or fill in template.csv."

    @property
    def files(self) -> dict[str, str]:
        """Its files by name."""
        sheet = "".join(f"{line}\n" for line in (self.columns, *self.rows))
        return {"template.csv": f"{self.columns}\n", f"{self.name}.csv": sheet, f"{self.name}.yaml": self.run_file}


SAMPLES: Mapping[str, Sample] = {
    # word of a run file's kind: its sample
    "charges": Sample(
        name="coaching",
        columns=(
            "reference,customer,payment_method,account,amount,currency,application_fee,description,statement_suffix,"
            "metadata.contract"
        ),
        rows=(
            "INV-0001,cus_A1,pm_A1,acct_N1,10.99,USD,0.55,November coaching,NOV26,C-77",
            "INV-0002,cus_A1,,acct_N2,1500,JPY,75,November coaching,NOV26,C-78",
            "INV-0003,cus_B2,pm_B2,acct_N1,249.00,USD,,Team coaching,NOV26,C-91",
        ),
        run_file="""\
# A run: what is billed, for which period, from which sheet, within which limits.
# Try it:  billing check coaching.yaml
version: 1
run: {name: coaching, period: current, timezone: UTC}   # this month: coaching-2026-11 in November 2026
mode: test                                            # live also needs a live key and --live
source: {csv: coaching.csv}
control: {items: 3, totals: {USD: "259.99", JPY: "1500"}}   # must match the sheet exactly
defaults: {application_fee_percent: 5}
limits: {per_item: {USD: 500}, max_items: 1000}
""",
    ),
    "payers": Sample(
        name="onboarding",
        columns=(
            "reference,email,name,phone,description,on_behalf_of,types,return_url,locale,setup_credential_usage,"
            "first_payment,currency,metadata.contract"
        ),
        rows=(
            "PAY-0001,ada@example.com,Ada Example,,Coaching,,card,https://example.com/thanks,en-GB,,,,C-77",
            "PAY-0002,bob@example.com,Bob Example,,Coaching,,card us_bank_account,https://example.com/thanks,en-US,,,,C-78",
        ),
        run_file="""\
# People who are asked to save a payment method on the platform.
# Try it:  billing check onboarding.yaml
version: 1
kind: payers
run: {name: onboarding, period: current, timezone: UTC}   # this month: onboarding-2026-11 in November 2026
mode: test                                              # live also needs a live key and --live
source: {csv: onboarding.csv}
control: {items: 2}
""",
        note="Its people are made up: replace them by yours before you plan it, or fill in template.csv.",
    ),
    "subscriptions": Sample(
        name="gym",
        columns=(
            "reference,customer,payment_method,account,amount,currency,interval,interval_count,product,price,quantity,"
            "trial_end,billing_cycle_anchor,application_fee_percent,description,metadata.contract"
        ),
        rows=(
            "GYM-0001,cus_A1,pm_A1,acct_N1,29.00,USD,month,,Gym membership,,,,,10,Gym,C-77",
            "GYM-0002,cus_A1,,acct_N2,15.00,EUR,week,2,Yoga,,2,,,5,Yoga for two,C-78",
            "GYM-0003,cus_B2,,acct_N1,,,,,,price_N1gym,,2027-01-31,,10,Gym,C-91",
        ),
        run_file="""\
# Recurring payments: one subscription a line, its first payment included. Renewals are Stripe's from then on.
# Try it:  billing check gym.yaml
version: 1
kind: subscriptions
run: {name: gym, period: current, timezone: UTC}      # dates without an hour are meant in this zone
mode: test                                            # live also needs a live key and --live
source: {csv: gym.csv}
control: {items: 3}
limits: {per_item: {USD: 500}, max_items: 1000}
""",
    ),
}
# Runs of the other kinds are written by the program: `billing reverse` writes refunds and cancellations.
