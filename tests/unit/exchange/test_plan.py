"""The plan of an import: what a person sees before anything is written, and what they can choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from unit.exchange.account_strategies import accounts
from watchword_otp import Algorithm, Key, Kind, Secret
from watchword_tui.accounts import Account
from watchword_tui.exchange.model import Entry, ForeignKey
from watchword_tui.exchange.plan import (
    Accepted,
    Choice,
    ImportPlan,
    PlannedRow,
    Verdict,
    account_of,
    plan_import,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

SECRET = Secret(b"12345678901234567890")
OTHER = Secret(b"abcdefghijklmnopqrst")
GITHUB = Key(secret=SECRET, issuer="GitHub", name="alice")
BANK = Key(secret=OTHER, kind=Kind.HOTP, counter=5, issuer="Bank", name="eve")
MOTP = ForeignKey(kind="motp", secret=SECRET, algorithm="MD5", digits=6, period=10, pin="1234")
VAULT = (Account(GITHUB, "vault", id="id-github"), Account(BANK, "vault", id="id-bank"))


def entry(key: Key, where: str = "entry 1", **more: Any) -> Entry:
    return Entry(where=where, issuer=key.issuer, name=key.name, key=key, **more)


def changed(key: Key, **changes: Any) -> Entry:
    return entry(replace(key, **changes))


def foreign(key: ForeignKey = MOTP) -> Entry:
    return Entry(where="entry 9", name="door", foreign=key, reason="mOTP codes are not made here")


INVALID = Entry(where="line 3", name="broken", reason="the secret is empty")


def only(plan: ImportPlan) -> PlannedRow:
    [row] = plan.rows
    return row


def plan_of(one: Entry, vault: Sequence[Account] = VAULT) -> PlannedRow:
    return only(plan_import([one], vault))


class TestVerdicts:
    def test_an_unknown_key_is_new(self) -> None:
        row = plan_of(changed(GITHUB, secret=Secret(b"x" * 20), name="bob"))
        assert (row.verdict, row.account, row.remarks) == (Verdict.NEW, None, ())

    def test_the_same_key_under_the_same_labels_is_a_duplicate(self) -> None:
        row = plan_of(entry(GITHUB, note="a note more", groups=("Work",), favourite=True))
        assert (row.verdict, row.account) == (Verdict.DUPLICATE, VAULT[0])

    @pytest.mark.parametrize(
        ("changes", "remark"),
        [
            ({"issuer": "GitHub Inc."}, "issuer was GitHub"),
            ({"name": "bob"}, "name was alice"),
            ({"issuer": ""}, "issuer was GitHub"),
            ({"algorithm": Algorithm.SHA256}, "algorithm was SHA1"),
            ({"digits": 8}, "digits were 6"),
            ({"period": 60}, "period was 30 s"),
        ],
    )
    def test_the_same_secret_otherwise_is_changed(self, changes: dict[str, Any], remark: str) -> None:
        row = plan_of(changed(GITHUB, **changes))
        assert (row.verdict, row.account, row.remarks) == (Verdict.CHANGED, VAULT[0], (remark,))

    def test_a_label_that_was_empty_is_said_to_be(self) -> None:
        bare = Account(replace(GITHUB, issuer=""), "vault", id="id")
        assert plan_of(entry(GITHUB), [bare]).remarks == ("issuer was empty",)

    def test_another_type_is_changed(self) -> None:
        row = plan_of(entry(replace(GITHUB, kind=Kind.HOTP)))
        assert row.remarks == ("type was TOTP",)

    def test_all_differences_are_named(self) -> None:
        row = plan_of(changed(GITHUB, name="bob", digits=8, period=60))
        assert row.remarks == ("name was alice", "digits were 6", "period was 30 s")

    def test_the_same_account_with_another_secret_is_changed(self) -> None:
        row = plan_of(changed(GITHUB, secret=Secret(b"new secret of 20 byt")))
        assert (row.verdict, row.account) == (Verdict.CHANGED, VAULT[0])
        assert row.remarks == ("another secret",)

    def test_the_same_account_is_found_whatever_its_case(self) -> None:
        one = changed(GITHUB, secret=Secret(b"y" * 20), issuer="GITHUB", name="Alice")
        row = plan_of(one)
        assert (row.verdict, row.account) == (Verdict.CHANGED, VAULT[0])
        assert row.remarks == ("another secret", "issuer was GitHub", "name was alice")

    def test_the_same_labels_of_another_type_are_another_account(self) -> None:
        steam = Key(secret=Secret(b"z" * 20), kind=Kind.STEAM, digits=5, issuer="GitHub", name="alice")
        assert plan_of(entry(steam)).verdict is Verdict.NEW

    def test_two_keys_without_any_label_are_two_accounts(self) -> None:
        vault = [Account(Key(secret=SECRET), "vault", id="id")]
        assert plan_of(entry(Key(secret=OTHER)), vault).verdict is Verdict.NEW

    def test_of_several_with_one_secret_the_nearest_is_compared(self) -> None:
        far = Account(replace(GITHUB, issuer="X", name="Y", digits=8), "vault", id="far")
        assert plan_of(entry(GITHUB), [far, VAULT[0]]).verdict is Verdict.DUPLICATE
        assert plan_of(changed(GITHUB, name="bob"), [far, VAULT[0]]).account == VAULT[0]

    def test_a_row_that_cannot_be_read_says_why(self) -> None:
        row = plan_of(INVALID)
        assert (row.verdict, row.remarks) == (Verdict.INVALID, ("the secret is empty",))


class TestCounters:
    def test_behind_the_vault_is_a_duplicate(self) -> None:
        assert plan_of(changed(BANK, counter=2)).verdict is Verdict.DUPLICATE

    def test_ahead_of_the_vault_is_changed(self) -> None:
        row = plan_of(changed(BANK, counter=9))
        assert (row.verdict, row.remarks) == (Verdict.CHANGED, ("counter was 5",))

    def test_counters_of_two_secrets_are_not_compared(self) -> None:
        row = plan_of(changed(BANK, secret=SECRET, counter=9), [VAULT[1]])
        assert row.remarks == ("another secret",)

    def test_of_twins_in_one_import_the_furthest_counts(self) -> None:
        twins = [entry(replace(BANK, counter=counter), f"line {counter}") for counter in (7, 9, 8)]
        plan = plan_import(twins, ())
        assert [row.verdict for row in plan.rows] == [
            Verdict.DUPLICATE,
            Verdict.NEW,
            Verdict.DUPLICATE,
        ]
        assert plan.rows[0].remarks == ("the same as line 9",)


class TestWithinTheImport:
    def test_a_twin_is_a_duplicate_that_names_the_first(self) -> None:
        plan = plan_import([entry(GITHUB, "line 1"), entry(GITHUB, "line 8")], ())
        assert [row.verdict for row in plan.rows] == [Verdict.NEW, Verdict.DUPLICATE]
        assert plan.rows[1].remarks == ("the same as line 1",)

    def test_two_secrets_under_one_label_are_both_new(self) -> None:
        plan = plan_import([entry(GITHUB), changed(GITHUB, secret=OTHER)], ())
        assert [row.verdict for row in plan.rows] == [Verdict.NEW, Verdict.NEW]

    def test_rows_that_cannot_be_read_are_no_twins(self) -> None:
        plan = plan_import([INVALID, INVALID], ())
        assert [row.verdict for row in plan.rows] == [Verdict.INVALID, Verdict.INVALID]


class TestForeignKeys:
    def test_one_is_kept(self) -> None:
        row = plan_of(foreign())
        assert (row.verdict, row.remarks) == (Verdict.KEPT, ("mOTP codes are not made here",))
        assert plan_import([foreign()], ()).accepted({0: Choice.ADD}).new == (foreign(),)

    def test_one_that_the_vault_keeps_already_is_a_duplicate(self) -> None:
        row = only(plan_import([foreign(replace(MOTP))], VAULT, kept=[MOTP]))
        assert row.verdict is Verdict.DUPLICATE

    def test_twins_and_other_keys_are_told_apart(self) -> None:
        plan = plan_import([foreign(), foreign(), foreign(replace(MOTP, pin="9"))], ())
        assert [row.verdict for row in plan.rows] == [
            Verdict.KEPT,
            Verdict.DUPLICATE,
            Verdict.KEPT,
        ]


ENTRIES = [
    changed(GITHUB, name="bob"),
    entry(GITHUB),
    entry(Key(secret=Secret(b"n" * 20), issuer="New")),
    INVALID,
    foreign(),
]


class TestChoices:
    def test_counts_and_summary(self) -> None:
        plan = plan_import(ENTRIES, VAULT)
        assert plan.counts == dict.fromkeys(Verdict, 1)
        assert plan.summary == "1 new, 1 changed, 1 duplicate, 1 kept, 1 invalid"
        assert plan_import([ENTRIES[1], ENTRIES[1]], VAULT).summary == "2 duplicates"
        assert plan_import([], VAULT).summary == "nothing to import"

    def test_unless_told_otherwise_only_what_is_new_is_added(self) -> None:
        plan = plan_import(ENTRIES, VAULT)
        assert plan.accepted(plan.choices()) == Accepted((ENTRIES[2], ENTRIES[4]), ())

    def test_a_changed_row_can_replace_its_account(self) -> None:
        plan = plan_import(ENTRIES, VAULT)
        assert plan.accepted(plan.choices(Choice.REPLACE)).replaced == (("id-github", ENTRIES[0]),)

    def test_a_changed_row_can_be_kept_beside_its_account(self) -> None:
        plan = plan_import(ENTRIES, VAULT)
        assert plan.accepted(plan.choices(Choice.ADD)).new == (ENTRIES[0], ENTRIES[2], ENTRIES[4])

    def test_each_row_can_be_chosen(self) -> None:
        plan = plan_import(ENTRIES, VAULT)
        choices = plan.choices(Choice.REPLACE) | {2: Choice.SKIP, 4: Choice.SKIP}
        assert plan.accepted(choices) == Accepted((), (("id-github", ENTRIES[0]),))
        assert plan.accepted({}) == Accepted((), ())

    @pytest.mark.parametrize(
        ("index", "choice"), [(1, Choice.ADD), (2, Choice.REPLACE), (3, Choice.ADD)]
    )
    def test_what_makes_no_sense_cannot_be_chosen(self, index: int, choice: Choice) -> None:
        plan = plan_import(ENTRIES, VAULT)
        with pytest.raises(ValueError, match=r"cannot be chosen"):
            plan.accepted({index: choice})

    def test_two_rows_for_one_account_lose_nothing(self) -> None:
        both = [changed(GITHUB, name="bob"), changed(GITHUB, name="carol")]
        plan = plan_import(both, VAULT)
        accepted = plan.accepted(plan.choices(Choice.REPLACE))
        assert accepted == Accepted((both[1],), (("id-github", both[0]),))


class TestAccountOf:
    def test_an_entry_becomes_an_account(self) -> None:
        one = entry(GITHUB, notices=("odd",), note="n", groups=("Work",), favourite=True)
        assert account_of(one, "vault", "new-id") == Account(
            GITHUB, "vault", ("odd",), id="new-id", note="n", favourite=True, groups=("Work",)
        )

    @pytest.mark.parametrize("one", [INVALID, foreign()])
    def test_what_has_no_key_is_no_account(self, one: Entry) -> None:
        with pytest.raises(ValueError, match="no account"):
            account_of(one, "vault", "id")


class TestProperties:
    @given(st.lists(accounts, max_size=8))
    def test_what_was_imported_once_is_never_new_again(self, held: list[Account]) -> None:
        entries = [entry(one.key) for one in held]
        first = plan_import(entries, ())
        added = first.accepted(first.choices()).new
        vault = [account_of(one, "vault", str(number)) for number, one in enumerate(added)]
        again = plan_import(entries, vault)
        assert again.counts[Verdict.DUPLICATE] == len(entries)

    @given(st.lists(accounts, max_size=8), st.lists(accounts, max_size=8), st.sampled_from(Choice))
    def test_every_row_goes_where_it_was_chosen_to(
        self, held: list[Account], other: list[Account], changed: Choice
    ) -> None:
        vault = [replace(one, id=str(number)) for number, one in enumerate(held)]
        plan = plan_import([entry(one.key) for one in (*held, *other)], vault)
        choices = plan.choices(changed)
        accepted = plan.accepted(choices)
        chosen = [
            row.entry
            for row, choice in zip(plan.rows, choices.values(), strict=True)
            if choice != "skip"
        ]
        assert len(accepted.new) + len(accepted.replaced) == len(chosen)
        assert {identity for identity, _ in accepted.replaced} <= {one.id for one in vault}

    @given(accounts, accounts)
    def test_no_remark_shows_a_secret(self, old: Account, new: Account) -> None:
        same_labels = replace(new.key, issuer=old.key.issuer, name=old.key.name)
        row = plan_of(entry(same_labels), [old])
        for secret in (old.key.secret, new.key.secret):
            if secret.bits >= 80:
                assert not any(secret.base32() in remark for remark in row.remarks)
                assert secret.base32() not in repr(row)
