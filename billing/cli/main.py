"""The `billing` command: parse, do, print, and turn every ending into an exit code in one place."""

import secrets
import sys
import traceback
from collections.abc import Iterator, Sequence

from billing.core.errors import BillingError, InvalidInput
from billing.core.exits import Exit


def main() -> None:
    """Run the command line of this process; whatever happens to its streams, it ends with a code of the table."""
    from billing.edge.streams import last_word, steady_streams

    steady_streams()
    sys.exit(last_word(run(sys.argv[1:])))


def run(argv: Sequence[str]) -> int:
    """Carry out one command line and return its exit code. Nothing is ever raised but what ends the interpreter."""
    import typer

    from billing.cli.app import command

    try:
        code = command().main(list(argv), prog_name="billing", standalone_mode=False)
        return int(code or Exit.OK)
    except typer.TyperException as error:
        return _wrong_usage(error)
    except (KeyboardInterrupt, typer.Abort):
        _complain("interrupted; the state is saved, run the same command again to continue", Exit.INTERRUPTED)
        return Exit.INTERRUPTED
    except SystemExit as ended:  # completion has answered the shell
        return ended.code if isinstance(ended.code, int) else Exit.OK
    except BillingError as error:
        return _expected(error)
    except Exception as error:  # noqa: BLE001  the last place: nothing may end in a bare traceback
        return _of_group(error)


def _of_group(error: Exception) -> int:
    """An error of ours may arrive inside the group of tasks it ended; anything else is unexpected."""
    if isinstance(error, ExceptionGroup):
        ours, _ = error.split(BillingError)
        if ours is not None:
            return _expected(_first(ours))
    return _unexpected(error)


def _first(group: ExceptionGroup[BillingError]) -> BillingError:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, ExceptionGroup) else inner


def _wrong_usage(error: Exception) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":  # its message is the whole help
        sys.stderr.write(f"{error}\n")
        return Exit.USAGE
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "billing"
    _complain(getattr(error, "format_message", error.__str__)(), Exit.USAGE, f"try: {path} --help")
    return Exit.USAGE


def _expected(error: BillingError) -> int:
    lines = [str(problem) for problem in error.problems] if isinstance(error, InvalidInput) else []
    if isinstance(error, InvalidInput) and error.total > len(lines):
        lines.append(f"... and {error.total - len(lines)} more (check --errors-csv PATH lists all)")
    _complain(str(error), error.exit_code, before=lines)
    return error.exit_code


def _unexpected(error: Exception) -> int:
    from billing.cli.session import ErrorStyle

    number = secrets.token_hex(4)
    after = "the state is saved: run the same command again to continue"
    if ErrorStyle.debug:
        after = "".join(_places(error)).rstrip()
    else:
        after += "; --log-level debug shows where it happened"
    _complain(f"unexpected {type(error).__name__} (error id {number})", Exit.INTERNAL, after)
    return Exit.INTERNAL


def _places(error: BaseException) -> Iterator[str]:
    """Yield where an exception came from, and the others that led to it.

    Names of exceptions and places in the program only: a message may hold the name of a payer, by which nothing can be
    told from other words.
    """
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    for one in (*([earlier] if earlier else ()), *inner):
        yield from _places(one)
    yield f"{type(error).__name__}, raised in\n"
    yield from traceback.format_tb(error.__traceback__)


def _complain(message: str, code: Exit, after: str = "", before: Sequence[str] = ()) -> None:
    """Say what went wrong on stderr: problems first, then the error, then what helps."""
    from billing.cli.session import ErrorStyle
    from billing.cli.terminal import write_err
    from billing.core.redaction import scrub
    from billing.edge.logs import open_log, visible

    if ErrorStyle.json_log:
        facts = {"problems": list(before)} if before else {}
        open_log("error", "json")("error", level="error", message=message, exit_code=int(code), hint=after, **facts)
        return
    for line in before:
        write_err(visible(scrub(line)))
    write_err(("" if before else "error: ") + visible(scrub(message)))
    for line in after.splitlines():
        write_err(visible(scrub(line)))


if __name__ == "__main__":
    main()
