"""The URL of a ledger: its password is never shown, whichever way it is written, and stands in a variable only."""

import pytest

from billing.core.errors import InvalidInput, UsageError
from billing.core.redaction import scrub
from billing.edge.ledger_url import has_password, is_postgres, shown
from billing.edge.settings.load import load_settings

SECRET = "pass-3f%40word"
WITH = {
    f"postgresql://me:{SECRET}@db:5432/billing": "postgresql://me@db:5432/billing",
    f"postgres://me:{SECRET}@db/billing?sslmode=verify-full": "postgres://me@db/billing?sslmode=verify-full",
    f"postgresql://:{SECRET}@db/billing": "postgresql://db/billing",
    f"postgresql://me:{SECRET}@a:1,b:2/billing": "postgresql://me@a:1,b:2/billing",
    f"postgresql://me:{SECRET}@/billing?host=/run/pg": "postgresql://me@/billing?host=/run/pg",
    f"postgresql://me:{SECRET}@[::1]:5432/billing": "postgresql://me@[::1]:5432/billing",
    f"postgresql://me:{SECRET}?x@db/billing": "postgresql://me@db/billing",
    f"postgresql://db/billing?user=me&password={SECRET}": "postgresql://db/billing?user=me",
    f"postgresql://db/billing?PASSWORD={SECRET}&sslmode=require": "postgresql://db/billing?sslmode=require",
    f"postgresql://db/billing?%70assword={SECRET}": "postgresql://db/billing",
    f"postgresql://db/billing?sslpassword={SECRET}": "postgresql://db/billing",
    f"postgres+psycopg://me:{SECRET}@db/billing": "postgres+psycopg://me@db/billing",
    f"mysql://me:{SECRET}@db/billing": "mysql://me@db/billing",
    f"me:{SECRET}@db/billing": "me@db/billing",
}
WITHOUT = [
    "sqlite:///billing.db", "sqlite:////srv/a:b@c.db", "postgresql://me@db/billing", "postgresql:///billing",
    "postgresql://me@db:5432/billing?sslmode=verify-full&application_name=x", "postgres://db", "mysql://x",
]  # fmt: skip


@pytest.mark.parametrize("url", WITH)
def test_a_password_is_found_and_left_out_wherever_it_stands(url):
    assert has_password(url)
    assert shown(url) == WITH[url]
    assert not has_password(shown(url))


@pytest.mark.parametrize("url", WITHOUT)
def test_what_has_no_password_is_shown_as_it_is(url):
    assert not has_password(url)
    assert shown(url) == url


@pytest.mark.parametrize("url", [*WITH, *WITHOUT])
def test_both_schemes_of_libpq_name_a_server_and_no_other_does(url):
    assert is_postgres(url) == url.startswith(("postgres://", "postgresql://"))


@pytest.mark.parametrize("url", [*(url for url in WITH.values() if is_postgres(url)), "postgresql://me@127.0.0.1/x"])
def test_a_command_that_names_a_ledger_can_be_typed_as_it_is_shown(url):
    command = f"billing ledger upgrade --ledger {url}. Then write to jane@example.com"
    assert scrub(command) == command.replace("jane@example.com", "[e-mail]")
    assert "jane" not in scrub(f"postgresql://jane.doe@example.com:{SECRET}@db.example/x")


@pytest.mark.parametrize("url", WITH)
def test_a_password_may_stand_in_a_variable_and_is_not_among_what_is_shown(url):
    settings = load_settings({"BILLING_LEDGER": url})
    assert settings.ledger == url
    assert SECRET not in str(settings.texts) + settings.ledger_shown
    assert settings.ledger_shown == WITH[url]


@pytest.mark.parametrize("url", WITH)
def test_a_password_that_is_typed_is_refused_and_not_repeated(url):
    with pytest.raises(UsageError, match=r"--ledger: holds a password, .* PGPASSWORD") as error:
        load_settings({}, {"ledger": url})
    assert SECRET not in str(error.value)


def test_a_password_in_a_settings_file_is_refused_and_not_repeated(tmp_path):
    file = tmp_path / "billing.yaml"
    file.write_text(f"ledger: postgresql://me:{SECRET}@db/billing\n")
    with pytest.raises(InvalidInput) as error:
        load_settings({}, config=file)
    (problem,) = error.value.problems
    assert problem.line == 1
    assert "holds a password" in problem.message
    assert SECRET not in str(problem)


def test_a_url_that_cannot_be_printed_is_refused_without_its_password():
    with pytest.raises(UsageError) as error:
        load_settings({"BILLING_LEDGER": f"postgresql://me:{SECRET}@db/bill\ting"})
    assert SECRET not in str(error.value)
